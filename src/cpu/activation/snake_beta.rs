//! The twin of `shaders/activation/snake_beta.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// Snake with two parameters: x + sin^2(alpha x) / beta.
#[inline(always)]
pub(crate) fn value(x: Real, alpha: Real, beta: Real) -> Real {
    let s = sines(x, alpha);
    plus_quotient(x, s.base, s.half, beta)
}

// upstream (1 + alpha sin(2 alpha x) / beta).
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, alpha: Real, beta: Real) -> Real {
    upstream * (1.0 + (alpha * reciprocal(beta)) * sines(x, alpha).of_twice)
}

// upstream x sin(2 alpha x) / beta and -upstream sin^2(alpha x) / beta^2.
#[derive(Clone, Copy)]
pub(crate) struct Gradients {
    pub(crate) alpha: Real,
    pub(crate) beta: Real,
}
#[inline(always)]
pub(crate) fn parameter_backward(x: Real, upstream: Real, alpha: Real, beta: Real) -> Gradients {
    let s = sines(x, alpha);
    let i = reciprocal(beta);
    // A small square and a small upstream each meet a large 1 / beta first: their product would be lost.
    let apart = (abs(upstream) < 1.0) & (abs(i) > 1.0);
    let first = square(s) * select(upstream, i, apart);
    let of_beta = kept(first * select(i, upstream * i, apart)) * select(i, 1.0, apart);
    Gradients {
        alpha: product_of_three(upstream * s.of_twice, finite(x), i),
        beta: -of_beta,
    }
}
