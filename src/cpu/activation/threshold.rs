//! The twin of `shaders/activation/threshold.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Threshold: x where it is more than the threshold, else the other value.
#[inline(always)]
pub(crate) fn value(x: Real, threshold: Real, other: Real) -> Real {
    select(other, x, x > threshold)
}

// upstream for x > threshold, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, threshold: Real, other: Real) -> Real {
    select(0.0, upstream, x > threshold)
}

// With respect to the threshold, where it jumps, 0; to the other value upstream where that is the result.
#[derive(Clone, Copy)]
pub(crate) struct Gradients {
    pub(crate) threshold: Real,
    pub(crate) value: Real,
}
#[inline(always)]
pub(crate) fn parameter_backward(
    x: Real,
    upstream: Real,
    threshold: Real,
    other: Real,
) -> Gradients {
    Gradients {
        threshold: 0.0,
        value: select(upstream, 0.0, x > threshold),
    }
}
