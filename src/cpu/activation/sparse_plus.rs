//! The twin of `shaders/activation/sparse_plus.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Sparse plus: (x + 1)^2 / 4 for -1 < x < 1, 0 below and x above.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    let half = 0.5 * (x + 1.0);
    let sides = select(0.0, x, x > 0.0);
    select(sides, half * half, abs(x) < 1.0)
}

// upstream (x + 1) / 2 for -1 < x < 1, 0 below and upstream above.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    let sides = select(0.0, upstream, x > 0.0);
    select(sides, (0.5 * (x + 1.0)) * upstream, abs(x) < 1.0)
}
