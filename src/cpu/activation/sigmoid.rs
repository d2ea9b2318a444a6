//! The twin of `shaders/activation/sigmoid.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Sigmoid: s = 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    sigmoid(x)
}

// upstream s (1 - s), as e / (1 + e)^2 with e = e^-|x|, where nothing overflows or cancels.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    bell(1.0, upstream, x)
}
