//! The twin of `shaders/activation/selu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// SELU: lambda x for x > 0, else lambda alpha (e^x - 1), the constants such that mean 0 and
// variance 1 are a fixed point of a layer.
pub(crate) const LAMBDA: Real = 1.0507009873554804934193349852946;
pub(crate) const LAMBDA_ALPHA: Real = 1.7580993408473768599402175208123;

#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    select(LAMBDA_ALPHA * expm1f(x), LAMBDA * x, x > 0.0)
}

// lambda upstream for x > 0, else lambda alpha e^x upstream.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    let e = exp_negative(x);
    select(
        times(upstream, multiple(LAMBDA_ALPHA, e)),
        LAMBDA * upstream,
        x > 0.0,
    )
}
