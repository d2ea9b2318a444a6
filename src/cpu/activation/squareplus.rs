//! The twin of `shaders/activation/squareplus.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Squareplus: (x + sqrt(x^2 + b)) / 2, without cancellation for x < 0.
#[inline(always)]
pub(crate) fn value(x: Real, b: Real) -> Real {
    squareplus(x, b)
}

// upstream (1 + x / sqrt(x^2 + b)) / 2.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, b: Real) -> Real {
    squareplus_backward(x, upstream, b)
}

// With respect to b: upstream / (4 sqrt(x^2 + b)).
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, b: Real) -> Real {
    squareplus_parameter(x, upstream, b)
}
