//! The twin of `shaders/activation/log_sigmoid.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Log-sigmoid: -ln(1 + e^-x).
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    -softplus(-x, 1.0)
}

// upstream s(-x), s the logistic sigmoid.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    times_sigmoid(upstream, x <= 0.0, exp_minus_product(x, 1.0))
}
