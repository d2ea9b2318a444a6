//! The twin of `shaders/activation/mish.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Mish: x tanh(softplus(x)).
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    tanh_softplus_gate(x)
}

// upstream (tanh + x sech^2 s), tanh and sech of softplus(x), s the logistic sigmoid.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    times_tanh_softplus_slope(upstream, x)
}
