//! What softmax and log-softmax should have given, and how far from it a result may be.

use crate::accuracy::{
    Report,
    bound::{Bound, storage},
    ulp,
};
use crate::{
    element::{Element, ElementType},
    error::{Error, Result},
    family::softmax::reference::{Form, MaskedRows, Row, backward},
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

/// What an element x of a row of some length should become. Softmax: 4 ULP, 1 ULP in f16 and bf16,
/// and what the row sum may be off by. Log-softmax: the same, where an error of the sum counts by the
/// share of it that is not the largest element's.
pub(crate) fn forward_bound<T: Element>(
    form: Form,
    masked: MaskedRows,
    math: Math,
    (row, len): (Row, usize),
    x: f64,
) -> Bound {
    let expected = row.value(form, masked, x);
    let ulps = match T::TYPE {
        ElementType::F32 => 4.0,
        ElementType::F16 | ElementType::Bf16 => 1.0,
    };
    let sum = match form {
        Form::Softmax => row_sum_error(len) * expected,
        Form::LogSoftmax => row_sum_error(len) * row.rest / (1.0 + row.rest),
    };
    let native = match math {
        Math::Accurate => 0.0,
        Math::Native => 1e-5 + 1e-4 * expected.abs(),
    };
    let allowed = ulps * ulp(expected, T::TYPE) + sum + native;
    Bound { expected, allowed }
}

/// A pass over a tensor seen as rows of `extent` elements, `inner` apart.
///
/// ```
/// use wgpu_activations::{Math, family::softmax::bound::Expectation};
/// use wgpu_activations::family::softmax::reference::{Form, MaskedRows};
///
/// let expectation = Expectation {
///     form: Form::Softmax,
///     masked: MaskedRows::Nan,
///     math: Math::Accurate,
///     extent: 2,
///     inner: 1,
///     input: &[3.0f32, 3.0],
///     upstream: None,
/// };
/// assert!(expectation.check(&[0.5, 0.5])?.passed());
/// assert!(!expectation.check(&[0.5, 0.6])?.passed());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Expectation<'a, T> {
    /// Which of the two.
    pub form: Form,
    /// What a row of -infinity gives.
    pub masked: MaskedRows,
    /// Where the elementary functions come from.
    pub math: Math,
    /// Length of the axis.
    pub extent: usize,
    /// Elements from one place along the axis to the next.
    pub inner: usize,
    /// x, or y for a backward pass.
    pub input: &'a [T],
    /// Upstream gradients, for a backward pass.
    pub upstream: Option<&'a [T]>,
}

