//! How far a result of softmax or log-softmax may be from what it should be.

use crate::accuracy::{bound::Bound, ulp};
use crate::{
    element::ElementType,
    family::{
        Sum,
        softmax::reference::{Form, MaskedRows, Row},
    },
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

    /// What the gradient with respect to an element x should be, `sum` being that of g y over the row, for
    /// log-softmax of g.
    ///
    /// Let S be the sum, T that of its terms' magnitudes, p = e^y (for softmax y) the share, and r what a
    /// row sum may be off by, relative to its terms' magnitudes. The magnitudes that enter the difference are y |g| and y T, for
    /// log-softmax |g| and p T; each is a product of a few factors within 4 ULP together. On top of that
    ///
    /// - p is off by r, relative to it, since it is divided by the row's sum: for dx = y (g - S)
    ///   this is r y |g - S|, for dx = g - p S it is r p |S|;
    /// - S is off by r T from its own summation, and for softmax by another r T, since its terms are
    ///   divided by the row's sum, too: 2 r y T, for log-softmax r p T.
    pub(super) fn backward(&self, x: f64, upstream: f64, sum: Sum) -> Bound {
        let share = self.share(x);
        let expected = self.form.dx(share, upstream, sum.value);
        let terms = sum.magnitude;
        let (magnitude, off) = match self.form {
            Form::Softmax => (
                share * (upstream.abs() + terms),
                share * ((upstream - sum.value).abs() + 2.0 * terms),
            ),
            Form::LogSoftmax => (
                upstream.abs() + share * terms,
                share * (sum.value.abs() + terms),
            ),
        };
        let native = match self.math {
            Math::Accurate => 0.0,
            Math::Native => 1e-5,
        };
        // A subnormal y may be flushed.
        let flushed = f64::from(f32::MIN_POSITIVE) * (1.0 + upstream.abs() + terms);
        // The terms that are summed: of exponentials up to 2, not yet divided by their sum, for softmax.
        let summed = match self.form {
            Form::Softmax => 2.0 * (1.0 + self.row.rest) * terms,
            Form::LogSoftmax => 2.0 * terms,
        };
        let allowed = 4.0 * ulp(magnitude, ElementType::F32)
            + off * row_sum_error(self.len)
            + native * magnitude
            + flushed;
        // Nothing is asked of a sum that may leave f32's range.
        let overflows = summed > f64::from(f32::MAX);
        Bound {
            expected,
            allowed: if overflows { f64::INFINITY } else { allowed },
        }
    }
}
