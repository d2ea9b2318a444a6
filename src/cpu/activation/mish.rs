//! The twin of `shaders/activation/mish.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Mish: x tanh(softplus(x)).
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    tanh_softplus_gate(x)
}

// upstream (tanh + x sech^2 s), tanh and sech of softplus(x), s the logistic sigmoid; in e = e^-|x|
// (n + 4 x e^2 (1 + e) / d) / d with n = 1 + 2e, d = n + 2e^2 for x >= 0,
// e (2 + e + 4 x (1 + e) / d) / d with d = e (e + 2) + 2 for x < 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    let e = exp_negative(x);
    let p = plain(e);
    let c = 4.0 * clamp(x, -256.0, 256.0) * (1.0 + p);
    let d1 = 1.0 + 2.0 * p + 2.0 * p * p;
    let positive = (1.0 + 2.0 * p + c * p * p / d1) / d1;
    let d2 = p * (p + 2.0) + 2.0;
    let negative = times_both((2.0 + p + c / d2) / d2, e, upstream);
    select(negative, positive * upstream, x >= 0.0)
}
