//! The twin of `shaders/activation/hardtanh.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Hardtanh: x between min and max, which it does not leave. Where min is larger, it is max.
#[inline(always)]
pub(crate) fn value(x: Real, least: Real, most: Real) -> Real {
    let raised = select(x, least, x < least);
    select(raised, most, raised > most)
}

// upstream for min < x < max, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, least: Real, most: Real) -> Real {
    select(0.0, upstream, (x > least) & (x < most))
}

// upstream for the bound that x meets.
#[derive(Clone, Copy)]
pub(crate) struct Gradients {
    pub(crate) min: Real,
    pub(crate) max: Real,
}
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, least: Real, most: Real) -> Gradients {
    Gradients {
        min: select(0.0, upstream, (x <= least) & (least < most)),
        max: select(0.0, upstream, (x >= most) | (least >= most)),
    }
}
