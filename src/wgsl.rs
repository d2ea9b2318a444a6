//! Composes a shader from its pieces: kernel, element, parameter, math, activation.
//!
//! Plain text joined in a fixed order. WGSL resolves names in any order, so nothing cleverer is
//! needed, and the same files load anywhere that takes WGSL.

use crate::{activation::Definition, element::ElementType};

const BITS: &str = include_str!("../shaders/bits.wgsl");
const MATH: &str = include_str!("../shaders/math.wgsl");
const MATH_NATIVE: &str = include_str!("../shaders/math_native.wgsl");

/// Where elementary functions come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Math {
    /// The crate's own: within 4 ULP of the definition on every adapter.
    #[default]
    Accurate,
    /// WGSL's builtins: faster where arithmetic is dear, and as accurate as the adapter makes
    /// them; see [`Tolerance`](crate::accuracy::Tolerance) for what is asked of them.
    Native,
}

impl Math {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Accurate, Self::Native];

    /// `accurate` or `native`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accurate => "accurate",
            Self::Native => "native",
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Accurate => MATH,
            Self::Native => MATH_NATIVE,
        }
    }
}

/// How a shader gets the activation's parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterSource {
    /// The activation has none.
    None,
    /// One for the whole tensor.
    Scalar,
    /// One per channel.
    Channel,
}

impl ParameterSource {
    const fn source(self) -> &'static str {
        match self {
            Self::None => include_str!("../shaders/parameter/none.wgsl"),
            Self::Scalar => include_str!("../shaders/parameter/scalar.wgsl"),
            Self::Channel => include_str!("../shaders/parameter/channel.wgsl"),
        }
    }

    /// Those that an activation can have.
    pub fn of(definition: &Definition) -> &'static [Self] {
        match definition.parameter {
            None => &[Self::None],
            Some(_) => &[Self::Scalar, Self::Channel],
        }
    }
}

const fn element_source(element: ElementType) -> &'static str {
    match element {
        ElementType::F32 => include_str!("../shaders/element/f32.wgsl"),
        ElementType::F16 => include_str!("../shaders/element/f16.wgsl"),
        ElementType::Bf16 => include_str!("../shaders/element/bf16.wgsl"),
    }
}

/// The shader of the pointwise family: entry points `forward`, `forward_in_place`,
/// `backward_pass`, `backward_in_place`.
pub fn pointwise(
    definition: &Definition,
    element: ElementType,
    parameter: ParameterSource,
    math: Math,
) -> String {
    [
        include_str!("../shaders/kernel/pointwise.wgsl"),
        element_source(element),
        parameter.source(),
        BITS,
        math.source(),
        definition.wgsl,
    ]
    .join("\n")
}

/// The shader of parameter gradients: entry points `columns_of_terms`, `columns_of_sums`,
/// `channels_of_sums`. For an activation that has a parameter.
pub fn parameter_gradient(definition: &Definition, element: ElementType, math: Math) -> String {
    [
        include_str!("../shaders/kernel/parameter_gradient.wgsl"),
        element_source(element),
        BITS,
        math.source(),
        definition.wgsl,
    ]
    .join("\n")
}

/// The pointwise shader with nothing to compute, which copies words: entry point `forward`.
pub fn copy() -> String {
    [
        include_str!("../shaders/kernel/pointwise.wgsl"),
        element_source(ElementType::F32),
        ParameterSource::None.source(),
        BITS,
        include_str!("../shaders/kernel/copy.wgsl"),
    ]
    .join("\n")
}
