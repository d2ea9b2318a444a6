//! The twin of `shaders/activation/squared_relu.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Squared ReLU: x^2 for x > 0, else 0.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    select(0.0, x * x, x > 0.0)
}

// 2 x upstream for x > 0, else 0. The 2 comes where it takes no product out of f32's range.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    let large = x > 1.0;
    let twice = (x * select(2.0, 1.0, large)) * upstream * select(1.0, 2.0, large);
    select(0.0, twice, x > 0.0)
}
