//! Softmax and log-softmax as families.

use super::{
    Softmax, case,
    reference::{Form, MaskedRows},
    rows, shaders,
};
use crate::{
    activation::Paper,
    element::ElementType,
    error::Result,
    family::{
        Arguments, Benchmark, Case, Default, Entry, Family, Operation, Parameter, Pass, Picture,
        Sweep,
    },
    gpu::Tunable,
    wgsl::{Math, Shader, Vectors},
};

pub(in crate::family) const SOFTMAX: Form = Form::Softmax;
pub(in crate::family) const LOG_SOFTMAX: Form = Form::LogSoftmax;

const PARAMETERS: &[Parameter] = &[
    Parameter::AXIS,
    Parameter {
        name: "masked",
        default: Default::Choice("nan"),
        rule: "nan or zeros",
        description: "what a row of nothing but -inf gives; the logarithm of zeros is -inf",
    },
];

const BRIDLE: Paper = Paper {
    authors: "Bridle",
    title: "Probabilistic Interpretation of Feedforward Classification Network Outputs, with \
            Relationships to Statistical Pattern Recognition",
    year: 1990,
    url: "https://doi.org/10.1007/978-3-642-76153-9_28",
};

impl Family for Form {
    fn entry(&self) -> Entry {
        let softmax = Entry {
            name: self.name(),
            aliases: &[],
            title: "Softmax",
            formula: "e^(x - m) / sum of e^(x - m), m = max x along the axis",
            slope_formula: "y (g - sum of g y)",
            parameters: PARAMETERS.into(),
            special_values: &[
                ("a row with NaN or inf", "NaN throughout"),
                ("a row all -inf", "NaN throughout, or zeros"),
                ("-inf in another row", "0"),
            ],
            notes: &[],
            paper: Some(BRIDLE),
        };
        match self {
            Self::Softmax => softmax,
            Self::LogSoftmax => Entry {
                aliases: &["logsoftmax"],
                title: "Log-softmax",
                formula: "x - m - ln(sum of e^(x - m)), m = max x along the axis",
                slope_formula: "g - e^y sum of g",
                special_values: &[
                    ("a row with NaN or inf", "NaN throughout"),
                    ("a row all -inf", "NaN throughout, or -inf"),
                    ("-inf in another row", "-inf"),
                ],
                notes: &[
                    "Unlike the logarithm of softmax it stays finite where softmax rounds to 0.",
                ],
                ..softmax
            },
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let choices = [("nan", MaskedRows::Nan), ("zeros", MaskedRows::Zeros)];
        let masked = arguments.choice("masked", &choices)?;
        let axis = arguments.axis(-1)?;
        arguments.finish(PARAMETERS)?;
        Ok(Box::new(Softmax::with_form(*self, axis).masked(masked)))
    }

    fn allowed(&self, pass: Pass, _: ElementType, _: Math) -> String {
        let ulps = match (self, pass) {
            (_, Pass::Backward) => 6,
            (Self::Softmax, Pass::Forward) => 3,
            (Self::LogSoftmax, Pass::Forward) => 4,
        };
        format!("{ulps} ULP + the row sum's")
    }

    fn cases(&self, _: ElementType) -> Vec<Case> {
        case::cases(*self)
    }

    fn benchmark(&self) -> Option<Benchmark> {
        Some(case::benchmark(*self))
    }

    fn tunables(&self) -> &'static [Tunable] {
        match self {
            Self::Softmax => &[rows::VECTORS],
            // It runs the same kernels.
            Self::LogSoftmax => &[],
        }
    }

    fn shaders(&self, vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
        shaders(vectors, math)
    }

    fn picture(&self, _: &mut Sweep) -> Result<Option<Picture>> {
        Ok(Some(case::picture(*self)))
    }
}
