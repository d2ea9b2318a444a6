//! Kernels that only move memory: what the speed of the others is measured against.

use super::{Window, dispatch, expect_alike, expect_apart, largest_window};
use crate::{
    element::ElementType,
    error::Result,
    gpu::{Kernel, PipelineKey},
    tensor::Tensor,
    wgsl::Math,
};

/// Records a copy of `x` to `y`, at the launch shape of the pointwise family.
///
/// # Errors
///
/// As [`Pointwise::encode_forward`](super::pointwise::Pointwise::encode_forward).
pub fn encode_copy(encoder: &mut wgpu::CommandEncoder, x: &Tensor, y: &Tensor) -> Result<()> {
    expect_alike("copy", ("x", x), ("y", y))?;
    expect_apart("copy", ("x", x), ("y", y), "nothing: they are equal")?;
    x.expose();
    y.expose();
    let gpu = x.gpu();
    let pipeline = gpu.pipeline(PipelineKey {
        kernel: Kernel::Copy,
        entry_point: "copy",
        bindings: &[0, 2],
        activation: None,
        element: ElementType::F32,
        math: Math::Accurate,
    })?;
    let mut pass = encoder.begin_compute_pass(&Default::default());
    let step = largest_window(gpu);
    for start in (0..x.bytes()).step_by(step as usize) {
        let window = Window {
            start,
            bytes: step.min(x.bytes() - start),
        };
        let vectors = window.bytes.div_ceil(16);
        let bindings = [
            wgpu::BindGroupEntry {
                binding: 0,
                resource: window.binding(x),
            },
            wgpu::BindGroupEntry {
                binding: 2,
                resource: window.binding(y),
            },
        ];
        let groups = vectors.div_ceil(2 * u64::from(pipeline.workgroup));
        dispatch(
            gpu,
            &mut pass,
            &pipeline,
            &bindings,
            [vectors as u32, 0, 0, 0, 0, 0, 0, 0],
            groups,
        );
    }
    Ok(())
}
