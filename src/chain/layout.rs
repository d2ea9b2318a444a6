//! How a chain sees a tensor, and into which boxes it may be cut.

use super::Chain;
use crate::{
    element::count,
    error::Result,
    family::{Cut, Gradient, Part, Table},
    tensor::{View, axis_of, elements_of},
};

/// How a chain sees a tensor of some shape.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// The input, seen along the axis.
    pub view: View,
    /// The result: another extent only.
    pub result: View,
    /// The result's shape.
    pub result_shape: Vec<usize>,
    /// Into which boxes the tensor may be cut.
    pub cut: Cut,
    /// Length of the axis before each operation, and after the last.
    pub extents: Vec<usize>,
    /// For each operation the parameters that have gradients.
    pub gradients: Vec<Vec<Gradient>>,
    /// Whether operations go along different axes, so that only the tensor as a whole, of this shape, serves.
    pub whole: Option<Vec<usize>>,
}

impl Layout {
    /// Places along the axis that a box which has these of the input has before operation `step`.
    pub(crate) fn extent_at(
        &self,
        step: usize,
        of_input: &std::ops::Range<usize>,
    ) -> std::ops::Range<usize> {
        if self.extents[step] == self.extents[0] {
            of_input.clone()
        } else {
            0..self.extents[step]
        }
    }

    /// The tensor that operation `step` is given, seen along the axis.
    pub(crate) fn view_before(&self, step: usize) -> View {
        View {
            extent: self.extents[step],
            ..self.view
        }
    }
}

impl Chain {
    /// How the chain sees a tensor of this shape.
    ///
    /// # Errors
    ///
    /// As [`Chain::result_shape`].
    pub fn layout(&self, shape: &[usize]) -> Result<Layout> {
        let shapes = self.shapes(shape)?;
        let mut axes = Vec::new();
        let mut gradients = Vec::with_capacity(self.steps.len());
        for (step, before) in self.steps.iter().zip(&shapes) {
            if let Some(axis) = step.axis() {
                axes.push(axis_of(before, axis)?);
            }
            gradients.push(step.gradients(before));
        }
        let result_shape = shapes[shapes.len() - 1].clone();
        let cut = self.steps.iter().map(|step| step.cut()).max();
        let cut = cut.unwrap_or(Cut::Anywhere);
        let layout = |view: View, extents: Vec<usize>| Layout {
            view,
            result: View {
                extent: extents[extents.len() - 1],
                ..view
            },
            result_shape: result_shape.clone(),
            cut,
            extents,
            gradients,
            whole: None,
        };
        if let [step] = &self.steps[..]
            && let Some(view) = step.view_alone(shape)
        {
            let rows = count(&[view.outer, view.inner]).unwrap_or(usize::MAX);
            let extent = elements_of(&result_shape)? / rows.max(1);
            return Ok(layout(view, vec![view.extent, extent]));
        }
        let Some(&axis) = axes.first() else {
            let view = View {
                outer: elements_of(shape)?,
                ..View::ONE_CHANNEL
            };
            return Ok(layout(view, vec![1; shapes.len()]));
        };
        if axes.iter().any(|other| *other != axis) {
            let view = View {
                outer: 1,
                extent: elements_of(shape)?,
                inner: 1,
            };
            let extents = shapes.iter().map(|shape| elements_of(shape));
            let extents = extents.collect::<Result<_>>()?;
            return Ok(Layout {
                cut: Cut::WholeAxis,
                whole: Some(shape.to_vec()),
                ..layout(view, extents)
            });
        }
        let extents = shapes.iter().map(|shape| shape[axis]).collect();
        Ok(layout(View::along(shape, axis), extents))
    }

    /// The same chain for a box of a tensor. `known` is what the surveys of each operation have found.
    pub(crate) fn on_part(
        &self,
        layout: &Layout,
        part: &Part<'_>,
        known: &[Vec<Table>],
    ) -> Result<Self> {
        if layout.whole.is_some() {
            return Ok(self.clone());
        }
        let mut steps = Vec::with_capacity(self.steps.len());
        for (index, step) in self.steps.iter().enumerate() {
            let of_step = Part {
                view: layout.view_before(index),
                extent: layout.extent_at(index, &part.extent),
                known: &known[index],
                ..part.clone()
            };
            steps.push(step.on_part(&of_step)?);
        }
        Ok(Self { steps })
    }
}
