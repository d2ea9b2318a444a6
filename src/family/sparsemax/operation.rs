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

    /// The difference from the largest element and the threshold are rounded, and the sum that the threshold makes 1.
    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let rows = sheet.rows();
        rows.flat_map(|x| {
            let y = forward(self.form, x);
            let row = Row::of(x);
            let sum = row_sum_error(x.len()) / count_above(&row, x) as f64;
            let bound = |(x, expected): (&f64, f64)| Bound {
                expected,
                allowed: match self.form {
                    Form::Sparsemax if expected.is_finite() => {
                        4.0 * UNIT * (expected + row.threshold.abs()) + sum + near(&row, *x)
                    }
                    _ => 0.0,
                },
            };
            let bounds: Vec<_> = x.iter().zip(y).map(bound).collect();
            bounds
        })
        .collect()
    }

    /// What the mean over the elements above the threshold may be off by. Where rounding decides which these are, either
    /// is right.
    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let len = sheet.places.len();
        let rows = sheet.rows().enumerate();
        let dx = rows.flat_map(|(index, x)| {
            let upstream = &upstream[index * len..][..len];
            let dx = backward(self.form, x, upstream);
            if self.form == Form::Hardmax {
                let exact = |expected| Bound {
                    expected,
                    allowed: 0.0,
                };
                return dx.into_iter().map(exact).collect::<Vec<_>>();
            }
            let row = Row::of(x);
            let largest = upstream.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
            let sum = row_sum_error(len) + 4.0 * UNIT;
            let others = [-1.0, 1.0].map(|side| gradients(&row, x, upstream, side * 2e-6));
            let bound = |(place, expected): (usize, f64)| {
                let [a, b] = [0, 1].map(|other| (others[other][place] - expected).abs());
                let flushed = f64::from(f32::MIN_POSITIVE);
                // A sum of gradients may leave f32's range, and what infinities leave is no number.
                let overflows = largest * len as f64 > f64::from(f32::MAX);
                let doubtful = overflows || (a.is_nan() || b.is_nan()) && !expected.is_nan();
                Bound {
                    expected,
                    allowed: match doubtful {
                        true => f64::INFINITY,
                        false => sum * largest + a.max(b) + flushed,
                    },
                }
            };
            dx.into_iter().enumerate().map(bound).collect()
        });
        vec![dx.collect()]
    }
}

/// Elements above the threshold, at least one.
fn count_above(row: &Row, x: &[f64]) -> usize {
    x.iter().filter(|x| row.over(**x) > 0.0).count().max(1)
}

/// What x's difference from the largest element is rounded by, as far as it is seen: near the threshold.
fn near(row: &Row, x: f64) -> f64 {
    if row.over(x) > -1e-5 {
        UNIT * (x - row.most).abs()
    } else {
        0.0
    }
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
