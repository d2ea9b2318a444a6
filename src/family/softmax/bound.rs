//! How far a result of softmax or log-softmax may be from what it should be.

use crate::accuracy::{bound::Bound, ulp};
use crate::{
    element::ElementType,
    family::softmax::reference::{Form, Gradients, MaskedRows, Row},
    wgsl::Math,
};

/// What the sum of a row of `len` elements may be off by, relative to it. Sums run in blocks, so
/// that it grows no further than at 16,384.
///
/// ```
/// use wgpu_activations::family::softmax::bound::row_sum_error;
///
/// assert_eq!(row_sum_error(1024), 1e-6);
/// assert_eq!(row_sum_error(16_384), 4e-6);
/// assert_eq!(row_sum_error(1 << 20), 4e-6);
/// ```
pub fn row_sum_error(len: usize) -> f64 {
    1e-6 * (len.min(16_384) as f64 / 1024.0).sqrt()
}

/// What is known of a row that a result depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) form: Form,
    pub(super) masked: MaskedRows,
    pub(super) math: Math,
    /// Its length.
    pub(super) len: usize,
    pub(super) row: Row,
}

impl Whole {
    /// An element's share of the row.
    pub(super) fn share(&self, x: f64) -> f64 {
        self.row.value(Form::Softmax, self.masked, x)
    }

    /// What an element x should become. Softmax: 3 ULP and what the row sum may be off by. Log-softmax: 4 ULP, where
    /// an error of the sum counts by the share of it that is not the largest element's.
    pub(super) fn forward(&self, x: f64) -> Bound {
        let expected = self.row.value(self.form, self.masked, x);
        let error = row_sum_error(self.len);
        let (ulps, sum) = match self.form {
            Form::Softmax => (3.0, error * expected),
            Form::LogSoftmax => (4.0, error * self.row.rest / (1.0 + self.row.rest)),
        };
        let native = match self.math {
            Math::Accurate => 0.0,
            Math::Native => 1e-5 + 1e-4 * expected.abs(),
        };
        let allowed = ulps * ulp(expected, ElementType::F32) + sum + native;
        Bound { expected, allowed }
    }

    /// What dx needs of some elements of the row and their upstream gradients.
    pub(super) fn gradients(&self, x: &[f64], upstream: &[f64]) -> Gradients {
        let shares: Vec<f64> = x.iter().map(|&x| self.share(x)).collect();
        Gradients::of(self.form, self.row, x, &shares, upstream)
    }

    /// What the gradient with respect to an element x should be.
    ///
    /// Let S be the sum of g y over the row, for log-softmax of g, T that of its terms' magnitudes, p = e^y (for softmax
    /// y) the share, and r what a row sum may be off by, relative to its terms' magnitudes. Of an element m that dominates
    /// the row with more than 2/3, let q be the share of all others together, and T' the part of T that is theirs.
    ///
    /// Softmax is y ((g - a) - (S - a)). a is g_m where an m dominates, and S - a is the sum of g y over the others
    /// less q g_m: their magnitudes D are T' + q |g_m|. Elsewhere a is S, as it was rounded, and D is T. So y times
    /// |g - a| + D enters the difference, a product of a few factors within 6 ULP together. On top of that
    ///
    /// - y is off by r, relative to it, since it is divided by the row's sum: r |dx|;
    /// - S - a is off by r D from its own summation, and by another r D, since its terms are divided by the row's sum.
    ///
    /// Log-softmax of a dominant m is g_m q - p (S - g_m): D = q |g_m| + p T' enters, each off by r from division, p T'
    /// by another from its summation. Of any other element it is g - p S: |dx| + p T enters, and p T is off by r twice.
    pub(super) fn backward(&self, x: f64, upstream: f64, gradients: Gradients) -> Bound {
        let (form, row) = (self.form, self.row);
        let share = self.share(x);
        let expected = gradients.dx(form, row, x, share, upstream);
        let terms = gradients.sum(form, row, |sum| sum.magnitude);
        let others = gradients.others.magnitude;
        let (_, rest) = row.shares();
        let (magnitude, off) = match (form, gradients.dominant(row)) {
            (Form::Softmax, Some(g)) => {
                let summed = others + rest * g.abs();
                (
                    share * ((upstream - g).abs() + summed),
                    expected.abs() + share * 2.0 * summed,
                )
            }
            (Form::Softmax, None) => {
                let summed = share * terms;
                (expected.abs() + summed, expected.abs() + 2.0 * summed)
            }
            (Form::LogSoftmax, Some(g)) if x == row.most => {
                let own = rest * g.abs();
                let summed = share * others;
                (own + summed, own + 2.0 * summed)
            }
            (Form::LogSoftmax, _) => (expected.abs() + share * terms, 2.0 * share * terms),
        };
        let native = match (self.math, form) {
            (Math::Accurate, _) => 0.0,
            (Math::Native, Form::Softmax) => 1e-5 * share * (upstream.abs() + terms),
            (Math::Native, Form::LogSoftmax) => 1e-5 * (upstream.abs() + share * terms),
        };
        // A subnormal y may be flushed.
        let flushed = 4.0 * f64::from(f32::MIN_POSITIVE) * (1.0 + upstream.abs() + terms);
        // The terms that are summed: of exponentials up to 2, not yet divided by their sum, for softmax.
        let summed = match form {
            Form::Softmax => 2.0 * (1.0 + row.rest) * terms,
            Form::LogSoftmax => 2.0 * terms,
        };
        let allowed = 6.0 * ulp(magnitude, ElementType::F32)
            + off * row_sum_error(self.len)
            + native
            + flushed;
        // Nothing is asked of a sum that may leave f32's range.
        let overflows = summed > f64::from(f32::MAX);
        Bound {
            expected,
            allowed: if overflows { f64::INFINITY } else { allowed },
        }
    }
}
