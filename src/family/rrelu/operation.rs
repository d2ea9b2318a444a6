//! Randomised leaky ReLU as an operation.

use std::fmt;

use super::{NAME, Rrelu};
use crate::{
    accuracy::{bound::Bound, ulp},
    cpu::{Slice, SliceMut},
    element::ElementType,
    error::{Result, number},
    family::{Cut, Operation, Part, Saved, Sheet},
    kernel::{launch::Pass, recorder::Recorder},
    tensor::Tensor,
};

impl Operation for Rrelu {
    fn name(&self) -> &str {
        NAME
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        Ok(shape.to_vec())
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved> {
        self.record(recorder.encoder, Pass::forward(x[0], y))?;
        Ok(Saved::NOTHING)
    }

    fn compute_forward(&self, _: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<Saved> {
        self.compute(x[0], None, y);
        Ok(Saved::NOTHING)
    }

    fn compute_backward(
        &self,
        _: &[usize],
        x: &[Slice<'_>],
        _: &Saved,
        upstream: Slice<'_>,
        mut dx: Vec<SliceMut<'_>>,
        _: bool,
    ) -> Result<Vec<Vec<f32>>> {
        if let Some(dx) = dx.pop() {
            self.compute(x[0], Some(upstream), dx);
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
        self.record(recorder.encoder, Pass::backward(x[0], upstream, dx[0]))?;
        Ok(Vec::new())
    }

    fn works_in_place(&self) -> bool {
        true
    }

    fn cut(&self) -> Cut {
        match self.seed {
            Some(_) => Cut::FourSlabs,
            None => Cut::Anywhere,
        }
    }

    fn takes_any_order(&self) -> bool {
        self.seed.is_none()
    }

    fn on_part(&self, part: &Part<'_>) -> Result<Box<dyn Operation>> {
        let start = match self.seed {
            Some(_) => part.first() / 4,
            None => 0,
        };
        Ok(Box::new(Self { start, ..*self }))
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        self.allowing(sheet, sheet.x())
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        vec![self.allowing(sheet, upstream)]
    }
}

impl Rrelu {
    /// What becomes of each factor, which is off by 3 ULP of what the bounds make of it.
    fn allowing(&self, sheet: &Sheet<'_>, factors: &[f64]) -> Vec<Bound> {
        let slopes = self.slopes();
        let steepest = slopes.lower.abs().max(slopes.upper.abs());
        let pairs = sheet.x().iter().zip(factors).enumerate();
        pairs
            .map(|(index, (&x, &factor))| Bound {
                expected: slopes.value(sheet.element(index), x, factor),
                allowed: match x > 0.0 {
                    true => 0.0,
                    false => 3.0 * ulp(steepest * factor.abs(), ElementType::F32),
                },
            })
            .collect()
    }
}

impl fmt::Display for Rrelu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{NAME}(lower={}, upper={}",
            number(self.lower),
            number(self.upper)
        )?;
        match self.seed {
            Some(seed) => write!(f, ", seed={seed})"),
            None => f.write_str(")"),
        }
    }
}
