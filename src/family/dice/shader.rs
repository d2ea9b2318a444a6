//! The shaders of Dice, and their arguments.

use crate::{
    arguments,
    kernel::moments::M2,
    wgsl::{self, Arguments, Math, PerChannel, Reduction, Shader, Vectors},
};

arguments! {
    /// What the kernel takes that has one thread per channel.
    pub(super) struct StatisticsArguments {
        /// Channels of the tensor.
        channels: u32,
        /// Added to the variance.
        epsilon: f32,
        /// The batch's share of the running statistics.
        momentum: f32,
        /// 1 where the running variance is that of the batch, not of the population.
        biased: u32,
    }
}

/// Dice of an element, given what is known of its channel.
pub(super) const DICE: PerChannel =
    PerChannel::own(include_str!("../../../shaders/family/dice.wgsl"), 4);

/// The shader of what Dice knows of its channels: entry points `from_batch`, `from_running`, `train`,
/// `through_batch`, `alpha_of_sums`.
pub(super) fn statistics() -> Shader {
    let kernel = include_str!("../../../shaders/family/dice_statistics.wgsl");
    Shader::own(&[StatisticsArguments::WGSL, M2, kernel])
}

/// All shaders of Dice, by name.
pub(super) fn shaders(vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
    let sums = Reduction::terms(DICE, math);
    let named = [
        ("statistics", statistics()),
        ("pointwise", wgsl::per_channel(DICE, vectors, math)),
        ("columns", wgsl::columns(DICE, vectors, math)),
        ("reduce", wgsl::reduce(&sums, false, vectors)),
        ("reduce/dx", wgsl::reduce(&sums, true, vectors)),
    ];
    named
        .map(|(name, shader)| (format!("dice/{name}"), shader))
        .into()
}
