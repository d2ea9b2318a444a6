//! The twin of `shaders/activation/exponential.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Exponential: e^x.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    exp_times(x, 1.0)
}

// upstream e^x.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    select(exp_times(x, upstream), x * upstream, x > LARGEST)
}
