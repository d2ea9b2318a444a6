//! What a call does on the device.

use super::{
    LogSumExp, NAME,
    shader::{LogSumExpArguments, shader},
};
use crate::{
    element::ElementType,
    error::{Error, Result},
    family::Operation,
    gpu::{
        Binding::{self, Read, Write},
        Kernel,
    },
    kernel::{
        Window, expect_apart, largest_window,
        recorder::{self, Recorder},
    },
    tensor::Tensor,
};

/// Elements that a thread sums, if a row has them, and the most parts of a row.
const PER_SPLIT: usize = 64;
const MOST_SPLITS: usize = 256;

/// `Part` of the shader, in words.
const PART: usize = 3;

/// The tensors of a call.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    x: &'a Tensor,
    upstream: Option<&'a Tensor>,
    output: &'a Tensor,
}

impl<'a> Pass<'a> {
    pub(super) const fn forward(x: &'a Tensor, y: &'a Tensor) -> Self {
        Self {
            x,
            upstream: None,
            output: y,
        }
    }

    pub(super) const fn backward(x: &'a Tensor, upstream: &'a Tensor, dx: &'a Tensor) -> Self {
        Self {
            x,
            upstream: Some(upstream),
            output: dx,
        }
    }

    /// The tensor of a number for each row.
    fn of_rows(self) -> &'a Tensor {
        self.upstream.unwrap_or(self.output)
    }

    /// Fails unless the tensors go together.
    fn expect_fit(self, of_rows: &[usize]) -> Result<()> {
        let x = ("x", self.x);
        match self.upstream {
            None => expect(("y", self.output), of_rows, x)?,
            Some(upstream) => {
                expect(("upstream", upstream), of_rows, x)?;
                expect(("dx", self.output), self.x.shape(), x)?;
                let upstream = ("upstream", upstream);
                expect_apart(NAME, upstream, ("dx", self.output), "a tensor of its own")?;
            }
        }
        let output = if self.upstream.is_some() { "dx" } else { "y" };
        expect_apart(NAME, x, (output, self.output), "a tensor of its own")
    }
}

