//! The twin of `shaders/activation/thresholded_relu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Thresholded ReLU: x for x > alpha, else 0.
#[inline(always)]
pub(crate) fn value(x: Real, alpha: Real) -> Real {
    select(0.0, x, x > alpha)
}

// upstream for x > alpha, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, alpha: Real) -> Real {
    select(0.0, upstream, x > alpha)
}

// 0: where it jumps it has no slope.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, alpha: Real) -> Real {
    0.0
}
