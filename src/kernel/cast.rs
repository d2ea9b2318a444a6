//! Tensors of 16-bit elements as f32, and back.

use super::{Window, largest_window, recorder::Recorder};
use crate::{
    arguments,
    element::ElementType,
    error::Result,
    gpu::{
        Binding::{self, Read, Write},
        Kernel,
    },
    tensor::Tensor,
    wgsl::{self, Arguments, Shader, Vectors},
};

arguments! {
    /// What the kernels take.
    struct CastArguments {
        /// Elements.
        length: u32,
    }
}

/// Entry points `to_f32` and `from_f32`.
pub(super) fn shader(vectors: Vectors) -> Shader {
    let kernel = include_str!("../../shaders/kernel/cast.wgsl");
    Shader::own(&[CastArguments::WGSL, kernel]).and(wgsl::elements(vectors))
}

/// Records `to`, of as many elements, from `from`: one holds f32, the other elements of 16 bits.
pub(crate) fn record(recorder: &mut Recorder<'_>, from: &Tensor, to: &Tensor) -> Result<()> {
    const WIDEN: &[Binding] = &[Read(0), Write(1)];
    const NARROW: &[Binding] = &[Read(2), Write(3)];
    let gpu = from.gpu();
    let (entry_point, bindings, half, places) = if to.element() == ElementType::F32 {
        ("to_f32", WIDEN, from.element(), [0, 1])
    } else {
        ("from_f32", NARROW, to.element(), [2, 3])
    };
    let kernel = Kernel {
        shader: shader(half.into()),
        entry_point,
        bindings,
        constants: Vec::new(),
        workgroup: gpu.workgroup(64),
    };
    let most = (largest_window(gpu) / ElementType::F32.size()) as usize;
    for start in (0..from.len()).step_by(most) {
        let length = most.min(from.len() - start);
        let window = |tensor: &Tensor| Window {
            start: start as u64 * tensor.element().size(),
            bytes: length as u64 * tensor.element().size(),
        };
        let arguments = CastArguments {
            length: length as u32,
        };
        let tensors = [(places[0], from, window(from)), (places[1], to, window(to))];
        let groups = kernel.groups(length.div_ceil(4) as u64);
        recorder.dispatch_windows(&kernel, &tensors, &arguments, groups)?;
    }
    Ok(())
}
