//! Gated units in f64, from the definition. No GPU.

use super::{Form, Gated, Unit};
use crate::{
    accuracy::{Tolerance, bound::Bound, ulp},
    element::ElementType,
    family::{Sheet, Sum},
    wgsl::Math,
};

/// Exponentials below it, 2^-269, are 0 to kernels.
const LEAST: f64 = 1.1e-81;

/// Slopes below it need not meet a product that leaves f32's range.
const VANISHED: f64 = 1e-74;

/// What a gradient may be off by where a factor of it is flushed.
const FLUSHED: f64 = 2.0 * f32::MIN_POSITIVE as f64;

/// What a gate and an up become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The gate, or the gradient with respect to it.
    pub gate: f64,
    /// The same of up.
    pub up: f64,
}

impl Gated {
    /// y of one gate and one up.
    ///
    /// ```
    /// use wgpu_activations::{Gated, family::gated::reference::Pair};
    ///
    /// assert_eq!(Gated::REGLU.value(Pair { gate: 2.0, up: -3.0 }), -6.0);
    /// // Clamped to 7, and up plus 1.
    /// let y = Gated::SWIGLU_CLAMPED.value(Pair { gate: 100.0, up: 100.0 });
    /// assert!((y - 56.0).abs() < 1e-3);
    /// ```
    pub fn value(&self, pair: Pair) -> f64 {
        let Pair { gate, up } = self.clamped(pair);
        self.f_of(gate) * up
    }

    /// The gradients of y, times `upstream`.
    ///
    /// ```
    /// use wgpu_activations::{Gated, family::gated::reference::Pair};
    ///
    /// let gradients = Gated::REGLU.gradient_pair(Pair { gate: 2.0, up: -3.0 }, 10.0);
    /// assert_eq!((gradients.gate, gradients.up), (-30.0, 20.0));
    /// ```
    pub fn gradient_pair(&self, pair: Pair, upstream: f64) -> Pair {
        let clamped = self.clamped(pair);
        let beyond = |x: f64| self.unit.clamps() && x > f64::from(self.limit);
        let of_gate = through(self.f.slope(clamped.gate), upstream * clamped.up);
        let of_up = self.f_of(clamped.gate) * upstream;
        Pair {
            gate: if beyond(pair.gate) {
                spoiled(0.0, &[upstream, pair.up])
            } else {
                of_gate
            },
            up: if beyond(pair.up.abs()) {
                spoiled(0.0, &[upstream, pair.gate])
            } else {
                of_up
            },
        }
    }

    /// Gate and up as f and the product get them.
    fn clamped(&self, Pair { gate, up }: Pair) -> Pair {
        if !self.unit.clamps() {
            return Pair { gate, up };
        }
        let limit = f64::from(self.limit);
        Pair {
            // NaN stays.
            gate: if gate > limit { limit } else { gate },
            up: up.clamp(-limit, limit) + 1.0,
        }
    }

    /// f, infinite where f32 is.
    fn f_of(&self, gate: f64) -> f64 {
        let value = self.f.value(gate);
        match (value as f32).is_infinite() {
            true => f64::from(value as f32),
            false => value,
        }
    }

    /// y with what it may be off by.
    pub(super) fn bound(&self, pair: Pair) -> Bound {
        let clamped = self.clamped(pair);
        self.product_bound(clamped.gate, clamped.up)
    }

    /// f(gate) times a factor, likewise.
    fn product_bound(&self, gate: f64, factor: f64) -> Bound {
        let f = self.f_of(gate);
        let expected = f * factor;
        let unrounded = self.unit.is_unrounded(self.math);
        // Below it f is 0 to the kernel.
        let least = match self.math {
            Math::Accurate if unrounded => 1.4e-45,
            Math::Accurate => f64::from(f32::MIN_POSITIVE),
            // What it may be off by.
            Math::Native => 1e-5,
        };
        if factor.is_infinite() {
            // Far out f is 0 in f64, too, where it is none.
            let is_zero = match unrounded {
                true => gate == 0.0 || gate.is_infinite(),
                false => f == 0.0,
            };
            let vanishes = !is_zero && f.abs() < least;
            let allowed = if vanishes { f64::INFINITY } else { 0.0 };
            return Bound { expected, allowed };
        }
        let of_f = match self.unit {
            Unit::Reglu => 0.0,
            _ if unrounded => 0.0,
            _ => {
                let (numbers, definition) = (self.f.numbers(), self.f.definition());
                let size = definition.size(0, gate, numbers, (f, 1.0));
                let tolerance = Tolerance::forward(self.f, ElementType::F32, self.math);
                let of_f = tolerance.allowed((f, size), 1.0, ElementType::F32) * factor.abs();
                // It may be flushed.
                of_f + if is_normal(f) { 0.0 } else { expected.abs() }
            }
        };
        let ulps = if unrounded { self.unit.ulps() } else { 1.0 };
        let vanishes = f.abs() < LEAST * gate.abs().max(1.0);
        let own = match unrounded && vanishes && is_normal(expected) {
            true => expected.abs(),
            false => ulps * ulp(expected, ElementType::F32),
        };
        Bound {
            expected,
            allowed: own + of_f,
        }
    }

