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
    let e = exp_negative_gelu(c);
    let p = c * (1.5957691 + 0.21406445 * c * c);
    let d = 1.0 + plain(e);
    let share = select(d + p, d + p * plain(e), x >= 0.0) / (d * d);
    select(times_both(share, e, upstream), share * upstream, x >= 0.0)
}