impl<T: Element> Expectation<'_, T> {
    /// Compares every element of `found`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if there are not as many as inputs.
    pub fn check(&self, found: &[T]) -> Result<Report> {
        self.check_rows(found, 0..self.rows())
    }

    /// Rows of the tensor; they are numbered in the order of their first elements.
    pub fn rows(&self) -> usize {
        self.input.len() / self.extent.max(1)
    }

    /// The first element of a row.
    ///
    /// ```
    /// # use wgpu_activations::{Math, family::softmax::bound::Expectation};
    /// # use wgpu_activations::family::softmax::reference::{Form, MaskedRows};
    /// // [2, 4, 3] along axis 1: a row's elements are 3 apart.
    /// let expectation = Expectation {
    ///     form: Form::Softmax,
    ///     masked: MaskedRows::Nan,
    ///     math: Math::Accurate,
    ///     extent: 4,
    ///     inner: 3,
    ///     input: &[0.0f32; 24],
    ///     upstream: None,
    /// };
    /// assert_eq!(expectation.rows(), 6);
    /// assert_eq!(expectation.first(4), 13);
    /// let report = expectation.check_rows(&[0.25; 24], [0, 4])?;
    /// assert_eq!((report.compared, report.failed), (8, 0));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn first(&self, row: usize) -> usize {
        row / self.inner * self.extent * self.inner + row % self.inner
    }

    /// Compares whole rows.
    ///
    /// # Errors
    ///
    /// As [`Expectation::check`].
    pub fn check_rows(&self, found: &[T], rows: impl IntoIterator<Item = usize>) -> Result<Report> {
        for len in [
            found.len(),
            self.upstream.map_or(self.input.len(), <[T]>::len),
        ] {
            if len != self.input.len() {
                return Err(Error::LengthMismatch {
                    shape: vec![self.input.len()],
                    expected: self.input.len(),
                    found: len,
                });
            }
        }
        let mut report = Report::default();
        for row in rows {
            let first = self.first(row);
            for (place, bound) in self.row(first).into_iter().enumerate() {
                let index = first + place * self.inner;
                let upstream = self
                    .upstream
                    .map_or(1.0, |upstream| upstream[index].to_f32());
                report.add(bound.sample(index, self.input[index].to_f32(), upstream, found[index]));
            }
        }
        Ok(report)
    }

    /// The bounds of the row that begins at element `first`.
    ///
    /// ```
    /// # use wgpu_activations::{Math, accuracy::bound::compare, family::softmax::bound::Expectation};
    /// # use wgpu_activations::family::softmax::reference::{Form, MaskedRows};
    /// # let expectation = Expectation {
    /// #     form: Form::Softmax,
    /// #     masked: MaskedRows::Nan,
    /// #     math: Math::Accurate,
    /// #     extent: 2,
    /// #     inner: 1,
    /// #     input: &[3.0f32, 3.0],
    /// #     upstream: None,
    /// # };
    /// let bounds = expectation.row(0);
    /// assert!(compare(&[0.5, 0.5], &bounds).passed());
    /// ```
    pub fn row(&self, first: usize) -> Vec<Bound> {
        let gather = |tensor: &[T]| -> Vec<f64> {
            let elements = tensor[first..].iter().step_by(self.inner.max(1));
            elements
                .take(self.extent)
                .map(|x| f64::from(x.to_f32()))
                .collect()
        };
        let input = gather(self.input);
        match self.upstream {
            None => self.forward_row(&input),
            Some(upstream) => self.backward_row(&input, &gather(upstream)),
        }
    }

    fn forward_row(&self, x: &[f64]) -> Vec<Bound> {
        let row = Row::of(x);
        let bound =
            |&x: &f64| forward_bound::<T>(self.form, self.masked, self.math, (row, self.extent), x);
        x.iter().map(bound).collect()
    }

    /// 4 ULP of f32 of the magnitudes that enter the difference, what the row sum may be off by, and
    /// the rounding to f16 and bf16.
    fn backward_row(&self, y: &[f64], upstream: &[f64]) -> Vec<Bound> {
        let share = |y: f64| match self.form {
            Form::Softmax => y,
            Form::LogSoftmax => y.exp(),
        };
        let term = |(y, g): (&f64, &f64)| match self.form {
            Form::Softmax => (g * y).abs(),
            Form::LogSoftmax => g.abs(),
        };
        let terms: f64 = y.iter().zip(upstream).map(term).sum();
        let native = match (self.form, self.math) {
            (Form::LogSoftmax, Math::Native) => 1e-5,
            _ => 0.0,
        };
        let expected = backward(self.form, y, upstream);
        let bound = |((expected, y), g): ((f64, &f64), &f64)| {
            let magnitude = match self.form {
                Form::Softmax => y.abs() * (g.abs() + terms),
                Form::LogSoftmax => g.abs() + share(*y) * terms,
            };
            let storage = storage(expected, T::TYPE);
            // A subnormal y may be flushed.
            let flushed = f64::from(f32::MIN_POSITIVE) * (1.0 + g.abs() + terms);
            let sum = share(*y).abs() * terms * row_sum_error(upstream.len());
            let allowed = 4.0 * ulp(magnitude, ElementType::F32)
                + sum
                + storage
                + flushed
                + native * magnitude;
            Bound { expected, allowed }
        };
        expected
            .into_iter()
            .zip(y)
            .zip(upstream)
            .map(bound)
            .collect()
    }
}
