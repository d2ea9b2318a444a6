//! Softmax and log-softmax of one row, in f64.

use crate::family::Sum;

/// What a row is turned into.
///
/// ```
/// use wgpu_activations::family::softmax::reference::{Form, MaskedRows, forward};
///
/// let of_two = |form| forward(form, MaskedRows::Nan, &[3.0, 3.0]);
/// assert_eq!(of_two(Form::Softmax), [0.5, 0.5]);
/// assert_eq!(of_two(Form::LogSoftmax), [0.5f64.ln(); 2]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Shares that sum to 1: e^x over the sum of e^x.
    Softmax,
    /// Their logarithms: x - ln(sum of e^x).
    LogSoftmax,
}

impl Form {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Softmax, Self::LogSoftmax];

    /// `softmax` or `log-softmax`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log-softmax",
        }
    }
}

/// What becomes of a row that is -infinity throughout, as where attention is masked altogether.
///
/// ```
/// use wgpu_activations::family::softmax::reference::{Form, MaskedRows, forward};
///
/// let masked = [f64::NEG_INFINITY; 2];
/// assert_eq!(forward(Form::Softmax, MaskedRows::Zeros, &masked), [0.0, 0.0]);
/// assert!(forward(Form::Softmax, MaskedRows::Nan, &masked)[0].is_nan());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MaskedRows {
    /// NaN, as the definition gives.
    #[default]
    Nan,
    /// Shares of 0; their logarithms, -infinity.
    Zeros,
}

/// What softmax has to know of a row, or of a part of one.
///
/// ```
/// use wgpu_activations::family::softmax::reference::{Form, MaskedRows, Row};
///
/// let row = Row::of(&[3.0, 1.0]).merge(Row::of(&[3.0]));
/// assert_eq!(row.most, 3.0);
/// assert_eq!(row.rest, 1.0 + (-2.0f64).exp());
/// let share = row.value(Form::Softmax, MaskedRows::Nan, 3.0);
/// assert_eq!(share, 1.0 / (1.0 + row.rest));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The largest element; NaN if one is NaN.
    pub most: f64,
    /// The sum of e^(x - most) over all elements but one of the largest, whose own 1 would drown the
    /// others' last digits.
    pub rest: f64,
}

impl Row {
    /// Nothing of a row.
    pub const EMPTY: Self = Self {
        most: f64::NEG_INFINITY,
        rest: -1.0,
    };

    /// That of the elements x.
    pub fn of(x: &[f64]) -> Self {
        if x.iter().any(|x| x.is_nan()) {
            return Self {
                most: f64::NAN,
                rest: f64::NAN,
            };
        }
        let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let equal = x.iter().filter(|x| **x == most).count();
        let below = x.iter().filter(|x| **x != most);
        Self {
            most,
            rest: below.map(|x| (x - most).exp()).sum::<f64>() + (equal as f64 - 1.0),
        }
    }

    /// That of both parts together.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let (high, low) = if other.most > self.most || other.most.is_nan() {
            (other, self)
        } else {
            (self, other)
        };
        let factor = if high.most == low.most {
            1.0
        } else {
            (low.most - high.most).exp()
        };
        Self {
            most: high.most,
            rest: high.rest + factor * (1.0 + low.rest),
        }
    }

    /// The share of one of the largest elements, and of all others together.
    pub(super) fn shares(self) -> (f64, f64) {
        (1.0 / (1.0 + self.rest), self.rest / (1.0 + self.rest))
    }

    /// y of an element x. NaN if the row holds NaN or +infinity; 0 where x is -infinity, in
    /// log-softmax -infinity.
    pub fn value(self, form: Form, masked: MaskedRows, x: f64) -> f64 {
        let Self { most, rest } = self;
        if most == f64::NEG_INFINITY && masked == MaskedRows::Zeros {
            return match form {
                Form::Softmax => 0.0,
                Form::LogSoftmax => f64::NEG_INFINITY,
            };
        }
        if most.is_nan() || most.is_infinite() {
            return f64::NAN;
        }
        match form {
            Form::Softmax => (x - most).exp() / (1.0 + rest),
            Form::LogSoftmax => (x - most) - rest.ln_1p(),
        }
    }
}

