//! The twin of `shaders/activation/bias.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Bias: x + b.
#[inline(always)]
pub(crate) fn value(x: Real, b: Real) -> Real {
    x + b
}

// upstream.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, b: Real) -> Real {
    upstream
}

// With respect to b: upstream.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, b: Real) -> Real {
    upstream
}
