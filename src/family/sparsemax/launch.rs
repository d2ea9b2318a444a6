//! What a call does on the device.

use super::{
    Sparsemax,
    reference::Form,
    shader::{SparsemaxArguments, shader},
};
use crate::{
    element::ElementType,
    error::Result,
    gpu::{
        Binding::{self, Read, Write},
        Kernel,
    },
    kernel::{Window, launch::Pass, places_at_once, recorder::Recorder},
    tensor::Tensor,
};

/// `Row` of the shader, in words.
const ROW: usize = 4;

/// Threads that look at a row, and what the shader has room for at most. Software adapters take few: their barriers are
/// dear. (With one alone llvmpipe of Mesa 22.3 gives wrong thresholds.)
const THREADS: u32 = 256;
const THREADS_OF_SOFTWARE: u32 = 16;

/// Threads that write vectors.
const WRITERS: u32 = 64;

impl Sparsemax {
    /// Records a pass, as many outer places at a time as bindings hold.
    pub(super) fn record(&self, recorder: &mut Recorder<'_>, pass: Pass<'_>) -> Result<()> {
        let (x, output) = (pass.x(), pass.output());
        let view = x.view(self.axis)?;
        let gpu = x.gpu();
        if output.is_empty() {
            return Ok(());
        }
        let slice = view.extent * view.inner;
        let scratch = (view.inner * ROW) as u64 * ElementType::F32.size();
        let at_once = places_at_once(self.form.name(), x, view, scratch)?;
        for first in (0..view.outer).step_by(at_once) {
            let outer = at_once.min(view.outer - first);
            let rows = outer * view.inner;
            let len = outer * slice;
            let (all, skip) = Window::around(x, first * slice, len);
            let arguments = SparsemaxArguments {
                outer: outer as u32,
                extent: view.extent as u32,
                inner: view.inner as u32,
                skip,
            };
            let found = recorder.allocate(gpu, [rows, ROW], ElementType::F32)?;
            let known = (2, &found, Window::whole(&found));
            let of_row = match gpu.is_software() {
                true => gpu.workgroup(THREADS_OF_SOFTWARE),
                false => gpu.workgroup(THREADS),
            };
            let mut launch = |entry_point, bindings, tensors: &[_], (each, threads)| {
                let kernel = self.kernel(x, entry_point, bindings, each);
                let groups = kernel.groups(threads);
                recorder.dispatch_windows(&kernel, tensors, &arguments, groups)
            };
            let threads = (of_row, rows as u64 * u64::from(of_row));
            let vectors = (skip as usize + len).div_ceil(4) - skip as usize / 4;
            let vectors = (gpu.workgroup(WRITERS), vectors as u64);
            const ROWS: &[Binding] = &[Read(0), Write(2)];
            match (self.form, pass.upstream()) {
                (Form::Hardmax, upstream) => {
                    launch("hard_rows", ROWS, &[(0, x, all), known], threads)?;
                    let entry_point = match upstream {
                        None => "hard",
                        Some(_) => "hard_backward",
                    };
                    let tensors = [known, (5, output, all)];
                    launch(entry_point, &[Write(2), Write(5)], &tensors, vectors)?;
                }
                (Form::Sparsemax, None) => {
                    launch("sparse_rows", ROWS, &[(0, x, all), known], threads)?;
                    let tensors = [known, (3, x, all), (5, output, all)];
                    const FORWARD: &[Binding] = &[Write(2), Read(3), Write(5)];
                    launch("sparse", FORWARD, &tensors, vectors)?;
                }
                (Form::Sparsemax, Some(upstream)) => {
                    let tensors = [(0, x, all), (1, upstream, all), known];
                    const ROWS: &[Binding] = &[Read(0), Read(1), Write(2)];
                    launch("sparse_rows_backward", ROWS, &tensors, threads)?;
                    let tensors = [known, (3, x, all), (4, upstream, all), (5, output, all)];
                    const BACKWARD: &[Binding] = &[Write(2), Read(3), Read(4), Write(5)];
                    launch("sparse_backward", BACKWARD, &tensors, vectors)?;
                }
            }
            recorder.done_with(found);
        }
        Ok(())
    }

    fn kernel(
        &self,
        x: &Tensor,
        entry_point: &'static str,
        bindings: &'static [Binding],
        workgroup: u32,
    ) -> Kernel {
        let gpu = x.gpu();
        Kernel {
            shader: shader(gpu.tuning().vectors(x.element())),
            entry_point,
            bindings,
            constants: Vec::new(),
            workgroup,
        }
    }
}
