//! The twin of `shaders/activation/hard_swish.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Hard swish: x (x + 3) / 6 for -3 < x < 3, 0 below and x above.
pub(crate) const SIXTH: Real = 0.16666667;

#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    let sides = select(-0.0, x, x > 0.0);
    select(sides, (x * (x + 3.0)) * SIXTH, abs(x) < 3.0)
}

// upstream (2 x + 3) / 6 for -3 < x < 3, 0 below and upstream above.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    let sides = select(0.0, upstream, x > 0.0);
    select(sides, ((2.0 * x + 3.0) * SIXTH) * upstream, abs(x) < 3.0)
}
