//! Sparsemax and hardmax as an operation.

use std::fmt;

use super::{
    Sparsemax,
    reference::{Form, Row, backward, forward, gradients},
};
use crate::{
    accuracy::bound::Bound,
    cpu::{Slice, SliceMut},
    error::Result,
    family::{Cut, Operation, Saved, Sheet, softmax::bound::row_sum_error},
    kernel::{launch::Pass, recorder::Recorder},
    tensor::{Tensor, axis_of},
    wgsl::Math,
};

/// Half a unit in the last place of 1.
const UNIT: f64 = f32::EPSILON as f64 / 2.0;

impl Operation for Sparsemax {
    fn name(&self) -> &str {
        self.form.name()
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        axis_of(shape, self.axis)?;
        Ok(shape.to_vec())
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved> {
        self.record(recorder, Pass::forward(x[0], y))?;
        Ok(Saved::NOTHING)
    }

    fn compute_forward(&self, shape: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<Saved> {
        self.compute(shape, x[0], y)?;
        Ok(Saved::NOTHING)
    }

    fn compute_backward(
        &self,
        shape: &[usize],
        x: &[Slice<'_>],
        _: &Saved,
        upstream: Slice<'_>,
        mut dx: Vec<SliceMut<'_>>,
        _: bool,
    ) -> Result<Vec<Vec<f32>>> {
        if let Some(dx) = dx.pop() {
            self.compute_dx(shape, x[0], upstream, dx)?;
        }
        Ok(Vec::new())
    }

    fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        _: &Saved,
        upstream: &Tensor,
        dx: &[&Tensor],
        _: bool,
    ) -> Result<Vec<Tensor>> {
        self.record(recorder, Pass::backward(x[0], upstream, dx[0]))?;
        Ok(Vec::new())
    }

    fn axis(&self) -> Option<i64> {
        Some(self.axis)
    }

    fn set_axis(&mut self, axis: i64) {
        self.axis = axis;
    }

    /// There are no elementary functions in it.
    fn set_math(&mut self, _: Math) {}

    fn cut(&self) -> Cut {
        Cut::WholeAxis
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let of_row = |x: &[f64]| match self.form {
            Form::Sparsemax => shares(x),
            Form::Hardmax => exact(forward(self.form, x)),
        };
        sheet.rows().flat_map(of_row).collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let upstream = upstream.chunks_exact(sheet.places.len().max(1));
        let dx = sheet
            .rows()
            .zip(upstream)
            .flat_map(|(x, g)| match self.form {
                Form::Sparsemax => slopes(x, g),
                Form::Hardmax => exact(backward(self.form, x, g)),
            });
        vec![dx.collect()]
    }
}

fn exact(values: Vec<f64>) -> Vec<Bound> {
    let exact = |expected| Bound {
        expected,
        allowed: 0.0,
    };
    values.into_iter().map(exact).collect()
}

/// y of sparsemax: the difference from the largest element and the threshold are rounded, and the sum that the threshold
/// makes 1.
fn shares(x: &[f64]) -> Vec<Bound> {
    let row = Row::of(x);
    let count = x.iter().filter(|x| row.over(**x) > 0.0).count().max(1);
    let sum = row_sum_error(x.len()) / count as f64;
    let bound = |&x: &f64| {
        let expected = row.share(x);
        // What x's difference is rounded by is seen near the threshold alone.
        let near = if row.over(x) > -1e-5 {
            UNIT * (x - row.most).abs()
        } else {
            0.0
        };
        Bound {
            expected,
            allowed: match expected.is_finite() {
                true => 4.0 * UNIT * (expected + row.threshold.abs()) + sum + near,
                false => 0.0,
            },
        }
    };
    x.iter().map(bound).collect()
}

/// dx of sparsemax: what the mean over the elements above the threshold may be off by. Where rounding decides which these
/// are, either is right.
fn slopes(x: &[f64], upstream: &[f64]) -> Vec<Bound> {
    let row = Row::of(x);
    let [expected, fewer, more] =
        [0.0, 2e-6, -2e-6].map(|least| gradients(&row, x, upstream, least));
    let largest = upstream.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    let sum = row_sum_error(x.len()) + 4.0 * UNIT;
    // A sum of gradients may leave f32's range, and what infinities leave is no number.
    let overflows = largest * x.len() as f64 > f64::from(f32::MAX);
    let bound = |(place, expected): (usize, f64)| {
        let [a, b] = [&fewer, &more].map(|other| (other[place] - expected).abs());
        let doubtful = overflows || (a.is_nan() || b.is_nan()) && !expected.is_nan();
        Bound {
            expected,
            allowed: match doubtful {
                true => f64::INFINITY,
                false => sum * largest + a.max(b) + f64::from(f32::MIN_POSITIVE),
            },
        }
    };
    expected.into_iter().enumerate().map(bound).collect()
}

impl fmt::Display for Sparsemax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.form.name())?;
        if self.axis != -1 {
            write!(f, "(axis={})", self.axis)?;
        }
        Ok(())
    }
}
