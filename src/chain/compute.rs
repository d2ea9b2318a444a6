//! A chain on the processor. What passes between two operations is f32.

use super::Chain;
use crate::{
    cpu::{Slice, SliceMut},
    element::count,
    error::Result,
    family::Saved,
};

/// What the operations of a chain were given.
struct Values {
    /// For each operation but the first its input.
    between: Vec<Vec<f32>>,
    saved: Vec<Saved>,
}

impl Values {
    /// The inputs of operation `step`.
    fn before<'a>(&'a self, step: usize, x: &[Slice<'a>]) -> Vec<Slice<'a>> {
        match step.checked_sub(1) {
            None => x.to_vec(),
            Some(before) => vec![Slice::F32(&self.between[before])],
        }
    }
}

/// The gradients of each operation's parameters, and what the last operation saved on the way forward.
pub(crate) struct Computed {
    pub(crate) parameters: Vec<Vec<Vec<f32>>>,
    pub(crate) saved: Saved,
}

impl Chain {
    /// Computes y of inputs of this shape, which fits; gives what the last operation saved.
    pub(crate) fn compute_forward(
        &self,
        shape: &[usize],
        x: &[Slice<'_>],
        y: SliceMut<'_>,
    ) -> Result<Saved> {
        let last = self.steps.len() - 1;
        let shapes = self.shapes(shape)?;
        let mut current: Option<Vec<f32>> = None;
        for (step, shape) in self.steps[..last].iter().zip(&shapes) {
            let mut y = vec![0.0; count(&step.output_shape(shape)?).unwrap_or(usize::MAX)];
            match &current {
                None => step.compute_forward(shape, x, SliceMut::F32(&mut y))?,
                Some(x) => step.compute_forward(shape, &[Slice::F32(x)], SliceMut::F32(&mut y))?,
            };
            current = Some(y);
        }
        match &current {
            None => self.steps[last].compute_forward(&shapes[last], x, y),
            Some(x) => self.steps[last].compute_forward(&shapes[last], &[Slice::F32(x)], y),
        }
    }

    /// Computes the gradients with respect to the inputs into `dx`.
    pub(crate) fn compute_backward(
        &self,
        shape: &[usize],
        x: &[Slice<'_>],
        upstream: Slice<'_>,
        dx: Vec<SliceMut<'_>>,
        parameters: bool,
    ) -> Result<Computed> {
        let shapes = self.shapes(shape)?;
        let mut values = self.values(&shapes, x)?;
        let mut wanted = vec![Vec::new(); self.steps.len()];
        let mut dx = Some(dx);
        self.back(&shapes, upstream, 0, |step, upstream, into| {
            let inputs = values.before(step, x);
            let into = match step {
                0 => dx.take().unwrap_or_default(),
                _ => vec![SliceMut::F32(into)],
            };
            let (shape, saved) = (&shapes[step], &values.saved[step]);
            let operation = &self.steps[step];
            wanted[step] =
                operation.compute_backward(shape, &inputs, saved, upstream, into, parameters)?;
            Ok(())
        })?;
        Ok(Computed {
            parameters: wanted,
            saved: values.saved.pop().unwrap_or_default(),
        })
    }

    /// What survey `index` of operation `step` finds: words for each channel or row.
    pub(crate) fn compute_survey(
        &self,
        (step, index): (usize, usize),
        shape: &[usize],
        x: &[Slice<'_>],
        upstream: Option<Slice<'_>>,
    ) -> Result<Vec<f32>> {
        let operation = &self.steps[step];
        let Some(upstream) = upstream else {
            // Not of the operation itself: it may need more of the tensor than this part.
            let shapes = self.shapes_of(step, shape)?;
            let before = &self.steps[..step];
            if before.is_empty() {
                return operation.compute_survey(index, shape, x, None);
            }
            let before = Self {
                steps: before.to_vec(),
            };
            let mut value = vec![0.0; count(&shapes[step]).unwrap_or(usize::MAX)];
            before.compute_forward(shape, x, SliceMut::F32(&mut value))?;
            let value = [Slice::F32(&value)];
            return operation.compute_survey(index, &shapes[step], &value, None);
        };
        let shapes = self.shapes(shape)?;
        let values = self.values(&shapes, x)?;
        let mut found = Vec::new();
        self.back(&shapes, upstream, step, |at, upstream, into| {
            let (shape, inputs) = (&shapes[at], values.before(at, x));
            if at == step {
                found = operation.compute_survey(index, shape, &inputs, Some(upstream))?;
                return Ok(());
            }
            let (saved, into) = (&values.saved[at], vec![SliceMut::F32(into)]);
            self.steps[at].compute_backward(shape, &inputs, saved, upstream, into, false)?;
            Ok(())
        })?;
        Ok(found)
    }

    /// What each operation is given, and what it saves.
    fn values(&self, shapes: &[Vec<usize>], x: &[Slice<'_>]) -> Result<Values> {
        let mut values = Values {
            between: Vec::new(),
            saved: Vec::new(),
        };
        for (index, step) in self.steps.iter().enumerate() {
            let last = index + 1 == self.steps.len();
            if last && !step.saves() {
                values.saved.push(Saved::NOTHING);
                break;
            }
            let mut y = vec![0.0; count(&shapes[index + 1]).unwrap_or(usize::MAX)];
            let inputs = values.before(index, x);
            let saved = step.compute_forward(&shapes[index], &inputs, SliceMut::F32(&mut y))?;
            values.saved.push(saved);
            values.between.push(y);
        }
        Ok(values)
    }

    /// Goes back from the last operation to operation `to`: `through` is given the gradient of each one's result, and
    /// where that of its input goes, which is nowhere for the first of the chain.
    fn back(
        &self,
        shapes: &[Vec<usize>],
        upstream: Slice<'_>,
        to: usize,
        mut through: impl FnMut(usize, Slice<'_>, &mut [f32]) -> Result<()>,
    ) -> Result<()> {
        let mut gradient: Option<Vec<f32>> = None;
        for step in (to..self.steps.len()).rev() {
            let length = match step {
                0 => 0,
                _ => count(&shapes[step]).unwrap_or(usize::MAX),
            };
            let mut into = vec![0.0; length];
            let upstream = match &gradient {
                None => upstream,
                Some(gradient) => Slice::F32(gradient),
            };
            through(step, upstream, &mut into)?;
            gradient = Some(into);
        }
        Ok(())
    }
}
