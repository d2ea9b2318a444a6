//! Rows along the innermost axis that a few threads walk through, or hold in registers: one dispatch.

use super::{
    Softmax,
    launch::inputs,
    shader::{Method, RowArguments},
};
use crate::{
    error::Result,
    gpu::{
        Binding::{Read, Write},
        Gpu, Tunable,
    },
    kernel::{Window, dispatch, fold_over, largest_window, launch::Pass},
    tensor::{Tensor, View},
};

/// Elements of the longest row, which caches hold until it is read again.
const LONGEST: usize = 16_384;

/// Rows that windows hold whole multiples of, so that each starts at a multiple of 256 bytes.
const ALIGNED: u64 = 32;

/// `MOST_THREADS` of the shaders.
const MOST_THREADS_HOLD: u32 = 1024;
const MOST_THREADS_WALK: u32 = 256;

/// Vectors that a thread can hold.
const HELD: u32 = 4;

/// More vectors than the longest row has: one thread takes it all.
const WHOLE_ROW: u32 = 4096;

/// Vectors that a thread takes of its row; up to 4 it holds in registers.
pub(super) const VECTORS: Tunable = Tunable {
    name: "softmax_vectors",
    choices: &[1, 2, 4, 16, WHOLE_ROW],
    default: 4,
    on_software: WHOLE_ROW,
};

/// How threads go about a row.
struct Shape {
    method: Method,
    /// Per row.
    threads: u32,
    workgroup: u32,
    /// Vectors that a thread has at most.
    vectors: u32,
}

/// Whether the rows of `tensor` are of the kind.
pub(super) fn fits(tensor: &Tensor, view: View) -> bool {
    let row = view.extent as u64 * tensor.element().size();
    let window = largest_window(tensor.gpu());
    view.inner == 1
        && view.extent.is_multiple_of(4)
        && view.extent <= LONGEST
        && (tensor.bytes() <= window || ALIGNED * row <= window)
}

impl Softmax {
    pub(super) fn encode_rows(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        pass: Pass<'_>,
        view: View,
    ) -> Result<()> {
        let input = pass.x();
        let gpu = input.gpu();
        let vectors = view.extent as u32 / 4;
        let shape = self.shape_for(gpu, vectors);
        let bindings = match pass.upstream() {
            None => &[Read(4), Write(6)][..],
            Some(_) => &[Read(4), Read(5), Write(6)][..],
        };
        let holds = shape.method == Method::Held;
        let entry_point = if holds { "hold" } else { "walk" };
        let method = (shape.method, shape.workgroup);
        let mut kernel = self.kernel(pass, method, entry_point, bindings);
        kernel.constants.push(("THREADS", shape.threads));
        if holds {
            kernel.constants.push(("VECTORS", shape.vectors));
        }
        let pipeline = gpu.pipeline(&kernel)?;

        let row = view.extent as u64 * input.element().size();
        let rows_at_once = (largest_window(gpu) / row / ALIGNED * ALIGNED).max(ALIGNED);
        let mut compute = encoder.begin_compute_pass(&Default::default());
        for start in (0..input.bytes()).step_by((rows_at_once * row) as usize) {
            let window = Window {
                start,
                bytes: (rows_at_once * row).min(input.bytes() - start),
            };
            let inputs = inputs(pass).map(|(place, tensor)| window.bind(4 + place, tensor));
            let mut bindings: Vec<_> = inputs.collect();
            bindings.push(window.bind(6, pass.output()));
            let rows = window.bytes / row;
            let groups = fold_over(rows.div_ceil(u64::from(kernel.workgroup / shape.threads)));
            let rows = rows as u32;
            let arguments = RowArguments { rows, vectors };
            dispatch(gpu, &mut compute, &pipeline, &bindings, &arguments, groups);
        }
        Ok(())
    }

    fn shape_for(&self, gpu: &Gpu, vectors: u32) -> Shape {
        let limits = gpu.limits();
        let most = limits
            .max_compute_invocations_per_workgroup
            .min(limits.max_compute_workgroup_size_x)
            .min(vectors);
        let wanted = match (self.threads, VECTORS.of(gpu)) {
            (Some(threads), _) => threads,
            (None, WHOLE_ROW) => 1,
            // A subgroup at least.
            (None, each) => vectors.div_ceil(each).next_power_of_two().max(32),
        };
        let threads = 1 << wanted.clamp(1, most.min(MOST_THREADS_HOLD)).ilog2();
        let each = vectors.div_ceil(threads);
        if threads > 1 && each <= HELD {
            return Shape {
                method: Method::Held,
                threads,
                workgroup: threads.max(64),
                vectors: each,
            };
        }
        let threads = threads.min(MOST_THREADS_WALK);
        Shape {
            method: Method::Rows,
            threads,
            // Without barriers between its threads a small workgroup is as good as a large one, and
            // there are more of them to share out.
            workgroup: if threads == 1 { 16 } else { threads.max(64) },
            vectors: vectors.div_ceil(threads),
        }
    }
}
