//! The twin of `shaders/activation/shrink.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Shrink: x moved bias closer to 0 for |x| > lambd, else 0.
#[inline(always)]
pub(crate) fn value(x: Real, bias: Real, lambd: Real) -> Real {
    select(0.0, select(x + bias, x - bias, x > 0.0), abs(x) > lambd)
}

// upstream for |x| > lambd, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, bias: Real, lambd: Real) -> Real {
    select(0.0, upstream, abs(x) > lambd)
}

// With respect to the bias -upstream for x > lambd, upstream for x < -lambd, else 0; to lambd, where it jumps, 0.
#[derive(Clone, Copy)]
pub(crate) struct Gradients {
    pub(crate) bias: Real,
    pub(crate) lambd: Real,
}
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, bias: Real, lambd: Real) -> Gradients {
    let moved = select(upstream, -upstream, x > 0.0);
    Gradients {
        bias: select(0.0, moved, abs(x) > lambd),
        lambd: 0.0,
    }
}
