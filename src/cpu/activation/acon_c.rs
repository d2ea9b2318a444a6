//! The twin of `shaders/activation/acon_c.wgsl`.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use crate::cpu::{lane::*, math::*};

// ACON-C: u x s(beta u x) + p2 x, u = p1 - p2, s the logistic sigmoid: p1 x far on one side, p2 x on the other.
#[inline(always)]
pub(crate) fn value(x: Real, p1: Real, p2: Real, beta: Real) -> Real {
    let u = p1 - p2;
    let z = finite(x) * (beta * u);
    let slope = select(select(p2, p1, z > 0.0), 0.5 * (p1 + p2), z == 0.0);
    let far = select(slope * x, with_sign(0.0, x), slope == 0.0);
    // A small product with u first, since a gate that underflows would be lost.
    let small = abs(x) < 1.0;
    let near = select(u, 1.0, small) * times_gate(select(x, u * x, small), x, beta * u) + p2 * x;
    select(near, far, (abs(z) > 200.0) | (abs(x) > LARGEST))
}

// upstream (u q + p2), q = s + z s (1 - s), z = beta u x.
#[inline(always)]
pub(crate) fn backward(x: Real, upstream: Real, p1: Real, p2: Real, beta: Real) -> Real {
    let u = p1 - p2;
    let factors = enlarging_last(u, upstream);
    factors.last * sigmoid_gate_backward(x, factors.first, beta * u) + p2 * upstream
}

// upstream x q, upstream x (1 - q) and upstream u^2 x^2 s (1 - s).
#[derive(Clone, Copy)]
pub(crate) struct Gradients {
    pub(crate) p1: Real,
    pub(crate) p2: Real,
    pub(crate) beta: Real,
}
#[inline(always)]
pub(crate) fn parameter_backward(
    x: Real,
    upstream: Real,
    p1: Real,
    p2: Real,
    beta: Real,
) -> Gradients {
    let u = p1 - p2;
    let z = finite(x) * (beta * u);
    let q = sigmoid_gate_backward(x, upstream, beta * u);
    let rest = upstream - q;
    let e = exp_negative_product(x, beta * u);
    let d = 1.0 + plain(e);
    let c = select(u * finite(x), 0.0, abs(z) > 200.0);
    let factors = least_first(c, upstream);
    Gradients {
        p1: select(x * q, q, z < -200.0),
        p2: select(x * rest, rest, z > 200.0),
        beta: begun(factors.first / (d * d), e) * c * factors.last * e.scale,
    }
}
