//! The twin of `shaders/activation/celu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// CELU: x for x > 0, else alpha (e^(x / alpha) - 1), which is x where x / alpha is small.
#[inline(always)]
pub(crate) fn value(x: Real, alpha: Real) -> Real {
    let same = (x > 0.0) | (abs(x) < 1e-8 * alpha);
    select(alpha * expm1_quotient(x, alpha), x, same)
}

// upstream for x > 0, else e^(x / alpha) upstream.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, alpha: Real) -> Real {
    select(
        times(upstream, exp_negative_quotient(x, alpha)),
        upstream,
        x > 0.0,
    )
}

// With respect to alpha: 0 for x > 0, else (e^z - 1 - z e^z) upstream, z = x / alpha.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, alpha: Real) -> Real {
    let z = max(finite(x) / alpha, -178.0);
    let slope = expm1_quotient(x, alpha) - z * plain(exp_negative_quotient(x, alpha));
    select(slope * upstream, 0.0, x > 0.0)
}
