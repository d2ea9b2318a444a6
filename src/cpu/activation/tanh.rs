//! The twin of `shaders/activation/tanh.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Tanh.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    tanhf(x)
}

// upstream (1 - tanh^2 x), as 4 e / (1 + e)^2 with e = e^-2|x|, where nothing cancels.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    bell(4.0, upstream, 2.0 * x)
}
