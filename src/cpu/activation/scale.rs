//! The twin of `shaders/activation/scale.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Scale: factor x; 0 for a factor of 0, also where x is infinite.
#[inline(always)]
pub(crate) fn value(x: Real, factor: Real) -> Real {
    factor * select(x, finite(x), factor == 0.0)
}

// factor upstream.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, factor: Real) -> Real {
    factor * upstream
}

// With respect to the factor: x upstream.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, factor: Real) -> Real {
    x * upstream
}
