//! What a call does on the device.

use super::{
    LogSumExp, NAME,
    shader::{LogSumExpArguments, shader},
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

/// Elements that a thread sums, if a row has them, and the most parts of a row.
const PER_SPLIT: usize = 128;
const MOST_SPLITS: usize = 256;

/// `Part` and `Row` of the shader, in words.
const PART: usize = 3;

impl LogSumExp {
    /// Records a pass, as many outer places at a time as bindings hold.
    pub(super) fn record(&self, recorder: &mut Recorder<'_>, pass: Pass<'_>) -> Result<()> {
        let (x, output) = (pass.x(), pass.output());
        // A number for each row.
        let of_rows = pass.upstream().unwrap_or(output);
        let view = x.view(self.axis)?;
        let gpu = x.gpu();
        if output.is_empty() {
            return Ok(());
        }
        let slice = view.extent * view.inner;
        let splits = (view.extent / PER_SPLIT).clamp(1, MOST_SPLITS);
        let scratch = (splits * view.inner * PART) as u64 * ElementType::F32.size();
        let at_once = places_at_once(NAME, x, view, scratch)?;
        for first in (0..view.outer).step_by(at_once) {
            let outer = at_once.min(view.outer - first);
            let rows = outer * view.inner;
            let len = outer * slice;
            let (all, skip) = Window::around(x, first * slice, len);
            let (row_window, row_skip) = Window::around(of_rows, first * view.inner, rows);
            let arguments = LogSumExpArguments {
                outer: outer as u32,
                extent: view.extent as u32,
                inner: view.inner as u32,
                splits: splits as u32,
                skip,
                row_skip,
            };
            let parts = recorder.allocate(gpu, [rows * splits, PART], ElementType::F32)?;
            let row_results = match view.extent {
                // -infinity, of nothing.
                0 => gpu.filled(f32::NEG_INFINITY, [rows, PART])?,
                _ => recorder.allocate(gpu, [rows, PART], ElementType::F32)?,
            };
            let elements = (0, x, all);
            let parts_of = (1, &parts, Window::whole(&parts));
            let known = (2, &row_results, Window::whole(&row_results));
            let vectors =
                |skip: u32, len: usize| (skip as usize + len).div_ceil(4) - skip as usize / 4;
            let mut launch = |entry_point, bindings, tensors: &[_], threads: usize| {
                let kernel = self.kernel(x, entry_point, bindings);
                let groups = kernel.groups(threads as u64);
                recorder.dispatch_windows(&kernel, tensors, &arguments, groups)
            };
            let whole_vectors = view.inner == 1 && view.extent % 4 == 0 && skip % 4 == 0;
            if view.extent > 0 {
                let threads = rows * splits;
                match whole_vectors {
                    true => launch(
                        "sum_vectors",
                        &[Read(4), Write(1)],
                        &[(4, x, all), parts_of],
                        threads,
                    )?,
                    false => launch("sum", &[Read(0), Write(1)], &[elements, parts_of], threads)?,
                }
                launch("finish", &[Write(1), Write(2)], &[parts_of, known], rows)?;
            }
            if pass.upstream().is_none() {
                let tensors = [known, (5, output, row_window)];
                launch(
                    "forward",
                    &[Write(2), Write(5)],
                    &tensors,
                    vectors(row_skip, rows),
                )?;
            } else {
                let upstream = (3, of_rows, row_window);
                let tensors = [known, upstream, (4, x, all), (5, output, all)];
                const BACKWARD: &[Binding] = &[Write(2), Read(3), Read(4), Write(5)];
                launch("backward", BACKWARD, &tensors, vectors(skip, len))?;
            }
            recorder.done_with(parts);
            match view.extent {
                0 => recorder.keep(&row_results),
                _ => recorder.done_with(row_results),
            }
        }
        Ok(())
    }

    fn kernel(
        &self,
        x: &Tensor,
        entry_point: &'static str,
        bindings: &'static [Binding],
    ) -> Kernel {
        let gpu = x.gpu();
        let shader = shader(gpu.tuning().vectors(x.element()), self.math);
        Kernel {
            shader,
            entry_point,
            bindings,
            constants: Vec::new(),
            workgroup: gpu.workgroup(64),
        }
    }
}
