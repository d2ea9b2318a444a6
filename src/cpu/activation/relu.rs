//! The twin of `shaders/activation/relu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// ReLU: x for x > 0, else 0.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    select(0.0, x, x > 0.0)
}

// upstream for x > 0, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    select(0.0, upstream, x > 0.0)
}