/// Fails unless a tensor has this shape, and x's type and device.
fn expect(
    (name, tensor): (&'static str, &Tensor),
    shape: &[usize],
    (_, x): (&'static str, &Tensor),
) -> Result<()> {
    if !tensor.gpu().same_device(x.gpu()) {
        return Err(Error::ForeignTensor {
            op: NAME.to_owned(),
        });
    }
    if tensor.shape() != shape {
        return Err(Error::ShapeMismatch {
            op: NAME.to_owned(),
            left: name,
            left_shape: tensor.shape().to_vec(),
            right: "what x asks for",
            right_shape: shape.to_vec(),
        });
    }
    if tensor.element() != x.element() {
        return Err(Error::ElementMismatch {
            op: NAME.to_owned(),
            left: name,
            left_type: tensor.element().name(),
            right: "x",
            right_type: x.element().name(),
        });
    }
    Ok(())
}

/// The window that holds `len` elements from `first` on, and its elements before them.
fn window(tensor: &Tensor, first: usize, len: usize) -> (Window, u32) {
    let size = tensor.element().size();
    let (first, end) = (first as u64 * size, (first + len) as u64 * size);
    let start = first & !255;
    let bytes = end - start;
    (Window { start, bytes }, ((first - start) / size) as u32)
}

impl LogSumExp {
    pub(super) fn encode(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        recorder::encode(pass.x.gpu(), encoder, |recorder| self.record(recorder, pass))?;
        [pass.x, pass.of_rows(), pass.output]
            .into_iter()
            .for_each(Tensor::expose);
        Ok(())
    }

    /// Records a pass, as many outer places at a time as bindings hold.
    pub(super) fn record(&self, recorder: &mut Recorder<'_>, pass: Pass<'_>) -> Result<()> {
        pass.expect_fit(&self.output_shape(pass.x.shape())?)?;
        let view = pass.x.view(self.axis)?;
        let gpu = pass.x.gpu();
        if pass.output.is_empty() {
            return Ok(());
        }
        let slice = view.extent * view.inner;
        let splits = (view.extent / PER_SPLIT).clamp(1, MOST_SPLITS);
        // One alignment is spared, since an outer place may start anywhere.
        let window_bytes = largest_window(gpu) - 256;
        let bytes = slice as u64 * pass.x.element().size();
        let scratch = (splits * view.inner * PART) as u64 * ElementType::F32.size();
        let at_once = (window_bytes / bytes.max(scratch)) as usize;
        if at_once == 0 {
            return Err(Error::TooLarge {
                what: format!("the rows of one place of {NAME} over shape {:?}", pass.x.shape()),
                bytes: bytes.max(scratch),
                limit: window_bytes,
                advice: "stream them from the host, which cuts them up",
            });
        }
        for first in (0..view.outer).step_by(at_once) {
            let outer = at_once.min(view.outer - first);
            let rows = outer * view.inner;
            let len = outer * view.extent * view.inner;
            let (all, skip) = window(pass.x, first * view.extent * view.inner, len);
            let (of_rows, row_skip) = window(pass.of_rows(), first * view.inner, rows);
            let arguments = LogSumExpArguments {
                outer: outer as u32,
                extent: view.extent as u32,
                inner: view.inner as u32,
                splits: splits as u32,
                skip,
                row_skip,
            };
            let launch = |recorder: &mut Recorder<'_>, entry_point, bindings, tensors: &[_], threads: usize| {
                let kernel = self.kernel(pass.x, entry_point, bindings);
                let groups = kernel.groups(threads as u64);
                recorder.dispatch_windows(&kernel, tensors, &arguments, groups)
            };
            const SUM: &[Binding] = &[Read(0), Write(1)];
            let parts = recorder.allocate(gpu, [rows * splits, PART], ElementType::F32)?;
            let tensors = [(0, pass.x, all), (1, &parts, Window::whole(&parts))];
            launch(recorder, "sum", SUM, &tensors, rows * splits)?;

            let mut row_parts = parts.clone();
            if splits > 1 {
                const MERGE: &[Binding] = &[Write(1), Write(2)];
                row_parts = recorder.allocate(gpu, [rows, PART], ElementType::F32)?;
                let tensors = [&parts, &row_parts].map(|tensor| (tensor, Window::whole(tensor)));
                let [from, to] = tensors;
                launch(recorder, "merge", MERGE, &[(1, from.0, from.1), (2, to.0, to.1)], rows)?;
                recorder.done_with(parts.clone());
            }

            let known = (2, &row_parts, Window::whole(&row_parts));
            if pass.upstream.is_none() {
                const FORWARD: &[Binding] = &[Write(2), Write(5)];
                let threads = (row_skip as usize + rows).div_ceil(4) - row_skip as usize / 4;
                launch(recorder, "forward", FORWARD, &[known, (5, pass.output, of_rows)], threads)?;
            } else {
                const BACKWARD: &[Binding] = &[Write(2), Read(3), Read(4), Write(5)];
                let threads = (skip as usize + len).div_ceil(4) - skip as usize / 4;
                let tensors = [known, (3, pass.of_rows(), of_rows), (4, pass.x, all), (5, pass.output, all)];
                launch(recorder, "backward", BACKWARD, &tensors, threads)?;
            }
            recorder.done_with(row_parts);
        }
        Ok(())
    }

    fn kernel(&self, x: &Tensor, entry_point: &'static str, bindings: &'static [Binding]) -> Kernel {
        let gpu = x.gpu();
        let shader = shader(gpu.tuning().vectors(x.element()), self.math);
        Kernel::new(shader, entry_point, bindings, gpu.workgroup(64))
    }
}
