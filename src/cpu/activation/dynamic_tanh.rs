//! The twin of `shaders/activation/dynamic_tanh.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Dynamic tanh: weight tanh(alpha x) + bias.
#[inline(always)]
pub(crate) fn value(x: Real, alpha: Real, weight: Real, bias: Real) -> Real {
    weight * tanhf(alpha * finite(x)) + bias
}

// weight alpha (1 - tanh^2(alpha x)) upstream.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, alpha: Real, weight: Real, bias: Real) -> Real {
    bell(4.0, (weight * alpha) * upstream, 2.0 * (alpha * finite(x)))
}

#[derive(Clone, Copy)]
pub(crate) struct Gradients {
    pub(crate) alpha: Real,
    pub(crate) weight: Real,
    pub(crate) bias: Real,
}
#[inline(always)]
pub(crate) fn parameter_backward(
    x: Real,
    upstream: Real,
    alpha: Real,
    weight: Real,
    bias: Real,
) -> Gradients {
    let z = alpha * finite(x);
    Gradients {
        alpha: bell(4.0, (weight * finite(x)) * upstream, 2.0 * z),
        weight: tanhf(z) * upstream,
        bias: upstream,
    }
}
