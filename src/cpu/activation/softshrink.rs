//! The twin of `shaders/activation/softshrink.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Softshrink: x moved lambd closer to 0, and 0 where it is closer than that.
#[inline(always)]
pub(crate) fn value(x: Real, lambd: Real) -> Real {
    let size = abs(x) - lambd;
    select(0.0, with_sign(size, x), size > 0.0)
}

// upstream for |x| > lambd, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, lambd: Real) -> Real {
    select(0.0, upstream, abs(x) > lambd)
}

// -upstream for x > lambd, upstream for x < -lambd, else 0.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, lambd: Real) -> Real {
    select(0.0, select(upstream, -upstream, x > 0.0), abs(x) > lambd)
}
