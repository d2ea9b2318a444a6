//! The twin of `shaders/activation/elu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// ELU: x for x > 0, else alpha (e^x - 1).
#[inline(always)]
pub(crate) fn value(x: Real, alpha: Real) -> Real {
    select(alpha * expm1f(x), x, x > 0.0)
}

// upstream for x > 0, else alpha e^x upstream.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, alpha: Real) -> Real {
    // Whichever factor alpha can shrink or grow without leaving f32's range before the product does.
    let e = multiple(max(alpha, 1.0), exp_negative(x));
    select(times(upstream * min(alpha, 1.0), e), upstream, x > 0.0)
}

// With respect to alpha: 0 for x > 0, else (e^x - 1) upstream.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, alpha: Real) -> Real {
    select(expm1f(x) * upstream, 0.0, x > 0.0)
}
