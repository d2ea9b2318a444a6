//! The shader of log-sum-exp, and its arguments.

use crate::{
    arguments,
    wgsl::{self, Arguments, LIES, Math, QUOTIENT, Shader, Vectors},
};

arguments! {
    /// What the kernels take.
    pub(super) struct LogSumExpArguments {
        /// Outer places.
        outer: u32,
        /// Elements of a row.
        extent: u32,
        /// Elements from one of a row to the next.
        inner: u32,
        /// Parts of a row that threads sum.
        splits: u32,
        /// Elements of the bindings of x or dx before the first.
        skip: u32,
        /// Elements of the bindings of y or upstream before the first.
        row_skip: u32,
    }
}

/// The shader: entry points `sum`, `sum_vectors`, `finish`, `forward`, `backward`.
pub(super) fn shader(vectors: Vectors, math: Math) -> Shader {
    let kernel = include_str!("../../../shaders/family/logsumexp.wgsl");
    Shader::own(&[LogSumExpArguments::WGSL, kernel, QUOTIENT, LIES])
        .and(wgsl::elements(vectors))
        .and(wgsl::functions(math))
}
