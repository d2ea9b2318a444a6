//! Softmax and log-softmax as families.

use super::{
    Softmax, case,
    operation::SOFTMIN,
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
        description: "what a row of nothing but -inf gives, of softmin nothing but inf; the logarithm of zeros is -inf",
    },
];

const MASKED: [(&str, MaskedRows); 2] = [("nan", MaskedRows::Nan), ("zeros", MaskedRows::Zeros)];

const BRIDLE: Paper = Paper {
    authors: "Bridle",
    title: "Probabilistic Interpretation of Feedforward Classification Network Outputs, with \
            Relationships to Statistical Pattern Recognition",
    year: 1990,
    url: "https://doi.org/10.1007/978-3-642-76153-9_28",
};

fn parsed(mut arguments: Arguments, along: impl Fn(i64) -> Softmax) -> Result<Box<dyn Operation>> {
    let masked = arguments.choice("masked", &MASKED)?;
    let axis = arguments.axis(-1)?;
    arguments.finish(PARAMETERS)?;
    Ok(Box::new(along(axis).masked(masked)))
}

/// Softmin, as [`families`](crate::family::families) lists it.
pub(in crate::family) struct OfSoftmin;

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

    fn parse(&self, arguments: Arguments) -> Result<Box<dyn Operation>> {
        parsed(arguments, |axis| Softmax::with_form(*self, axis))
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
        case::cases(|axis| Softmax::with_form(*self, axis))
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

impl Family for OfSoftmin {
    fn entry(&self) -> Entry {
        Entry {
            name: SOFTMIN,
            title: "Softmin",
            formula: "e^(m - x) / sum of e^(m - x), m = min x along the axis",
            slope_formula: "-y (g - sum of g y)",
            special_values: &[
                ("a row with NaN or -inf", "NaN throughout"),
                ("a row all inf", "NaN throughout, or zeros"),
                ("inf in another row", "0"),
            ],
            notes: &["Softmax of -x: the least element has the largest share."],
            ..Form::Softmax.entry()
        }
    }

    fn parse(&self, arguments: Arguments) -> Result<Box<dyn Operation>> {
        parsed(arguments, Softmax::min)
    }

    fn allowed(&self, pass: Pass, element: ElementType, math: Math) -> String {
        Form::Softmax.allowed(pass, element, math)
    }

    fn cases(&self, _: ElementType) -> Vec<Case> {
        case::cases(Softmax::min)
    }

    fn benchmark(&self) -> Option<Benchmark> {
        Some(Benchmark {
            operation: Box::new(Softmax::min(-1)),
            tuned_by: &[],
            ..case::benchmark(Form::Softmax)
        })
    }

    fn shaders(&self, vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
        shaders(vectors, math)
    }

    fn picture(&self, _: &mut Sweep) -> Result<Option<Picture>> {
        Ok(Some(case::picture_of_softmin()))
    }
}
