//! The twin of `shaders/activation/leaky_relu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Leaky ReLU: x for x > 0, else slope x. With slope 0 it is ReLU, also at -inf.
#[inline(always)]
pub(crate) fn value(x: Real, slope: Real) -> Real {
    select(select(slope * x, 0.0, slope == 0.0), x, x > 0.0)
}

// upstream for x > 0, else slope upstream.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, slope: Real) -> Real {
    select(slope * upstream, upstream, x > 0.0)
}

// With respect to the slope: 0 for x > 0, else x upstream.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, slope: Real) -> Real {
    select(x * upstream, 0.0, x > 0.0)
}
