//! The twin of `shaders/activation/snake.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Snake: x + sin^2(alpha x) / alpha.
#[inline(always)]
pub(crate) fn value(x: Real, alpha: Real) -> Real {
    let s = sines(x, alpha);
    plus_quotient(x, s.base, s.half, alpha)
}

// upstream (1 + sin(2 alpha x)).
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, alpha: Real) -> Real {
    upstream * (1.0 + sines(x, alpha).of_twice)
}

// upstream (x sin(2z) - sin^2(z) / alpha) / alpha, z = alpha x, which is upstream x^2 where z is small.
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, alpha: Real) -> Real {
    let s = sines(x, alpha);
    let i = reciprocal(alpha);
    let c = finite(x);
    let slope = c * s.of_twice - square(s) * i;
    let near = abs(c * alpha) < 1e-6;
    product_of_three(upstream, select(slope, c, near), select(i, c, near))
}
