//! Log-sum-exp as an operation.

use std::fmt;

use super::{LogSumExp, NAME, reference};
use crate::{
    accuracy::{bound::Bound, ulp},
    cpu::{Slice, SliceMut},
    element::ElementType,
    error::Result,
    family::{
        Cut, Operation, Saved, Sheet,
        softmax::{bound::row_sum_error, reference::Row},
    },
    kernel::{launch::Pass, recorder::Recorder},
    tensor::{Tensor, axis_of},
    wgsl::Math,
};

impl Operation for LogSumExp {
    fn name(&self) -> &str {
        NAME
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let mut after = shape.to_vec();
        after[axis_of(shape, self.axis)?] = 1;
        Ok(after)
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
        let Some(dx) = dx.pop() else {
            return Ok(Vec::new());
        };
        self.compute_dx(shape, x[0], upstream, dx)?;
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

    fn math(&self) -> Option<Math> {
        Some(self.math)
    }

    fn set_math(&mut self, math: Math) {
        self.math = math;
    }

    fn cut(&self) -> Cut {
        Cut::WholeAxis
    }

    /// 4 ULP of both summands, and what the row's sum may be off by.
    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let rows = sheet.rows();
        rows.map(|x| {
            let Row { most, rest } = Row::of(x);
            let expected = reference::forward(x);
            if x.is_empty() {
                let allowed = 0.0;
                return Bound { expected, allowed };
            }
            let summands = most.abs() + rest.ln_1p();
            let sum = row_sum_error(x.len()) * rest / (1.0 + rest);
            let allowed = 4.0 * ulp(summands, ElementType::F32) + sum + self.native(summands);
            Bound { expected, allowed }
        })
        .collect()
    }

    /// 4 ULP, and what the row's sum may be off by; what is subnormal may be flushed.
    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let rows = sheet.rows().zip(upstream);
        let dx = rows.flat_map(|(x, &upstream)| {
            let off = row_sum_error(x.len());
            let bound = move |expected: f64| {
                let flushed = f64::from(f32::MIN_POSITIVE) * (1.0 + upstream.abs());
                let own = 4.0 * ulp(expected, ElementType::F32) + off * expected.abs();
                Bound {
                    expected,
                    allowed: own + flushed + self.native(expected),
                }
            };
            reference::backward(x, upstream).into_iter().map(bound)
        });
        vec![dx.collect()]
    }
}

impl LogSumExp {
    /// What a number may be off by where WGSL's own functions are used.
    fn native(&self, number: f64) -> f64 {
        match self.math {
            Math::Accurate => 0.0,
            Math::Native => 1e-5 + 1e-4 * number.abs(),
        }
    }
}

impl fmt::Display for LogSumExp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.axis != -1 {
            write!(f, "(axis={})", self.axis)?;
        }
        Ok(())
    }
}
