//! Alpha dropout as an operation.

use std::fmt;

use super::{AlphaDropout, NAME};
use crate::{
    accuracy::{bound::Bound, ulp},
    cpu::{Slice, SliceMut},
    element::ElementType,
    error::{Result, number},
    family::{
        Cut, Operation, Part, Saved, Sheet,
        alpha_dropout::reference::{Mask, Transform},
    },
    kernel::{launch::Pass, recorder::Recorder},
    tensor::Tensor,
};

impl Operation for AlphaDropout {
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
        self.compute(x[0], y);
        Ok(Saved::NOTHING)
    }

    fn compute_backward(
        &self,
        _: &[usize],
        _: &[Slice<'_>],
        _: &Saved,
        upstream: Slice<'_>,
        mut dx: Vec<SliceMut<'_>>,
        _: bool,
    ) -> Result<Vec<Vec<f32>>> {
        let Some(dx) = dx.pop() else {
            return Ok(Vec::new());
        };
        self.compute_dx(upstream, dx);
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
        Cut::FourSlabs
    }

    fn takes_any_order(&self) -> bool {
        false
    }

    fn on_part(&self, part: &Part<'_>) -> Result<Box<dyn Operation>> {
        Ok(Box::new(Self {
            start: part.first() / 4,
            ..*self
        }))
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let transform = Transform::new(f64::from(self.p));
        let shift = ulp(transform.b, ElementType::F32);
        self.bounds(sheet, sheet.x(), |x, kept| {
            (transform.value(x, kept), shift)
        })
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let transform = Transform::new(f64::from(self.p));
        vec![self.bounds(sheet, upstream, |g, kept| {
            (transform.backward(g, kept), 0.0)
        })]
    }
}

impl AlphaDropout {
    /// What becomes of each element, which is off by 2 ULP of it and of what is added to it.
    fn bounds(
        &self,
        sheet: &Sheet<'_>,
        elements: &[f64],
        result: impl Fn(f64, bool) -> (f64, f64),
    ) -> Vec<Bound> {
        let mask = Mask::new(self.p, self.seed);
        let elements = elements.iter().enumerate();
        elements
            .map(|(index, &element)| {
                let (expected, shift) = result(element, mask.keeps(sheet.element(index)));
                Bound {
                    expected,
                    allowed: 2.0 * (ulp(expected, ElementType::F32) + shift),
                }
            })
            .collect()
    }
}

impl fmt::Display for AlphaDropout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}(p={}, seed={})", number(self.p), self.seed)
    }
}
