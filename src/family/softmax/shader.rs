//! The shaders of softmax, and their arguments.

use crate::{
    arguments,
    wgsl::{self, Arguments, Math, Shader, Vectors},
};

arguments! {
    /// What the kernels of short rows take.
    pub(super) struct RowArguments {
        /// Rows of the tensor's part.
        rows: u32,
        /// In a row.
        vectors: u32,
    }
}

arguments! {
    /// What the kernels of splits take.
    pub(super) struct SplitArguments {
        /// Outer places.
        outer: u32,
        /// Elements from one outer place to the next.
        slice: u32,
        /// Elements from one place along the axis to the next.
        inner: u32,
        /// Rows per outer place: inner, or fewer where only some are worked on.
        rows: u32,
        /// Elements of a row; splits of a row when merging; elements to write.
        count: u32,
        /// Elements of a split at most, a multiple of BLOCK.
        per_split: u32,
        /// Elements of the bindings before the first; rows of all before the first.
        skip: u32,
        /// 1 to add to the statistics that are there.
        add: u32,
    }
}

/// How the kernels go about their rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Short rows along the innermost axis, walked through: entry point `walk`.
    Rows,
    /// The same, held in registers: entry point `hold`.
    Held,
    /// Any other: entry points `sum`, `merge`, `finish`, `write`, and for parts of rows `survey_rows`,
    /// `survey_gradients`, `prepare`.
    Splits,
}

impl Method {
    /// The shader of softmax and log-softmax, with the entry points of the method.
    pub(super) fn shader(self, backward: bool, vectors: Vectors, math: Math) -> Shader {
        let (arguments, kernel) = match self {
            Self::Rows => (
                RowArguments::WGSL,
                include_str!("../../../shaders/family/softmax_rows.wgsl"),
            ),
            Self::Held => (
                RowArguments::WGSL,
                include_str!("../../../shaders/family/softmax_held.wgsl"),
            ),
            Self::Splits => (
                SplitArguments::WGSL,
                include_str!("../../../shaders/family/softmax_splits.wgsl"),
            ),
        };
        let softmax = include_str!("../../../shaders/family/softmax.wgsl");
        let upstream = if backward {
            include_str!("../../../shaders/family/softmax_backward.wgsl")
        } else {
            include_str!("../../../shaders/family/softmax_forward.wgsl")
        };
        Shader::own(&[arguments, kernel, softmax, upstream])
            .and(wgsl::elements(vectors))
            .and(wgsl::functions(math))
    }
}

/// All shaders of softmax, by name.
///
/// ```
/// use wgpu_activations::{ElementType, Math, family::softmax};
///
/// let shaders = softmax::shaders(ElementType::F32.into(), Math::Accurate);
/// let names: Vec<_> = shaders.iter().map(|(name, _)| name.as_str()).collect();
/// assert_eq!(names[..3], ["softmax/rows", "softmax/held", "softmax/splits"]);
/// assert_eq!(names[3..], ["softmax/rows/backward", "softmax/held/backward", "softmax/splits/backward"]);
/// ```
pub fn shaders(vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
    let methods = [
        ("rows", Method::Rows),
        ("held", Method::Held),
        ("splits", Method::Splits),
    ];
    let mut shaders = Vec::new();
    for (backward, suffix) in [(false, ""), (true, "/backward")] {
        for (name, method) in methods {
            let name = format!("softmax/{name}{suffix}");
            shaders.push((name, method.shader(backward, vectors, math)));
        }
    }
    shaders
}
