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
        let View {
            outer,
            extent,
            inner,
        } = View::of(shape, self.axis)?;
        let inputs = [(x, extent)];
        let rows = Rows {
            outer,
            inner,
            inputs: &inputs,
        };
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
        let View {
            outer,
            extent,
            inner,
        } = View::of(shape, self.axis)?;
        let inputs = [(x, extent), (upstream, 1)];
        let rows = Rows {
            outer,
            inner,
            inputs: &inputs,
        };
        rows.fill(dx, extent, |_, inputs, dx| {
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
