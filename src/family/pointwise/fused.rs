//! Several activations one after another in one kernel, so that memory is read and written once.

use crate::kernel::{
    launch::{Launch, Pass},
    tiles,
};
use crate::{
    activation::Activation,
    error::Result,
    gpu::{
        Binding::{Read, Write},
        Kernel, PipelineKey,
    },
    tensor::{Tensor, View},
    wgsl::Math,
};

/// x = the last of f(x), each activation with its parameter for the whole tensor: `parameters` holds
/// them, anything where there is none.
pub(crate) fn forward_in_place(
    activations: &[Activation],
    parameters: &Tensor,
    math: Math,
    x: &Tensor,
) -> Result<()> {
    if x.is_empty() {
        return Ok(());
    }
    let pass = Pass::ForwardInPlace { x };
    let launch = Launch {
        key: PipelineKey {
            kernel: Kernel::Fused,
            entry_point: pass.entry_point(),
            bindings: &[Write(2), Read(3)],
            activations: activations.iter().map(Activation::name).collect(),
            element: x.element(),
            math,
            constants: Vec::new(),
        },
        parameter: 0.0,
        parameters: Some(parameters),
        view: View::ONE_CHANNEL,
    };
    let gpu = x.gpu();
    gpu.submit(|encoder| tiles::encode(encoder, &launch, pass))
        .map(drop)
}
