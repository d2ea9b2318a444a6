//! The twin of `shaders/activation/gelu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// GELU: x Phi(x), Phi the standard normal distribution.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    normal_gate(x)
}

// upstream (Phi(x) + x phi(x)); with e = e^(-x^2 / 2) and
// k = Phi(-|x|) / e - |x| / sqrt(2 pi) that is e k for x < 0, else 1 - e k.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    const INV_SQRT_TAU: Real = 0.398942280;
    let t = magnitude(x, 18.873);
    let e = exp_negative_half_square(t);
    let k = normal_tail(t) / max(t, 0.5) - INV_SQRT_TAU * t;
    let sides = select(
        times(upstream, multiple(k, e)),
        (1.0 - plain(e) * k) * upstream,
        x > 0.0,
    );
    let middle = 0.5 + x * (normal_series(t * t) + INV_SQRT_TAU * plain(e));
    select(sides, middle * upstream, t < 0.5)
}
