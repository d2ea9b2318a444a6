//! Elements laid out anew: rows padded to whole vectors or cut back, axes exchanged.

use super::{Window, bind, dispatch, largest_window, recorder::Recorder};
use crate::{
    arguments,
    error::{Error, Result},
    gpu::{
        Binding::{Read, Write},
        Kernel,
    },
    tensor::Tensor,
    wgsl::{self, Arguments, Shader, Vectors},
};

arguments! {
    /// What the kernel takes.
    struct ArrangeArguments {
        /// Elements of y.
        count: u32,
        /// Length of y's middle axis,
        b: u32,
        /// and of its last,
        c: u32,
        /// of which x has so many
        b_there: u32,
        /// and so many.
        c_there: u32,
        /// Of the binding of x before the first, in elements.
        offset: u32,
        /// Of the binding of y before the first, in vectors.
        y_skip: u32,
        /// Elements of x from one place along a to the next,
        stride_a: u32,
        /// along b,
        stride_b: u32,
        /// and along c.
        stride_c: u32,
    }
}

/// The shader that lays out elements anew: entry point `arrange`.
pub(super) fn shader(vectors: Vectors) -> Shader {
    let kernel = include_str!("../../shaders/kernel/arrange.wgsl");
    Shader::own(&[ArrangeArguments::WGSL, kernel]).and(wgsl::elements(vectors))
}

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
        let mut pass = encoder.begin_compute_pass(&Default::default());
        self.dispatch(&mut pass, to, &[bind(0, from), bind(1, to)], 0)
    }

    fn dispatch(
        self,
        pass: &mut wgpu::ComputePass<'_>,
        to: &Tensor,
        entries: &[wgpu::BindGroupEntry<'_>],
        y_skip: u32,
    ) -> Result<()> {
        let [a, b, c] = self.shape;
        let [stride_a, stride_b, stride_c] = self.strides;
        let count = a * b * c;
        if count == 0 {
            return Ok(());
        }
        let gpu = to.gpu();
        let kernel = Kernel {
            shader: shader(gpu.tuning().vectors(to.element())),
            entry_point: "arrange",
            bindings: &[Read(0), Write(1)],
            constants: Vec::new(),
            workgroup: gpu.workgroup(64),
        };
        let arguments = ArrangeArguments {
            count: count as u32,
            b: b as u32,
            c: c as u32,
            b_there: self.there[0] as u32,
            c_there: self.there[1] as u32,
            offset: self.offset as u32,
            y_skip,
            stride_a: stride_a as u32,
            stride_b: stride_b as u32,
            stride_c: stride_c as u32,
        };
        let pipeline = gpu.pipeline(&kernel)?;
        let groups = kernel.groups(count.div_ceil(4) as u64);
        dispatch(gpu, pass, &pipeline, entries, &arguments, groups);
        Ok(())
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
    let mut pass = recorder.encoder.begin_compute_pass(&Default::default());
    for first in (0..rows).step_by(at_once) {
        let count = at_once.min(rows - first);
        let (x, offset) = Window::around(tensor, first * columns, count * columns);
        let (y, y_skip) = Window::around(to, first * pitch, count * pitch);
        let entries = [x.bind(0, tensor), y.bind(1, to)];
        let arrangement = Arrangement {
            shape: [1, count, pitch],
            there: [count, columns],
            offset: offset as usize,
            strides: [0, columns, 1],
        };
        arrangement.dispatch(&mut pass, to, &entries, y_skip / 4)?;
    }
    Ok(())
}
