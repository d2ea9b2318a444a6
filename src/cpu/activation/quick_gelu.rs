//! The twin of `shaders/activation/quick_gelu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Quick GELU: x s(1.702 x), s the logistic sigmoid.
pub(crate) const BETA: Real = 1.702;

#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    sigmoid_gate(x, BETA)
}

// upstream (s + z s (1 - s)), z = 1.702 x.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    sigmoid_gate_backward(x, upstream, BETA)
}
