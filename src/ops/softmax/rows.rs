//! Rows along the innermost axis that a few threads walk through: one dispatch.

use super::{Pass, Softmax};
use crate::{
    error::Result,
    gpu::{
        Binding::{Read, Write},
        Gpu, WHOLE_ROW,
    },
    ops::{Window, dispatch, fold_over, largest_window},
    tensor::{Tensor, View},
    wgsl::SoftmaxKernel,
};

/// Elements of the longest row, which caches hold until it is read again.
const LONGEST: usize = 16_384;

/// Rows that windows hold whole multiples of, so that each starts at a multiple of 256 bytes.
const ALIGNED: u64 = 32;

/// `MOST_THREADS` of the shader.
const MOST_THREADS: u32 = 256;

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
        let input = pass.input();
        let gpu = input.gpu();
        let vectors = view.extent as u32 / 4;
        let (threads, workgroup) = self.threads_for(gpu, vectors);
        let (entry_point, bindings) = match pass {
            Pass::Forward { .. } => ("forward_rows", &[Read(0), Write(2)][..]),
            Pass::Backward { .. } => ("backward_rows", &[Read(0), Read(1), Write(2)][..]),
        };
        let mut key = self.key(
            pass,
            (SoftmaxKernel::Rows, workgroup),
            entry_point,
            bindings,
        );
        key.constants.push(("THREADS", threads));
        let pipeline = gpu.pipeline(&key)?;

        let row = view.extent as u64 * input.element().size();
        let rows_at_once = (largest_window(gpu) / row / ALIGNED * ALIGNED).max(ALIGNED);
        let mut compute = encoder.begin_compute_pass(&Default::default());
        for start in (0..input.bytes()).step_by((rows_at_once * row) as usize) {
            let window = Window {
                start,
                bytes: (rows_at_once * row).min(input.bytes() - start),
            };
            let bindings: Vec<_> = pass
                .tensors()
                .map(|(binding, tensor)| wgpu::BindGroupEntry {
                    binding,
                    resource: window.binding(tensor),
                })
                .collect();
            let rows = window.bytes / row;
            let groups = fold_over(rows.div_ceil(u64::from(pipeline.workgroup / threads)));
            let arguments = [rows as u32, vectors, 0, 0, 0, 0, 0, 0];
            dispatch(gpu, &mut compute, &pipeline, &bindings, arguments, groups);
        }
        Ok(())
    }

    /// Threads per row and per workgroup.
    fn threads_for(&self, gpu: &Gpu, vectors: u32) -> (u32, u32) {
        let limits = gpu.limits();
        let most = MOST_THREADS
            .min(limits.max_compute_invocations_per_workgroup)
            .min(limits.max_compute_workgroup_size_x)
            .min(vectors);
        let wanted = match self.threads {
            Some(threads) => threads,
            None if gpu.tuning().softmax_vectors >= WHOLE_ROW => 1,
            // A subgroup at least.
            None => (vectors / gpu.tuning().softmax_vectors).clamp(32, MOST_THREADS),
        };
        let threads = 1 << wanted.clamp(1, most).ilog2();
        // Without barriers between its threads a small workgroup is as good as a large one, and
        // there are more of them to share out.
        (threads, if threads == 1 { 16 } else { threads.max(64) })
    }
}
