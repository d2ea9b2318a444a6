//! How a shader loads vectors of four elements, and computes with them.

use super::{LANES, REAL};
use crate::element::ElementType;

/// The integers that a shader loads and stores vectors by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Words {
    /// Of 32 bits, which is WGSL.
    #[default]
    U32,
    /// Of 64 bits, an extension of naga's that takes [`wgpu::Features::SHADER_INT64`]: for adapters where a
    /// load costs as much as it has words. What goes over tiles ([`pointwise`](super::pointwise), [`per_channel`](super::per_channel)
    /// and [`fused`](super::fused))
    /// serves whole tiles alone with them.
    U64,
}

impl Words {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::U32, Self::U64];

    /// Which two vectors of a tile a thread takes.
    pub(super) const fn access(self) -> &'static str {
        match self {
            Self::U32 => include_str!("../../shaders/access/apart.wgsl"),
            Self::U64 => include_str!("../../shaders/access/adjacent.wgsl"),
        }
    }
}

/// How many lanes of a vector of four a shader computes with at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Lanes {
    /// One after another.
    #[default]
    One,
    /// All, where one parameter serves them ([`pointwise`](super::pointwise) and [`fused`](super::fused)): for adapters that wait for one
    /// operation before they begin the next.
    Four,
}

impl Lanes {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::One, Self::Four];

    /// What math is over, and an activation over a vector.
    pub(super) const fn sources(self) -> [&'static str; 2] {
        match self {
            Self::One => [REAL, LANES],
            Self::Four => [
                include_str!("../../shaders/real/four.wgsl"),
                include_str!("../../shaders/lanes/four.wgsl"),
            ],
        }
    }
}

/// How a shader loads vectors of four elements, and computes with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Vectors {
    /// The type of the elements in memory.
    pub element: ElementType,
    /// What they are loaded by.
    pub words: Words,
    /// How many are computed with at a time.
    pub lanes: Lanes,
}

impl From<ElementType> for Vectors {
    fn from(element: ElementType) -> Self {
        Self {
            element,
            words: Words::default(),
            lanes: Lanes::default(),
        }
    }
}

impl Vectors {
    /// A vector in words, and the elements in those.
    pub(super) const fn sources(self) -> [&'static str; 2] {
        let words = match (self.words, self.element) {
            (Words::U32, ElementType::F32) => include_str!("../../shaders/words/u32_f32.wgsl"),
            (Words::U32, _) => include_str!("../../shaders/words/u32_half.wgsl"),
            (Words::U64, ElementType::F32) => include_str!("../../shaders/words/u64_f32.wgsl"),
            (Words::U64, _) => include_str!("../../shaders/words/u64_half.wgsl"),
        };
        let element = match self.element {
            ElementType::F32 => include_str!("../../shaders/element/f32.wgsl"),
            ElementType::F16 => include_str!("../../shaders/element/f16.wgsl"),
            ElementType::Bf16 => include_str!("../../shaders/element/bf16.wgsl"),
        };
        [words, element]
    }
}
