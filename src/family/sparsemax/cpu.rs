//! Sparsemax and hardmax on the processor.

use super::{Sparsemax, reference::Form};
use crate::{
    cpu::{Slice, SliceMut, rows::Rows},
    error::Result,
    family::softmax::cpu::largest,
    tensor::View,
};

/// What a row's results depend on.
#[derive(Clone, Copy)]
struct Row {
    most: f32,
    threshold: f32,
}

impl Row {
    /// The threshold from below, raised by what is too much until no element falls below it.
    fn of(x: &[f32]) -> Self {
        let most = largest(x);
        let mut row = Self {
            most,
            threshold: if most.is_finite() { -1.0 } else { f32::NAN },
        };
        let mut before = usize::MAX;
        while most.is_finite() {
            let (sum, count) = row.above(x, |_, over| over);
            row.threshold += ((sum - 1.0) / count as f64) as f32;
            if count >= before {
                break;
            }
            before = count;
        }
        row
    }

    fn over(&self, x: f32) -> f32 {
        (x - self.most) - self.threshold
    }

    /// Over the elements above the threshold: the sum of their terms, and how many there are.
    fn above(&self, x: &[f32], term: impl Fn(usize, f32) -> f32) -> (f64, usize) {
        let (mut sum, mut count) = (0.0, 0);
        for (index, x) in x.iter().enumerate() {
            let over = self.over(*x);
            if over > 0.0 {
                sum += f64::from(term(index, over));
                count += 1;
            }
        }
        (sum, count)
    }
}

/// The place of the first of the largest elements, unless one is NaN.
fn first_of_largest(x: &[f32]) -> Option<usize> {
    let most = largest(x);
    x.iter().position(|x| *x == most)
}

impl Sparsemax {
    pub(super) fn compute(&self, shape: &[usize], x: Slice<'_>, y: SliceMut<'_>) -> Result<()> {
        let view = View::of(shape, self.axis)?;
        let inputs = [(x, view.extent)];
        let rows = Rows::along(view, &inputs);
        rows.fill(y, view.extent, |_, inputs, y| {
            let x = inputs[0];
            match self.form {
                Form::Sparsemax => {
                    let row = Row::of(x);
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = match row.threshold.is_nan() {
                            true => f32::NAN,
                            false => row.over(*x).max(0.0),
                        };
                    }
                }
                Form::Hardmax => match first_of_largest(x) {
                    Some(first) => {
                        y.fill(0.0);
                        y[first] = 1.0;
                    }
                    None => y.fill(f32::NAN),
                },
            }
        });
        Ok(())
    }

    pub(super) fn compute_dx(
        &self,
        shape: &[usize],
        x: Slice<'_>,
        upstream: Slice<'_>,
        dx: SliceMut<'_>,
    ) -> Result<()> {
        let view = View::of(shape, self.axis)?;
        let inputs = [(x, view.extent), (upstream, view.extent)];
        let rows = Rows::along(view, &inputs);
        rows.fill(dx, view.extent, |_, inputs, dx| {
            let (x, upstream) = (inputs[0], inputs[1]);
            match self.form {
                Form::Sparsemax => {
                    let row = Row::of(x);
                    let (sum, count) = row.above(x, |index, _| upstream[index]);
                    let mean = (sum / count.max(1) as f64) as f32;
                    for ((dx, x), upstream) in dx.iter_mut().zip(x).zip(upstream) {
                        *dx = if row.threshold.is_nan() {
                            f32::NAN
                        } else if row.over(*x) > 0.0 {
                            upstream - mean
                        } else {
                            0.0
                        };
                    }
                }
                Form::Hardmax => dx.fill(match first_of_largest(x) {
                    Some(_) => 0.0,
                    None => f32::NAN,
                }),
            }
        });
        Ok(())
    }
}
