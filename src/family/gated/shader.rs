//! The shaders of gated units, and their arguments.

use super::{Gated, Unit};
use crate::{
    activation::Activation,
    arguments,
    wgsl::{self, Arguments, Lanes, Math, QUOTIENT, Shader, Vectors, Words},
};

arguments! {
    /// What the kernels take.
    pub(super) struct GatedArguments {
        /// Elements of y in this piece.
        length: u32,
        /// f's parameters: the first,
        parameter_a: f32,
        /// the second,
        parameter_b: f32,
        /// the third
        parameter_c: f32,
        /// and the fourth.
        parameter_d: f32,
        /// Two tensors: tiles before the remainder.
        tiles: u32,
        /// Where gate and up are clamped.
        limit: f32,
        /// One tensor: elements of a block of gates.
        block: u32,
        /// Elements of its binding before the first,
        x_skip: u32,
        /// of y's,
        y_skip: u32,
        /// and of the terms'.
        terms_skip: u32,
    }
}

/// How one tensor is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// Blocks of whole vectors.
    Blocks,
    /// Blocks of one element.
    Pairs,
    /// Blocks of any length.
    Elements,
}

impl Walk {
    pub(super) const ALL: [Self; 3] = [Self::Blocks, Self::Pairs, Self::Elements];

    pub(super) const fn of(block: usize) -> Self {
        match block {
            1 => Self::Pairs,
            _ if block.is_multiple_of(4) => Self::Blocks,
            _ => Self::Elements,
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Blocks => include_str!("../../../shaders/family/gated_blocks.wgsl"),
            Self::Pairs => include_str!("../../../shaders/family/gated_pairs.wgsl"),
            Self::Elements => include_str!("../../../shaders/family/gated_elements.wgsl"),
        }
    }
}

impl Unit {
    /// `gated`, which is f(gate) up.
    const fn product(self) -> [&'static str; 2] {
        const GATE: &str = include_str!("../../../shaders/accurate/gated_gate.wgsl");
        match self {
            Self::Glu => [include_str!("../../../shaders/accurate/gated_glu.wgsl"), ""],
            Self::Geglu => [
                include_str!("../../../shaders/accurate/gated_geglu.wgsl"),
                "",
            ],
            Self::GegluTanh => [
                include_str!("../../../shaders/accurate/gated_geglu_tanh.wgsl"),
                GATE,
            ],
            Self::Swiglu | Self::SwigluClamped => [
                include_str!("../../../shaders/accurate/gated_swiglu.wgsl"),
                GATE,
            ],
            Self::Reglu | Self::Any => [
                include_str!("../../../shaders/family/gated_product.wgsl"),
                "",
            ],
        }
    }
}

impl Gated {
    /// The unit over vectors, with the terms of the gradient of one of f's parameters where they are wanted.
    fn over_vectors(&self, vectors: Vectors, term: Option<usize>) -> Shader {
        let unit = match self.unit.is_unrounded(self.math) {
            true => self.unit,
            false => Unit::Any,
        };
        let clamps = match self.unit.clamps() {
            true => include_str!("../../../shaders/family/gated_clamped.wgsl"),
            false => include_str!("../../../shaders/family/gated_plain.wgsl"),
        };
        let [product, gate] = unit.product();
        let lanes = match vectors.lanes {
            Lanes::One => include_str!("../../../shaders/lanes/gated_one.wgsl"),
            Lanes::Four => include_str!("../../../shaders/lanes/gated_four.wgsl"),
        };
        let unit = include_str!("../../../shaders/family/gated.wgsl");
        let mut shader = Shader::own(&[unit, clamps, product, gate, lanes]);
        let f = self.f.definition();
        shader = shader.and(match term {
            Some(index) => Shader::own(&[include_str!("../../../shaders/family/gated_term.wgsl")])
                .and(wgsl::parameter_term(f, index)),
            // It completes the module.
            None => Shader::own(&[
                "fn term_at(gate: Real, up: Real, upstream: Real, p: Parameter) -> Real { return upstream; }",
            ]),
        });
        shader.and(wgsl::function(f, vectors.lanes, self.math))
    }

    /// Of two tensors: entry points `forward`, `forward_in_place`, `backward_pass`, `backward_in_place`, or
    /// `parameter_terms`.
    pub(super) fn apart(&self, vectors: Vectors, term: Option<usize>) -> Shader {
        let kernel = match term {
            Some(_) => include_str!("../../../shaders/family/gated_apart_terms.wgsl"),
            None => include_str!("../../../shaders/family/gated_apart.wgsl"),
        };
        let more = match vectors.words {
            Words::U32 => include_str!("../../../shaders/access/apart_more.wgsl"),
            Words::U64 => include_str!("../../../shaders/access/adjacent_more.wgsl"),
        };
        wgsl::over_tiles([GatedArguments::WGSL, kernel], vectors)
            .and(Shader::own(&[more]))
            .and(self.over_vectors(vectors, term))
    }

    /// Of one tensor: entry points `forward` and `backward_pass`, or `parameter_terms`.
    pub(super) fn together(&self, walk: Walk, vectors: Vectors, term: Option<usize>) -> Shader {
        let kernel = include_str!("../../../shaders/family/gated_together.wgsl");
        let entry_points = match (term, walk) {
            (Some(_), _) => include_str!("../../../shaders/family/gated_together_terms.wgsl"),
            (None, Walk::Elements) => "",
            (None, _) => include_str!("../../../shaders/family/gated_vectors.wgsl"),
        };
        let own = [
            GatedArguments::WGSL,
            kernel,
            entry_points,
            walk.source(),
            QUOTIENT,
        ];
        Shader::own(&own)
            .and(wgsl::elements(vectors))
            .and(self.over_vectors(vectors, term))
    }
}

impl Unit {
    /// All shaders of the unit, by name; of any f with one that has a parameter.
    pub(super) fn shaders(self, vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
        let mut gated = Gated::new(self).math(math);
        if self == Self::Any {
            gated.f = Activation::ELU;
        }
        let name = self.name();
        let mut shaders = Vec::new();
        let parameters = 0..gated.f.parameters().len();
        for term in [None].into_iter().chain(parameters.map(Some)) {
            let suffix = if term.is_some() { "/terms" } else { "" };
            shaders.push((format!("{name}/apart{suffix}"), gated.apart(vectors, term)));
            for walk in Walk::ALL {
                let shader = gated.together(walk, vectors, term);
                shaders.push((format!("{name}/{walk:?}{suffix}"), shader));
            }
        }
        shaders
    }
}
