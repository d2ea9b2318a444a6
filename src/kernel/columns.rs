//! The pointwise family with a parameter per channel where the channels lie innermost: threads walk
//! columns, so that each finds its parameters once.

use super::{
    MOST_WORKGROUPS, Window, dispatch, largest_window,
    launch::{Launch, Pass},
};
use crate::{
    error::Result,
    gpu::{Kernel, PipelineKey, REMAINDER},
    tensor::Tensor,
    wgsl::ParameterSource,
};

/// Columns of the matrix where the channels are fewer: a thread's rows then lie on pages of their own,
/// which caches foresee the reads of, unlike jumps within one (lavapipe, 64 channels: 0.4 of the time with 256
/// columns).
const COLUMNS: usize = 4096;

/// A tensor as a matrix whose rows hold a whole number of vectors and of outer rows.
pub(crate) struct Columns {
    kernel: Kernel,
    columns: usize,
    /// Rows that a binding holds.
    step: usize,
    /// Rows that a thread takes; `ROWS` of the shader.
    rows: usize,
}

impl Columns {
    /// How `launch` walks columns of `x`, if it can.
    pub(crate) fn of(launch: &Launch<'_>, x: &Tensor) -> Option<Self> {
        let kernel = match launch.key.kernel {
            Kernel::Pointwise(ParameterSource::Channel) => Kernel::Columns,
            Kernel::Dice => Kernel::DiceColumns,
            _ => return None,
        };
        if launch.view.inner != 1 {
            return None;
        }
        let columns = columns_for(launch.view.extent, COLUMNS);
        // A window may begin up to 255 bytes before its first row.
        let most = (largest_window(x.gpu()) - 256) / x.element().size();
        let rows = x.gpu().tuning().column_rows as usize;
        let step = (most as usize / columns).min(MOST_WORKGROUPS as usize * rows);
        let fits = columns as u64 / 4 <= MOST_WORKGROUPS;
        (step > 0 && fits).then_some(Self {
            kernel,
            columns,
            step,
            rows,
        })
    }

    /// Records the dispatches that `pass` takes, one for each window that a binding holds.
    pub(crate) fn encode(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        launch: &Launch<'_>,
        pass: Pass<'_>,
    ) -> Result<()> {
        let x = pass.x();
        let gpu = x.gpu();
        let size = x.element().size();
        let pipeline = |remainder, ragged| {
            gpu.pipeline(&PipelineKey {
                kernel: self.kernel,
                constants: vec![
                    (REMAINDER.0, u32::from(remainder)),
                    ("RAGGED", u32::from(ragged)),
                    ("ROWS", self.rows as u32),
                ],
                ..launch.key.clone()
            })
        };
        let remainder = pipeline(true, true)?;
        let vectors = self.columns / 4;
        let groups = vectors.div_ceil(remainder.workgroup as usize);
        let whole = pipeline(false, groups * remainder.workgroup as usize != vectors)?;
        let mut compute = encoder.begin_compute_pass(&Default::default());
        for first in (0..x.len()).step_by(self.step * self.columns) {
            let length = (self.step * self.columns).min(x.len() - first);
            let start = first as u64 * size;
            let aligned = start & !255;
            let window = Window {
                start: aligned,
                bytes: start + length as u64 * size - aligned,
            };
            let bindings = launch.bindings(pass, window);
            let skip = ((start - aligned) / (4 * size)) as usize;
            let splits = length / self.columns / self.rows;
            let arguments = [length, vectors, launch.view.extent, skip, splits, 0, 0, 0];
            let arguments = arguments.map(|word| word as u32);
            if splits > 0 {
                let groups = (groups as u32, splits as u32);
                dispatch(gpu, &mut compute, &whole, &bindings, arguments, groups);
            }
            if length > splits * self.rows * self.columns {
                let groups = (groups as u32, 1);
                dispatch(gpu, &mut compute, &remainder, &bindings, arguments, groups);
            }
        }
        Ok(())
    }
}

/// Columns of the matrix as which a tensor of `channels` innermost is seen: whole outer rows, whole
/// vectors, and enough of them for neighbouring threads.
pub(crate) const fn columns_for(channels: usize, wanted: usize) -> usize {
    let fold = if channels.is_multiple_of(4) {
        1
    } else if channels.is_multiple_of(2) {
        2
    } else {
        4
    };
    let least = channels * fold;
    if least < wanted {
        wanted / least * least
    } else {
        least
    }
}
