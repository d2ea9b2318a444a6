//! Kernels that only move memory: what the speed of the others is measured against.

use super::{
    expect_alike, expect_apart,
    pointwise::{Channels, Launch, Pass},
};
use crate::{
    element::ElementType,
    error::Result,
    gpu::{Kernel, PipelineKey},
    tensor::Tensor,
    wgsl::{Math, ParameterSource},
};

/// Records a copy of `x` to `y`, word by word, by the kernel of the pointwise family.
///
/// # Errors
///
/// As [`Pointwise::encode_forward`](super::pointwise::Pointwise::encode_forward).
pub fn encode_copy(encoder: &mut wgpu::CommandEncoder, x: &Tensor, y: &Tensor) -> Result<()> {
    expect_alike("copy", ("y", y), ("x", x))?;
    expect_apart("copy", ("x", x), ("y", y), "nothing: they are equal")?;
    x.expose();
    y.expose();
    let pass = Pass::Forward { x, y };
    let launch = Launch {
        key: PipelineKey {
            kernel: Kernel::Copy,
            entry_point: pass.entry_point(),
            bindings: pass.bindings(ParameterSource::None),
            activation: None,
            element: ElementType::F32,
            math: Math::Accurate,
            remainder: false,
        },
        parameter: 0.0,
        parameters: None,
        view: Channels {
            channels: 1,
            inner: 1,
        },
    };
    launch.encode(encoder, pass)
}
