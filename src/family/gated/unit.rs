//! The named units: what each is called, and what it is made of.

use crate::{
    activation::{Activation, Paper},
    wgsl::Math,
};

/// What a gated unit computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// up sigmoid(gate).
    Glu,
    /// relu(gate) up.
    Reglu,
    /// gelu(gate) up.
    Geglu,
    /// gelu-tanh(gate) up.
    GegluTanh,
    /// swish(gate; beta) up.
    Swiglu,
    /// The same clamped, with up + 1.
    SwigluClamped,
    /// f(gate) up of any f.
    Any,
}

pub(in crate::family) const GLU: Unit = Unit::Glu;
pub(in crate::family) const REGLU: Unit = Unit::Reglu;
pub(in crate::family) const GEGLU: Unit = Unit::Geglu;
pub(in crate::family) const GEGLU_TANH: Unit = Unit::GegluTanh;
pub(in crate::family) const SWIGLU: Unit = Unit::Swiglu;
pub(in crate::family) const SWIGLU_CLAMPED: Unit = Unit::SwigluClamped;
pub(in crate::family) const GATED: Unit = Unit::Any;

/// The limit and the steepness of [`Unit::SwigluClamped`].
pub(super) const LIMIT: f32 = 7.0;
pub(super) const ALPHA: f32 = 1.702;
pub(super) const LIMIT_RULE: &str = "a finite number > 0 (at least 1.18e-38)";

const DAUPHIN: Paper = Paper {
    authors: "Dauphin, Fan, Auli, Grangier",
    title: "Language Modeling with Gated Convolutional Networks",
    year: 2016,
    url: "https://arxiv.org/abs/1612.08083",
};

const SHAZEER: Paper = Paper {
    authors: "Shazeer",
    title: "GLU Variants Improve Transformer",
    year: 2020,
    url: "https://arxiv.org/abs/2002.05202",
};

const AGARWAL: Paper = Paper {
    authors: "OpenAI",
    title: "gpt-oss-120b & gpt-oss-20b Model Card",
    year: 2025,
    url: "https://arxiv.org/abs/2508.10925",
};

impl Unit {
    /// Its name: `swiglu`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Glu => "glu",
            Self::Reglu => "reglu",
            Self::Geglu => "geglu",
            Self::GegluTanh => "geglu-tanh",
            Self::Swiglu => "swiglu",
            Self::SwigluClamped => "swiglu-clamped",
            Self::Any => "gated",
        }
    }

    pub(super) const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Glu => &["gated-linear-unit"],
            Self::GegluTanh => &["gelu-tanh-and-mul"],
            Self::Geglu => &["gelu-and-mul"],
            Self::Swiglu => &["silu-and-mul", "siglu"],
            Self::SwigluClamped => &["swigluoai", "swiglu-oai"],
            Self::Reglu | Self::Any => &[],
        }
    }

    /// The name as prose writes it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Glu => "GLU",
            Self::Reglu => "ReGLU",
            Self::Geglu => "GeGLU",
            Self::GegluTanh => "GeGLU (tanh)",
            Self::Swiglu => "SwiGLU",
            Self::SwigluClamped => "Clamped SwiGLU",
            Self::Any => "Gated unit",
        }
    }

    pub(super) const fn formula(self) -> &'static str {
        match self {
            Self::Glu => "up sigmoid(gate)",
            Self::Reglu => "max(gate, 0) up",
            Self::Geglu => "gate Phi(gate) up",
            Self::GegluTanh => "gate sigmoid(2u) up, u = sqrt(2 / pi) (gate + 0.044715 gate^3)",
            Self::Swiglu => "gate sigmoid(beta gate) up",
            Self::SwigluClamped => {
                "(clamp(up, -limit, limit) + 1) t sigmoid(alpha t), t = min(gate, limit)"
            }
            Self::Any => "f(gate) up",
        }
    }

    pub(super) const fn slope_formula(self) -> &'static str {
        match self {
            Self::SwigluClamped => {
                "with f = t sigmoid(alpha t): g (clamp(up) + 1) f'(t) for the gate, g f(t) for up, 0 where clamped"
            }
            _ => "g up f'(gate) for the gate, g f(gate) for up",
        }
    }

    pub(super) const fn paper(self) -> Option<Paper> {
        match self {
            Self::Glu => Some(DAUPHIN),
            Self::SwigluClamped => Some(AGARWAL),
            _ => Some(SHAZEER),
        }
    }

    /// f, with its parameter at the default.
    pub(super) const fn f(self) -> Activation {
        match self {
            Self::Glu => Activation::SIGMOID,
            Self::Reglu => Activation::RELU,
            Self::Geglu => Activation::GELU,
            Self::GegluTanh => Activation::GELU_TANH,
            Self::Swiglu | Self::Any => Activation::SWISH,
            Self::SwigluClamped => Activation::SWISH.with_known(ALPHA),
        }
    }

    /// Whether the gate is the last half, where libraries take one tensor.
    pub(super) const fn gate_last(self) -> bool {
        matches!(self, Self::Glu)
    }

    /// Whether gate and up are clamped.
    pub(super) const fn clamps(self) -> bool {
        matches!(self, Self::SwigluClamped)
    }

    /// What f's parameter is called, if it is not as f has it.
    pub(super) const fn parameter_name(self) -> Option<&'static str> {
        match self {
            Self::SwigluClamped => Some("alpha"),
            _ => None,
        }
    }

    /// Whether the kernel multiplies f(gate) before it is rounded.
    pub(super) fn is_unrounded(self, math: Math) -> bool {
        math == Math::Accurate && !matches!(self, Self::Reglu | Self::Any)
    }

    /// What a result may be off by where it is normal, in ULP.
    pub(super) const fn ulps(self) -> f64 {
        match self {
            Self::SwigluClamped => 5.0,
            _ => 4.0,
        }
    }
}
