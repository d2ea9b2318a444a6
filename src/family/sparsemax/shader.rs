//! The shader of sparsemax and hardmax, and its arguments.

use crate::{
    arguments,
    wgsl::{self, Arguments, LIES, Math, QUOTIENT, Shader, Vectors},
};

arguments! {
    /// What the kernels take.
    pub(super) struct SparsemaxArguments {
        /// Outer places.
        outer: u32,
        /// Elements of a row.
        extent: u32,
        /// Elements from one of a row to the next.
        inner: u32,
        /// Elements of the bindings before the first.
        skip: u32,
    }
}

/// The shader: entry points `hard_rows`, `sparse_rows` and `sparse_rows_backward`, and for what is written `hard`,
/// `hard_backward`, `sparse` and `sparse_backward`.
pub(super) fn shader(vectors: Vectors) -> Shader {
    let kernel = include_str!("../../../shaders/family/sparsemax.wgsl");
    Shader::own(&[SparsemaxArguments::WGSL, kernel, QUOTIENT, LIES])
        .and(wgsl::elements(vectors))
        .and(wgsl::functions(Math::Native))
}
