//! The twin of `shaders/activation/hardshrink.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Hardshrink: x for |x| > lambd, else 0.
#[inline(always)]
pub(crate) fn value(x: Real, lambd: Real) -> Real {
    select(0.0, x, abs(x) > lambd)
}

// upstream for |x| > lambd, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, lambd: Real) -> Real {
    select(0.0, upstream, abs(x) > lambd)
}

// 0: where it jumps it has no slope.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, lambd: Real) -> Real {
    0.0
}
