//! The twin of `shaders/activation/gelu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// GELU: x Phi(x), Phi the standard normal distribution.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    normal_gate(x)
}

// upstream (Phi(x) + x phi(x)).
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    times_normal_slope(upstream, x)
}
