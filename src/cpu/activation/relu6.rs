//! The twin of `shaders/activation/relu6.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// ReLU6: x between 0 and 6, which it does not leave.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    clamp(x, 0.0, 6.0)
}

// upstream for 0 < x < 6, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    select(0.0, upstream, (x > 0.0) & (x < 6.0))
}
