//! Several activations one after another in one kernel, so that memory is read and written once.

use super::{
    launch::{Launch, Pass},
    recorder::Recorder,
    tiles,
};
use crate::{
    activation::Activation,
    error::Result,
    tensor::{Tensor, View},
    wgsl::{self, Fused, Math},
};

/// Activations that one kernel takes: building a longer one costs more than the trips through memory that it saves.
pub(crate) const MOST: usize = Fused::MOST;

/// Different kernels of several activations that one chain builds at most: a compiler takes a third of a second for each,
/// and the kernels of single activations are few.
pub(crate) const KERNELS: usize = 8;

/// Records y = the last of f(x), each activation with its parameters for the whole tensor; y may be x.
pub(crate) fn record(
    recorder: &mut Recorder<'_>,
    activations: &[Activation],
    math: Math,
    x: &Tensor,
    y: &Tensor,
) -> Result<()> {
    if x.is_empty() {
        return Ok(());
    }
    let parameters = activations.iter().flat_map(Activation::parameters);
    let mut parameters: Vec<f32> = parameters.copied().collect();
    if parameters.is_empty() {
        // No binding is empty.
        parameters.push(0.0);
    }
    let parameters = x.gpu().upload(&parameters, [parameters.len()])?;
    recorder.keep(&parameters);
    let definitions: Vec<_> = activations.iter().map(Activation::definition).collect();
    let mut pass = Pass::forward(x, y);
    let mut first = 0;
    for run in Fused::runs(&definitions) {
        let launch = Launch {
            shader: &|vectors| wgsl::fused(&run, vectors, math),
            columns: None,
            element: x.element(),
            constant: None,
            numbers: Default::default(),
            parameters: std::slice::from_ref(&parameters),
            first_parameter: first,
            view: View::ONE_CHANNEL,
        };
        tiles::encode(recorder.encoder, &launch, pass)?;
        first += run.parameters() as u32;
        pass = Pass::ForwardInPlace { x: y };
    }
    Ok(())
}
