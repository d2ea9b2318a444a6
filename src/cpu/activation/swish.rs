//! The twin of `shaders/activation/swish.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Swish: x s(beta x), s the logistic sigmoid.
#[inline(always)]
pub(crate) fn value(x: Real, beta: Real) -> Real {
    sigmoid_gate(x, beta)
}

// upstream (s + z s (1 - s)), z = beta x.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, beta: Real) -> Real {
    sigmoid_gate_backward(x, upstream, beta)
}

// With respect to beta: upstream x^2 s (1 - s).
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, beta: Real) -> Real {
    let e = exp_negative_product(x, beta);
    let d = 1.0 + plain(e);
    let c = select(finite(x), 0.0, (abs(x) > LARGEST) & (beta != 0.0));
    let factors = least_first(c, upstream);
    begun(factors.first / (d * d), e) * c * factors.last * e.scale
}
