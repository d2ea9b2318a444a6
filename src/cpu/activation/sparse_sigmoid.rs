//! The twin of `shaders/activation/sparse_sigmoid.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Sparse sigmoid: (x + 1) / 2 between 0 and 1, which it does not leave.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    clamp(0.5 * (x + 1.0), 0.0, 1.0)
}

// upstream / 2 for -1 < x < 1, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    select(0.0, 0.5 * upstream, abs(x) < 1.0)
}
