//! Elements laid out anew: rows padded to whole vectors or cut back, axes exchanged.

use super::{Window, dispatch, fold_over, largest_window, recorder::Recorder, reduce::bind};
use crate::{
    error::{Error, Result},
    gpu::{
        Binding::{Read, Write},
        Gpu, Kernel, Pipeline, PipelineKey,
    },
    tensor::Tensor,
    wgsl::Math,
};

/// Elements that windows start at multiples of, so that they do at multiples of 256 bytes.
const ALIGNED: usize = 128;

/// How the places of a tensor [a, b, c] are found in another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrangement {
    /// Lengths of the result's axes.
    pub(crate) shape: [usize; 3],
    /// How far of b and of c the other tensor goes; 0 comes behind.
    pub(crate) there: [usize; 2],
    /// The other tensor's element at [0, 0, 0].
    pub(crate) offset: usize,
    /// Its elements from one place along a, b and c to the next.
    pub(crate) strides: [usize; 3],
}

impl Arrangement {
    /// Records `to` laid out from `from`, each of which one binding must hold.
    pub(crate) fn encode(
        self,
        encoder: &mut wgpu::CommandEncoder,
        from: &Tensor,
        to: &Tensor,
    ) -> Result<()> {
        let (gpu, pipeline) = (to.gpu(), pipeline(to)?);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let entries = [bind(0, from), bind(1, to)];
        self.dispatch(gpu, &mut pass, &pipeline, &entries, 0);
        Ok(())
    }

    fn dispatch(
        self,
        gpu: &Gpu,
        pass: &mut wgpu::ComputePass<'_>,
        pipeline: &Pipeline,
        entries: &[wgpu::BindGroupEntry<'_>],
        y_skip: usize,
    ) {
        let [a, b, c] = self.shape;
        let [stride_a, stride_b, stride_c] = self.strides;
        let count = a * b * c;
        let arguments = [
            count,
            b,
            c,
            self.there[0],
            self.there[1],
            self.offset,
            y_skip,
            stride_a,
            stride_b,
            stride_c,
            0,
            0,
        ];
        let arguments = arguments.map(|word| word as u32);
        let threads = count.div_ceil(4) as u64;
        let groups = fold_over(threads.div_ceil(pipeline.workgroup.into()));
        if count > 0 {
            dispatch(gpu, pass, pipeline, entries, arguments, groups);
        }
    }
}

/// `tensor`, rows of `columns` elements, as rows of `pitch` elements: cut off, or followed by zeros.
///
/// # Errors
///
/// [`Error::TooLarge`] where a binding does not hold four rows.
pub(crate) fn rows(
    recorder: &mut Recorder<'_>,
    op: &'static str,
    tensor: &Tensor,
    columns: usize,
    to: &Tensor,
    pitch: usize,
) -> Result<()> {
    let gpu = tensor.gpu();
    if to.is_empty() {
        return Ok(());
    }
    let rows = to.len() / pitch;
    let size = tensor.element().size();
    let longer = columns.max(pitch);
    let most = (largest_window(gpu) / size) as usize - ALIGNED;
    let fit = (most / longer) & !3;
    if fit == 0 && rows * longer > most {
        return Err(Error::TooLarge {
            what: format!("{op}: a run of four rows of {longer} elements"),
            bytes: 4 * longer as u64 * size,
            limit: most as u64 * size,
            advice: "split the last axis",
        });
    }
    let at_once = if fit == 0 { rows } else { fit };
    let pipeline = pipeline(to)?;
    let mut pass = recorder.encoder.begin_compute_pass(&Default::default());
    for first in (0..rows).step_by(at_once) {
        let count = at_once.min(rows - first);
        let (x, offset) = window(tensor, first * columns, count * columns);
        let (y, y_skip) = window(to, first * pitch, count * pitch);
        let entries = [(0, x.binding(tensor)), (1, y.binding(to))];
        let entries = entries.map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource });
        let arrangement = Arrangement {
            shape: [1, count, pitch],
            there: [count, columns],
            offset,
            strides: [0, columns, 1],
        };
        arrangement.dispatch(gpu, &mut pass, &pipeline, &entries, y_skip / 4);
    }
    Ok(())
}

/// The window that holds `len` elements from `start` on, and the elements in it before them.
fn window(tensor: &Tensor, start: usize, len: usize) -> (Window, usize) {
    let size = tensor.element().size();
    let skip = start % ALIGNED;
    let window = Window {
        start: (start - skip) as u64 * size,
        bytes: (skip + len) as u64 * size,
    };
    (window, skip)
}

fn pipeline(tensor: &Tensor) -> Result<std::sync::Arc<Pipeline>> {
    tensor.gpu().pipeline(&PipelineKey {
        kernel: Kernel::Arrange,
        entry_point: "arrange",
        bindings: &[Read(0), Write(1)],
        activations: Vec::new(),
        element: tensor.element(),
        math: Math::Accurate,
        constants: Vec::new(),
    })
}
