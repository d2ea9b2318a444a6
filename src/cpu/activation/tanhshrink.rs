//! The twin of `shaders/activation/tanhshrink.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Tanhshrink: x - tanh x, without cancellation near 0.
#[inline(always)]
pub(crate) fn value(x: Real) -> Real {
    tanh_rest(x)
}

// upstream tanh^2 x, which far from 0 is upstream less the slope of tanh.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real) -> Real {
    let t = x - tanh_rest(x);
    select(
        (t * upstream) * t,
        upstream - bell(4.0, upstream, 2.0 * x),
        abs(x) > 1.0,
    )
}
