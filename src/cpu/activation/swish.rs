//! The twin of `shaders/activation/swish.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Swish: x s(beta x), s the logistic sigmoid.
#[inline(always)]
pub(crate) fn value(x: Real, beta: Real) -> Real {
    sigmoid_gate(x, beta)
}

// upstream (s + z s (1 - s)), z = beta x.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, beta: Real) -> Real {
    let z = finite(x) * beta;
    let e = exp_negative_product(x, beta);
    let c = clamp(z, -256.0, 256.0);
    let d = 1.0 + plain(e);
    let share = select(d + c, d + c * plain(e), z >= 0.0) / (d * d);
    select(times_both(share, e, upstream), share * upstream, z >= 0.0)
}

// With respect to beta: upstream x^2 s (1 - s).
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, beta: Real) -> Real {
    let e = exp_negative_product(x, beta);
    let d = 1.0 + plain(e);
    begun(finite(x) / (d * d), e) * finite(x) * upstream * e.scale
}
