//! The twin of `shaders/activation/identity.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Identity: x.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    x
}

// upstream.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    upstream
}
