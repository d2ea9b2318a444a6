//! The shader of randomised leaky ReLU, and its arguments.

use crate::{
    arguments,
    wgsl::{self, Arguments, Shader, Vectors},
};

arguments! {
    /// What the kernel takes.
    pub(super) struct RreluArguments {
        /// Elements.
        length: u32,
        /// Tiles before the remainder.
        tiles: u32,
        /// The lowest slope,
        lower: f32,
        /// and what the highest is above it; 0 where all are the same.
        span: f32,
        /// The seed's low word,
        seed_low: u32,
        /// and its high one.
        seed_high: u32,
        /// Vectors of the tensor before this piece of it: the low word,
        start_low: u32,
        /// and the high one.
        start_high: u32,
    }
}

/// The shader: entry points `forward`, `forward_in_place`, `backward_pass`, `backward_in_place`.
pub(super) fn shader(vectors: Vectors) -> Shader {
    let kernel = include_str!("../../../shaders/family/rrelu.wgsl");
    wgsl::over_tiles([RreluArguments::WGSL, kernel], vectors).and(wgsl::random())
}
