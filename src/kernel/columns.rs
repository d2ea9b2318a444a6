//! Functions of one element with parameters per channel where the channels lie innermost: threads walk
//! columns, so that each finds its parameters once.

use super::{
    MOST_WORKGROUPS, Window, dispatch, largest_window,
    launch::{Launch, Pass},
    tiles,
};
use crate::{
    error::Result,
    gpu::Kernel,
    tensor::Tensor,
    wgsl::{self, ColumnArguments, Math, PerChannel},
};

/// Columns of the matrix where the channels are fewer: a thread's rows then lie on pages of their own,
/// which caches foresee the reads of, unlike jumps within one (lavapipe, 64 channels: 0.4 of the time with 256
/// columns).
const COLUMNS: usize = 4096;

const WORKGROUP: u32 = 64;

/// A tensor as a matrix whose rows hold a whole number of vectors and of outer rows.
pub(crate) struct Columns {
    function: PerChannel,
    math: Math,
    columns: usize,
    /// Rows that a binding holds.
    step: usize,
    /// Rows that a thread takes; `ROWS` of the shader.
    rows: usize,
}

impl Columns {
    /// How `launch` walks columns of `x`, if it can.
    pub(crate) fn of(launch: &Launch<'_>, x: &Tensor) -> Option<Self> {
        let (function, math) = launch.columns?;
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
            function,
            math,
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
        let workgroup = gpu.workgroup(WORKGROUP);
        let vectors = self.columns / 4;
        let groups = vectors.div_ceil(workgroup as usize);
        let pipeline = |remainder| {
            let ragged = remainder || groups * workgroup as usize != vectors;
            let how = tiles::vectors(gpu, x.element(), remainder);
            gpu.pipeline(&Kernel {
                shader: wgsl::columns(self.function, how, self.math),
                entry_point: pass.entry_point(),
                bindings: pass.bindings(launch.parameters.len()),
                constants: vec![
                    (tiles::REMAINDER.0, u32::from(remainder)),
                    ("RAGGED", u32::from(ragged)),
                    ("ROWS", self.rows as u32),
                ],
                workgroup,
            })
        };
        let mut compute = encoder.begin_compute_pass(&Default::default());
        for first in (0..x.len()).step_by(self.step * self.columns) {
            let length = (self.step * self.columns).min(x.len() - first);
            let (window, skip) = Window::around(x, first, length);
            let bindings = launch.bindings(pass, window);
            let splits = length / self.columns / self.rows;
            let arguments = ColumnArguments {
                length: length as u32,
                vectors: vectors as u32,
                channels: launch.view.extent as u32,
                skip: skip / 4,
                splits: splits as u32,
            };
            let left = u32::from(length > splits * self.rows * self.columns);
            for (remainder, rows) in [(false, splits as u32), (true, left)] {
                if rows > 0 {
                    let (pipeline, groups) = (pipeline(remainder)?, (groups as u32, rows));
                    dispatch(gpu, &mut compute, &pipeline, &bindings, &arguments, groups);
                }
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