    /// The gradients with what they may be off by.
    pub(super) fn gradient_bounds(&self, pair: Pair, upstream: f64) -> [Bound; 2] {
        let expected = self.gradient_pair(pair, upstream);
        let clamped = self.clamped(pair);
        let g = upstream * clamped.up;
        let tolerance = Tolerance::backward(self.f, ElementType::F32, self.math);
        let allowed = if g.is_infinite() {
            f64::INFINITY
        } else if self.f.slope(clamped.gate).abs() < VANISHED && is_normal(expected.gate) {
            expected.gate.abs()
        } else {
            let (numbers, definition) = (self.f.numbers(), self.f.definition());
            let size = definition.size(1, clamped.gate, numbers, (expected.gate, g));
            // The product with up is rounded, too.
            tolerance.allowed((expected.gate, size), g, ElementType::F32)
                + ulp(expected.gate, ElementType::F32)
                + FLUSHED
        };
        let of_up = match upstream.is_infinite() {
            true => f64::INFINITY,
            false => self.product_bound(clamped.gate, upstream).allowed + FLUSHED,
        };
        let gate = Bound {
            expected: expected.gate,
            allowed,
        };
        let up = Bound {
            expected: expected.up,
            allowed: of_up,
        };
        [gate, up]
    }

    /// Adds the terms of the gradients of f's parameters.
    pub(super) fn add_terms_of(&self, pair: Pair, upstream: f64, sums: &mut [Vec<Sum>]) {
        let Pair { gate, up } = self.clamped(pair);
        let g = upstream * up;
        let is_small = |product: f64| product.abs() < f64::from(f32::MIN_POSITIVE);
        let numbers = self.f.numbers();
        for (parameter, sums) in self.f.definition().parameters.iter().zip(sums) {
            let slope = (parameter.slope)(gate, numbers);
            let term = through(slope, g);
            let size = parameter.magnitude;
            let size = size.map_or(term, |sum| through(sum(gate, numbers), g));
            sums[0].value += term;
            sums[0].magnitude += size.abs();
            if g.is_infinite() {
                sums[0].off = f64::INFINITY;
            } else if term.is_finite() {
                // A factor of it may be subnormal and flushed, before upstream and up make it larger.
                sums[0].add_off(g, f64::from(f32::MIN_POSITIVE));
                // So may the product of two factors, of three.
                if [slope, slope * up, slope * upstream]
                    .into_iter()
                    .any(is_small)
                {
                    sums[0].off += term.abs();
                }
            }
        }
    }

    /// Gate and up of each result of a sheet.
    pub(super) fn pairs(&self, sheet: &Sheet<'_>) -> Vec<Pair> {
        if let [gates, ups] = sheet.inputs {
            let pairs = gates.iter().zip(*ups);
            return pairs.map(|(&gate, &up)| Pair { gate, up }).collect();
        }
        let half = sheet.places.len() / 2;
        let of_row = |row: &[f64]| -> Vec<Pair> {
            let places = (0..half).map(|place| self.places(place, half));
            places
                .map(|[gate, up]| Pair {
                    gate: row[gate],
                    up: row[up],
                })
                .collect()
        };
        sheet.rows().flat_map(of_row).collect()
    }

    /// What belongs to gate and up of each result, as the inputs have them.
    pub(super) fn as_inputs<T: Copy>(&self, sheet: &Sheet<'_>, of: &[[T; 2]]) -> Vec<Vec<T>> {
        if sheet.inputs.len() == 2 {
            return [0, 1]
                .map(|input| of.iter().map(|pair| pair[input]).collect())
                .into();
        }
        let half = sheet.places.len() / 2;
        let mut all = Vec::with_capacity(2 * of.len());
        for row in of.chunks_exact(half.max(1)) {
            let mut places: Vec<_> = (0..half)
                .flat_map(|place| self.places(place, half).into_iter().zip(row[place]))
                .collect();
            places.sort_by_key(|(place, _)| *place);
            all.extend(places.into_iter().map(|(_, value)| value));
        }
        vec![all]
    }

    /// Where gate and up of result `place` lie along the axis.
    const fn places(&self, place: usize, half: usize) -> [usize; 2] {
        let [first, second] = match self.form {
            Form::Interleaved(_) => [2 * place, 2 * place + 1],
            Form::Halves(_) | Form::Apart => [place, half + place],
        };
        match self.gate_last {
            true => [second, first],
            false => [first, second],
        }
    }
}

/// Whether f32 holds a number to all its digits.
fn is_normal(x: f64) -> bool {
    // One on the edge may round to below it.
    x.abs() >= f64::from(f32::MIN_POSITIVE) * (1.0 + 4.0 * f64::from(f32::EPSILON))
}

/// What a slope makes of a gradient: a slope of 0 lets none through.
fn through(slope: f64, upstream: f64) -> f64 {
    if slope == 0.0 && !upstream.is_nan() {
        0.0
    } else {
        upstream * slope
    }
}

/// A number, or NaN where one of those it came of is.
fn spoiled(value: f64, of: &[f64]) -> f64 {
    of.iter().copied().find(|x| x.is_nan()).unwrap_or(value)
}
