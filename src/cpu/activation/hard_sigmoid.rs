//! The twin of `shaders/activation/hard_sigmoid.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Hard sigmoid: slope x + offset between 0 and 1, which it does not leave.
#[inline(always)]
pub(crate) fn value(x: Real, slope: Real, offset: Real) -> Real {
    clamp(product_sum(x, slope, offset), 0.0, 1.0)
}

#[inline(always)]
pub(crate) fn is_inside(x: Real, slope: Real, offset: Real) -> Bool {
    (product_sum(x, slope, offset) > 0.0) & (product_sum(x, slope, offset - 1.0) < 0.0)
}

// slope upstream where the line is, else 0.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, slope: Real, offset: Real) -> Real {
    select(0.0, slope * upstream, is_inside(x, slope, offset))
}

// x upstream with respect to the slope, upstream to the offset, where the line is, else 0.
#[derive(Clone, Copy)]
pub(crate) struct Gradients {
    pub(crate) slope: Real,
    pub(crate) offset: Real,
}
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, slope: Real, offset: Real) -> Gradients {
    let inside = is_inside(x, slope, offset);
    Gradients {
        slope: select(0.0, x * upstream, inside),
        offset: select(0.0, upstream, inside),
    }
}
