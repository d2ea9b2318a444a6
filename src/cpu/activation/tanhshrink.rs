//! The twin of `shaders/activation/tanhshrink.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Tanhshrink: x - tanh x, without cancellation near 0.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    tanh_rest(x)
}

// upstream tanh^2 x, tanh^2 far from 0 being 1 less the slope of tanh.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    let rest = tanh_rest(x);
    let t = kept(x - rest);
    // What t lacks of tanh x, since a square has twice the error of its root.
    let lacks = (x - t) - rest;
    let v = kept(t * upstream);
    let near = v * t + v * (2.0 * lacks);
    select(
        near,
        upstream * (1.0 - bell(4.0, 1.0, 2.0 * x)),
        abs(x) > 1.0,
    )
}
