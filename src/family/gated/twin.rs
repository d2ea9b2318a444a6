//! The twin of `shaders/family/gated.wgsl` and what belongs to it.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use super::cpu::{Lanes, Parameter, backward_at, limit_of, parameter_term, value_at};
use crate::cpu::{lane::*, math::*};

pub(super) mod plain {
    use crate::cpu::{lane::*, math::*};

    // Gate and up as they are.
    #[inline(always)]
    pub(crate) fn gate_of(gate: Real, limit: Real) -> Real {
        gate
    }
    #[inline(always)]
    pub(crate) fn up_of(up: Real, limit: Real) -> Real {
        up
    }
    #[inline(always)]
    pub(crate) fn gate_opens(gate: Real, limit: Real) -> Bool {
        true
    }
    #[inline(always)]
    pub(crate) fn up_opens(up: Real, limit: Real) -> Bool {
        true
    }
}

pub(super) mod clamped {
    use crate::cpu::{lane::*, math::*};

    // Gate up to the limit, and up clamped to both sides of it, plus 1. Where they are clamped no gradient passes.
    #[inline(always)]
    pub(crate) fn gate_of(gate: Real, limit: Real) -> Real {
        select(gate, limit, gate > limit)
    }
    #[inline(always)]
    pub(crate) fn up_of(up: Real, limit: Real) -> Real {
        clamp(up, -limit, limit) + 1.0
    }
    #[inline(always)]
    pub(crate) fn gate_opens(gate: Real, limit: Real) -> Bool {
        gate <= limit
    }
    #[inline(always)]
    pub(crate) fn up_opens(up: Real, limit: Real) -> Bool {
        (abs(up) <= limit) | is_nan(up)
    }
}

pub(super) mod gate {
    use crate::cpu::{lane::*, math::*};

    // v sigmoid(z) up with e = e^-abs(z), v no further than where e is 0 if z is negative. The larger of the two factors
    // meets the sigmoid first, and what is left of its scale goes where it does no harm: nothing is lost to
    // underflow or overflow while the product is representable.
    #[inline(always)]
    pub(crate) fn gate_times(v: Real, positive: Bool, e: Exponential, up: Real) -> Real {
        let share = sigmoid_share(e.beside + e.beside * e.series);
        let s = series_share(select(e.series, 0.0, positive), share);
        let power_of_s = select(e.power, 1.0, positive);
        let scale = select(e.scale, 1.0, positive);
        let up_is_larger = abs(up) > abs(v);
        let smaller = select(up, v, up_is_larger);
        let beyond_one = abs(smaller) > 1.0;
        let rest = select(smaller, smaller * scale, beyond_one);
        let larger = ((select(v, up, up_is_larger) * scale) * power_of_s) * s;
        (larger * rest) * select(scale, 1.0, beyond_one)
    }
}

pub(super) mod glu {
    use super::Parameter;
    use crate::cpu::{lane::*, math::*};

    // sigmoid(gate) up, the sigmoid unrounded: where it leaves f32's range the product need not.
    #[inline(always)]
    pub(crate) fn gated(gate: Real, up: Real, p: Parameter) -> Real {
        times_sigmoid(up, gate >= 0.0, exp_minus(magnitude(gate, DEEPEST), 0.0))
    }
}

pub(super) mod geglu {
    use super::Parameter;
    use crate::cpu::{lane::*, math::*};

    // gate Phi(gate) up, Phi the standard normal distribution, unrounded. With e = e^(-t^2 / 2), t = abs(gate), and
    // q = t Phi(-t) / e that is -e q up for gate < 0 and (gate - e q) up for gate > 0; within 0.5 of 0 the series of Phi.
    #[inline(always)]
    pub(crate) fn gated(gate: Real, up: Real, p: Parameter) -> Real {
        let t = magnitude(gate, 19.38);
        let argument = half_square(t);
        let e = exponential(exp_series(argument.r), argument.n);
        // The tail's polynomial ends where gelu alone leaves f32's range; from there on it misses this.
        let beyond = max(t - 14.5, 0.0);
        let more = e.series + beyond * beyond * 1.2e-8;
        let q = series_share(more, normal_tail_parts(t));
        // The power of two first: q times it may leave f32's range.
        let left = (((-up * e.scale) * e.power) * q) * e.scale;
        let right = (gate - q * e.beside) * up;
        let middle = (gate * up) * (0.5 + gate * normal_series(t * t));
        select(select(left, right, gate > 0.0), middle, t < 0.5)
    }
}

pub(super) mod geglu_tanh {
    use super::{Parameter, gate::*};
    use crate::cpu::{lane::*, math::*};

