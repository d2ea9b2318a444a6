//! Log-sum-exp on the processor.

use super::LogSumExp;
use crate::{
    cpu::{Slice, SliceMut, rows::Rows},
    error::Result,
    family::softmax::{
        cpu::{Row, largest},
        reference::Form,
    },
    tensor::View,
};

impl LogSumExp {
    pub(super) fn compute(&self, shape: &[usize], x: Slice<'_>, mut y: SliceMut<'_>) -> Result<()> {
        let view = View::of(shape, self.axis)?;
        let inputs = [(x, view.extent)];
        let rows = Rows::along(view, &inputs);
        let values = rows.map(|_, inputs| {
            let x = inputs[0];
            let most = largest(x);
            if !most.is_finite() {
                return most;
            }
            let row = Row::of(Form::Softmax, x, None, most, &mut vec![0.0; x.len()]);
            (f64::from(most) + row.logarithm()) as f32
        });
        y.fill_with(&mut Vec::new(), |y| y.copy_from_slice(&values));
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
        let inputs = [(x, view.extent), (upstream, 1)];
        let rows = Rows::along(view, &inputs);
        rows.fill(dx, view.extent, |_, inputs, dx| {
            let (x, upstream) = (inputs[0], inputs[1][0]);
            let most = largest(x);
            if !most.is_finite() {
                return dx.fill(f32::NAN);
            }
            let scale = Row::of(Form::Softmax, x, None, most, dx).scale() as f32;
            dx.iter_mut().for_each(|dx| *dx = (*dx * scale) * upstream);
        });
        Ok(())
    }
}
