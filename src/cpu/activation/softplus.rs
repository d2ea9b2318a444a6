//! The twin of `shaders/activation/softplus.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Softplus: ln(1 + e^(beta x)) / beta.
#[inline(always)]
pub(crate) fn value(x: Real, beta: Real) -> Real {
    softplus(x, beta)
}

// upstream s(beta x).
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, beta: Real) -> Real {
    times_sigmoid(upstream, x >= 0.0, exp_minus_product(x, beta))
}

// With respect to beta: -upstream (|z| e / (1 + e) + ln(1 + e)) / beta^2, z = beta x.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, beta: Real) -> Real {
    let e = exp_negative_product(x, beta);
    let sum = min(abs(beta * finite(x)), 256.0) / (1.0 + plain(e)) + log1p_ratio(plain(e));
    let terms = select(sum, 0.0, abs(x) > LARGEST);
    let factors = least_first(terms / beta, upstream);
    -begun(factors.first, e) * factors.last / beta * e.scale
}