    // gate sigmoid(2u) up, 2u the argument of tanh-GELU's sigmoid, the sigmoid unrounded.
    #[inline(always)]
    pub(crate) fn gated(gate: Real, up: Real, p: Parameter) -> Real {
        gate_times(
            above(GELU_DEEPEST, gate),
            gate >= 0.0,
            exp_minus_gelu(gate),
            up,
        )
    }
}

pub(super) mod swiglu {
    use super::{Parameter, gate::*};
    use crate::cpu::{lane::*, math::*};

    // gate sigmoid(p.a gate) up, the sigmoid unrounded.
    #[inline(always)]
    pub(crate) fn gated(gate: Real, up: Real, p: Parameter) -> Real {
        gate_times(
            stopped(gate, p.a),
            same_side(gate, p.a),
            exp_minus_product(gate, p.a),
            up,
        )
    }
}

pub(super) mod product {
    use super::{Parameter, value_at};
    use crate::cpu::{lane::*, math::*};

    // Of any f: its value, rounded, times up.
    #[inline(always)]
    pub(crate) fn gated(gate: Real, up: Real, p: Parameter) -> Real {
        value_at(gate, p) * up
    }
}

// Gated units: y = f(gate) up, and the gradients of both, over Real.
//
// `gated` is f(gate) up, `gate_of` and `up_of` are what a unit makes of the two before, and `opens` says where what it
// makes of them follows them. f brings `value_at` and `backward_at`; `limit_of` is where the unit clamps, if it does.

// NaN passes through, whatever the functions do.
#[inline(always)]
pub(crate) fn product_at<U: Lanes>(gate: Real, up: Real, p: Parameter) -> Real {
    let y = select(
        U::gated(U::gate_of(gate, limit_of(p)), U::up_of(up, limit_of(p)), p),
        up,
        is_nan(up),
    );
    select(y, gate, is_nan(gate))
}

// A product of two as what a slope is to be applied to, and what the result is to be multiplied by: 1s, unless the
// product leaves f32's range or nearly does, from where a slope may bring it back. Then the first is 2^127, or 2^64 times
// the product.
#[derive(Clone, Copy)]
pub(crate) struct Factors {
    pub(crate) first: Real,
    pub(crate) second: Real,
    pub(crate) third: Real,
}
#[inline(always)]
pub(crate) fn factors(a: Real, b: Real) -> Factors {
    const HALF_DOWN: Real = 5.42101086e-20; // 2^-64
    const HALF_UP: Real = 1.8446744e19; // 2^64
    let all = a * b;
    let beyond = is_special(all) & !is_nan(all);
    let tiny = abs(all) < 1e-30;
    let small = abs(a) < 1.0;
    let raised = select(a, a * HALF_UP, small) * select(b * HALF_UP, b, small);
    Factors {
        first: select(select(all, raised, tiny), 1.70141183e38, beyond),
        second: select(
            select(1.0, HALF_DOWN, tiny),
            kept(a * HALF_DOWN) * (b * HALF_DOWN),
            beyond,
        ),
        third: select(1.0, 2.0, beyond),
    }
}

#[inline(always)]
pub(crate) fn restored(x: Real, g: Factors) -> Real {
    select((x * g.second) * g.third, g.first, is_nan(g.first))
}

// With respect to the gate: upstream up f'(gate).
#[inline(always)]
pub(crate) fn gate_gradient_at<U: Lanes>(
    gate: Real,
    up: Real,
    upstream: Real,
    p: Parameter,
) -> Real {
    let g = factors(upstream, U::up_of(up, limit_of(p)));
    let slope = restored(backward_at(U::gate_of(gate, limit_of(p)), g.first, p), g);
    let d = select(
        select(0.0, slope, U::gate_opens(gate, limit_of(p))),
        up,
        is_nan(up),
    );
    select(select(d, upstream, is_nan(upstream)), gate, is_nan(gate))
}

// With respect to up: upstream f(gate).
#[inline(always)]
pub(crate) fn up_gradient_at<U: Lanes>(gate: Real, up: Real, upstream: Real, p: Parameter) -> Real {
    let d = select(
        0.0,
        U::gated(U::gate_of(gate, limit_of(p)), upstream, p),
        U::up_opens(up, limit_of(p)),
    );
    select(select(d, upstream, is_nan(upstream)), gate, is_nan(gate))
}

// A term of the gradient of a parameter of f: upstream up df/dparameter.
#[inline(always)]
pub(crate) fn term_at<U: Lanes>(gate: Real, up: Real, upstream: Real, p: Parameter) -> Real {
    let g = factors(upstream, U::up_of(up, limit_of(p)));
    let d = select(
        restored(parameter_term(U::gate_of(gate, limit_of(p)), g.first, p), g),
        up,
        is_nan(up),
    );
    select(select(d, upstream, is_nan(upstream)), gate, is_nan(gate))
}
