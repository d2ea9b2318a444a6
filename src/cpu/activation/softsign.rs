//! The twin of `shaders/activation/softsign.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Softsign: x / (1 + |x|).
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    with_sign(softsign(abs(finite(x))), x)
}

// upstream / (1 + |x|)^2.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    over_square_of_one_plus(upstream, abs(finite(x)))
}
