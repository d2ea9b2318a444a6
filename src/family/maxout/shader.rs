//! The shaders of maxout, and their arguments.

use crate::{
    arguments,
    wgsl::{self, Arguments, Shader, Vectors},
};

arguments! {
    /// What maxout over groups of channels takes.
    pub(super) struct PoolingArguments {
        /// Vectors or elements of y; of dx in backward_lanes.
        count: u32,
        /// Of y from one row to the next.
        span: u32,
        /// Of x from a row's end in its first piece to the next row.
        jump: u32,
        /// Of x from one piece to the next.
        stride: u32,
        /// Of the binding of x or dx before the first.
        x_skip: u32,
        /// Of the bindings of y or upstream, and of the winners, before the first.
        y_skip: u32,
        /// Pieces that this dispatch sees.
        pieces: u32,
        /// Number of the first of them.
        first_piece: u32,
    }
}

arguments! {
    /// What maxout over affine maps takes.
    pub(super) struct AffineArguments {
        /// Rows of x and of y.
        rows: u32,
        /// Vectors of a row of x.
        inputs: u32,
        /// Vectors of a row of y.
        outputs: u32,
        /// Affine maps.
        pieces: u32,
        /// Vectors of the binding of x or dx before the first.
        x_skip: u32,
        /// Vectors of the bindings of y or upstream, and of the winners, before the first.
        y_skip: u32,
        /// Rows that one partial sum takes.
        per_split: u32,
        /// Partial sums.
        splits: u32,
        /// 1 to add to the sums that are there.
        add: u32,
    }
}

/// How the winners of maxout are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IndexType {
    /// Four to a word, for up to 256 pieces.
    U8,
    /// One to a word.
    U32,
}

impl IndexType {
    /// One that tells so many pieces apart.
    pub(super) const fn of(pieces: usize) -> Self {
        if pieces <= 256 { Self::U8 } else { Self::U32 }
    }

    /// Bytes of a winner, and words of four.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U32 => 4,
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::U8 => include_str!("../../../shaders/index/u8.wgsl"),
            Self::U32 => include_str!("../../../shaders/index/u32.wgsl"),
        }
    }
}

/// The shader of maxout over groups of channels.
pub(super) fn pooling(vectors: Vectors, index: IndexType) -> Shader {
    let kernel = include_str!("../../../shaders/family/maxout_pooling.wgsl");
    let quotient = Shader::own(&[wgsl::QUOTIENT]);
    composed([PoolingArguments::WGSL, kernel], vectors, index).and(quotient)
}

/// The shader of maxout over affine maps.
pub(super) fn affine(vectors: Vectors, index: IndexType) -> Shader {
    let kernel = include_str!("../../../shaders/family/maxout_affine.wgsl");
    composed([AffineArguments::WGSL, kernel], vectors, index)
}

fn composed(kernel: [&'static str; 2], vectors: Vectors, index: IndexType) -> Shader {
    let [arguments, kernel] = kernel;
    let maxout = include_str!("../../../shaders/family/maxout.wgsl");
    Shader::own(&[arguments, kernel, maxout, index.source()]).and(wgsl::elements(vectors))
}

/// All shaders of maxout, by name; it has no elementary functions.
pub(super) fn shaders(vectors: Vectors) -> Vec<(String, Shader)> {
    let of = |index: IndexType| {
        [
            (format!("maxout/pooling/{index:?}"), pooling(vectors, index)),
            (format!("maxout/affine/{index:?}"), affine(vectors, index)),
        ]
    };
    [IndexType::U8, IndexType::U32].map(of).concat()
}
