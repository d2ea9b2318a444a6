//! The twin of `shaders/activation/dynamic_tanh.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Dynamic tanh: weight tanh(alpha x) + bias.
#[inline(always)]
pub(crate) fn value(x: Real, alpha: Real, weight: Real, bias: Real) -> Real {
    weight * tanhf(alpha * finite(x)) + bias
}

// factor upstream (1 - tanh^2 z). Where the product leaves f32's range, the factor comes last.
#[inline(always)]
pub(crate) fn slope_times(factor: Real, upstream: Real, z: Real) -> Real {
    let whole = factor * upstream;
    let beyond = abs(whole) > LARGEST;
    bell(4.0, select(whole, upstream, beyond), 2.0 * z) * select(1.0, factor, beyond)
}

// weight alpha (1 - tanh^2(alpha x)) upstream.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, alpha: Real, weight: Real, bias: Real) -> Real {
    slope_times(weight * alpha, upstream, alpha * finite(x))
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
    // Far out nothing is left, whatever the product.
    let factor = select(weight * finite(x), 0.0, abs(z) > 200.0);
    Gradients {
        alpha: slope_times(factor, upstream, z),
        weight: tanhf(z) * upstream,
        bias: upstream,
    }
}