/// y for a row x: see [`Row::value`].
///
/// ```
/// use wgpu_activations::family::softmax::reference::{Form, MaskedRows, forward};
///
/// let y = forward(Form::Softmax, MaskedRows::Nan, &[1000.0, 1000.0, f64::NEG_INFINITY]);
/// assert_eq!(y, [0.5, 0.5, 0.0]);
/// ```
pub fn forward(form: Form, masked: MaskedRows, x: &[f64]) -> Vec<f64> {
    let row = Row::of(x);
    x.iter().map(|&x| row.value(form, masked, x)).collect()
}

/// dx for a row x and the gradient of the loss with respect to its results y:
/// y (g - sum of g y) for softmax, g - e^y sum of g for log-softmax.
///
/// ```
/// use wgpu_activations::family::softmax::reference::{Form, MaskedRows, backward};
///
/// let dx = backward(Form::Softmax, MaskedRows::Nan, &[3.0, 3.0], &[1.0, 0.0]);
/// assert_eq!(dx, [0.25, -0.25]);
/// ```
///
/// # Panics
///
/// If the lengths differ.
pub fn backward(form: Form, masked: MaskedRows, x: &[f64], upstream: &[f64]) -> Vec<f64> {
    assert_eq!(x.len(), upstream.len());
    let row = Row::of(x);
    let shares = forward(Form::Softmax, masked, x);
    let gradients = Gradients::of(form, row, x, &shares, upstream);
    let elements = x.iter().zip(&shares).zip(upstream);
    elements
        .map(|((x, share), g)| gradients.dx(form, row, *x, *share, *g))
        .collect()
}

/// A share below f32's range may be flushed. This one's rounding is as large.
const FLUSHED: f64 = f32::MIN_POSITIVE as f64 / f32::EPSILON as f64;

/// What dx needs of the upstream gradients g of a row, or of a part of one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gradients {
    /// Over all but the largest elements: of g y, for log-softmax of g.
    pub(super) others: Sum,
    /// Over the largest elements: of g.
    pub(super) largest: Sum,
}

impl Gradients {
    /// From elements of a row and their shares of it. A magnitude counts a share that may be flushed as one that may be
    /// off by that much.
    pub(super) fn of(form: Form, row: Row, x: &[f64], shares: &[f64], upstream: &[f64]) -> Self {
        let mut gradients = Self::default();
        for ((x, share), &g) in x.iter().zip(shares).zip(upstream) {
            let (sum, term, least) = if *x == row.most {
                (&mut gradients.largest, g, 0.0)
            } else if form == Form::Softmax {
                (&mut gradients.others, g * share, g.abs() * FLUSHED)
            } else {
                (&mut gradients.others, g, 0.0)
            };
            sum.value += term;
            sum.magnitude += term.abs().max(least);
        }
        gradients
    }

    /// The upstream gradient of an element that dominates the row, with more than 2/3 of it: its own dx is what all
    /// others are, and is found by them.
    pub(super) fn dominant(&self, row: Row) -> Option<f64> {
        let dominates = row.most.is_finite() && row.rest < 0.5;
        Some(self.largest.value).filter(|g| dominates && g.is_finite())
    }

    /// The sum over the whole row: of g y, for log-softmax of g.
    pub(super) fn sum(&self, form: Form, row: Row, of: fn(Sum) -> f64) -> f64 {
        let factor = match form {
            Form::Softmax => row.shares().0,
            Form::LogSoftmax => 1.0,
        };
        of(self.others) + factor * of(self.largest)
    }

    /// dx of an element x with this share of the row: y (g - S), S being the sum, for log-softmax g - y S.
    ///
    /// In a row that m dominates S is nearly g_m, and nothing would be left of dx_m, even in f64. There softmax is
    /// y ((g - g_m) - (S - g_m)), where S - g_m is the sum of (g - g_m) y, which m is not part of. And log-softmax of m
    /// is g_m (1 - y_m) - y_m (S - g_m).
    pub(super) fn dx(&self, form: Form, row: Row, x: f64, share: f64, upstream: f64) -> f64 {
        let sum = self.sum(form, row, |sum| sum.value);
        let others = self.others.value;
        let (_, rest) = row.shares();
        match (form, self.dominant(row)) {
            (Form::Softmax, Some(g)) => share * ((upstream - g) - (others - g * rest)),
            (Form::Softmax, None) => share * (upstream - sum),
            (Form::LogSoftmax, Some(g)) if x == row.most => g * rest - share * others,
            (Form::LogSoftmax, _) => upstream - share * sum,
        }
    }
}
