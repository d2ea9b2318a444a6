//! The twin of `shaders/activation/softshrink.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Softshrink: x moved lambda closer to 0, and 0 where it is closer than that.
#[inline(always)]
pub(crate) fn value(x: Real, lambda: Real) -> Real {
    let size = abs(x) - lambda;
    select(0.0, with_sign(size, x), size > 0.0)
}

// upstream for |x| > lambda, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, lambda: Real) -> Real {
    select(0.0, upstream, abs(x) > lambda)
}

// -upstream for x > lambda, upstream for x < -lambda, else 0.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, lambda: Real) -> Real {
    select(0.0, select(upstream, -upstream, x > 0.0), abs(x) > lambda)
}
