//! The shader of alpha dropout, and its arguments.

use crate::{
    arguments,
    wgsl::{self, Arguments, Math, Shader, Vectors},
};

arguments! {
    /// What the kernel takes.
    pub(super) struct DropoutArguments {
        /// Elements.
        length: u32,
        /// Tiles before the remainder.
        tiles: u32,
        /// Dropped where the random word is less; 0 leaves every bit as it is.
        threshold: u32,
        /// A kept x becomes a x + b.
        a: f32,
        /// The same.
        b: f32,
        /// What a dropped element becomes in the forward pass.
        dropped: f32,
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
    let kernel = include_str!("../../../shaders/family/alpha_dropout.wgsl");
    wgsl::over_tiles([DropoutArguments::WGSL, kernel], vectors).and(wgsl::random())
}

/// All shaders of alpha dropout, by name; it has no elementary functions.
pub(super) fn shaders(vectors: Vectors, _math: Math) -> Vec<(String, Shader)> {
    vec![("alpha-dropout".to_owned(), shader(vectors))]
}
