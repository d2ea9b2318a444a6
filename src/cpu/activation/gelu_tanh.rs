//! The twin of `shaders/activation/gelu_tanh.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// GELU, tanh form: x s(2u), u = sqrt(2 / pi) (x + 0.044715 x^3), s the logistic sigmoid.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    gelu_tanh_gate(x)
}

// upstream (s + x s (1 - s) 2u'), from e = e^-|2u|, which is 0 beyond |x| = 16.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    let c = clamp(x, -16.0, 16.0);
    times_gate_slope(
        upstream,
        gelu_slope_argument(c),
        x >= 0.0,
        exp_minus_gelu(c),
    )
}
