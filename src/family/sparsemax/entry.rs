//! What sparsemax and hardmax are, how they are called, and what is tried of them.

use super::{
    Sparsemax,
    reference::{Form, backward, forward},
    shader::shader,
};
use crate::{
    activation::Paper,
    element::ElementType,
    error::Result,
    family::{
        Arguments, Benchmark, Case, Curve, Entry, Family, Operation, Parameter, Pass, Picture,
        SHAPES, Sweep, Traffic, everyday,
    },
    tensor::View,
    wgsl::{Math, Shader, Vectors},
};

pub(in crate::family) const SPARSEMAX: Form = Form::Sparsemax;
pub(in crate::family) const HARDMAX: Form = Form::Hardmax;

const PARAMETERS: &[Parameter] = &[Parameter::AXIS];

/// Columns of the rows in benchmarks.
const COLUMNS: usize = 4096;

impl Form {
    fn along(self, axis: i64) -> Sparsemax {
        Sparsemax { form: self, axis }
    }
}

impl Family for Form {
    fn entry(&self) -> Entry {
        match self {
            Self::Sparsemax => Entry {
                name: self.name(),
                aliases: &[],
                title: "Sparsemax",
                formula: "max(x - t, 0), with the t that makes the sum along the axis 1",
                slope_formula: "where y > 0: g - mean of g over y > 0; else 0",
                parameters: PARAMETERS.into(),
                special_values: &[
                    ("a row with NaN or inf", "NaN throughout"),
                    ("a row all -inf", "NaN throughout"),
                    ("-inf in another row", "0"),
                ],
                notes: &["Elements more than 1 below the largest have no share."],
                paper: Some(Paper {
                    authors: "Martins, Astudillo",
                    title: "From Softmax to Sparsemax: A Sparse Model of Attention and Multi-Label \
                            Classification",
                    year: 2016,
                    url: "https://arxiv.org/abs/1602.02068",
                }),
            },
            Self::Hardmax => Entry {
                name: self.name(),
                aliases: &["argmax-one-hot"],
                title: "Hardmax",
                formula: "1 at the first of the largest elements along the axis, 0 elsewhere",
                slope_formula: "0",
                parameters: PARAMETERS.into(),
                special_values: &[
                    ("a row with NaN", "NaN throughout, gradients too"),
                    ("inf", "the largest"),
                    ("a row all -inf", "1 at its first element"),
                ],
                notes: &["What softmax tends to as its scale grows: the winner takes all."],
                paper: Some(Paper {
                    authors: "Bridle",
                    title: "Probabilistic Interpretation of Feedforward Classification Network \
                            Outputs, with Relationships to Statistical Pattern Recognition",
                    year: 1990,
                    url: "https://doi.org/10.1007/978-3-642-76153-9_28",
                }),
            },
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let axis = arguments.axis(-1)?;
        arguments.finish(PARAMETERS)?;
        Ok(Box::new(self.along(axis)))
    }

    fn allowed(&self, _: Pass, _: ElementType, _: Math) -> String {
        match self {
            Self::Sparsemax => "2.4e-7 + the row sum's".to_owned(),
            Self::Hardmax => "exact".to_owned(),
        }
    }

    /// Rows of everyday numbers, of numbers close together, far apart, the same or large, and with NaN and infinities.
    fn cases(&self, _: ElementType) -> Vec<Case> {
        let case = |(shape, axis): (&[usize], i64)| {
            let mut x = everyday(shape.iter().product(), 31);
            let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
            let place = axis.rem_euclid(shape.len() as i64) as usize;
            let View { extent, inner, .. } = View::along(shape, place);
            for (index, x) in x.iter_mut().enumerate() {
                let row = index / (extent * inner) * inner + index % inner;
                match (row % 9, index / inner % extent) {
                    (1, _) => *x *= 25.0,
                    (2, _) => *x = *x * 0.01 + 1000.0,
                    (3, 0) | (4, _) => *x = special[2],
                    (kind @ 5..7, 1) => *x = special[kind - 5],
                    (7, _) => *x *= 1e-3,
                    (8, _) => *x = -0.5,
                    _ => {}
                }
            }
            Case::new(self.along(axis), shape, x)
        };
        SHAPES.into_iter().map(case).collect()
    }

    fn benchmark(&self) -> Option<Benchmark> {
        Some(Benchmark {
            operation: Box::new(self.along(-1)),
            columns: Some(COLUMNS),
            forward: Traffic::COPY,
            backward: match self {
                Self::Sparsemax => Traffic::ADD,
                Self::Hardmax => Traffic::COPY,
            },
            parameters: false,
            takes_math: false,
            tuned_by: &[],
        })
    }

    fn shaders(&self, vectors: Vectors, _: Math) -> Vec<(String, Shader)> {
        vec![(self.name().to_owned(), shader(vectors))]
    }

    fn picture(&self, _: &mut Sweep) -> Result<Option<Picture>> {
        let form = *self;
        let curve = |others: &'static [f64], kinks: &[f64]| {
            let value = move |row: &[f64]| forward(form, row)[0];
            let slope = move |row: &[f64]| {
                let mut upstream = vec![0.0; row.len()];
                upstream[0] = 1.0;
                backward(form, row, &upstream)[0]
            };
            Curve {
                kinks: kinks.to_vec(),
                ..Curve::in_row(others, value, slope)
            }
        };
        Ok(Some(Picture {
            subject: "the share of one element",
            curves: match self {
                Self::Sparsemax => vec![
                    curve(&[0.0], &[-1.0, 1.0]),
                    curve(&[0.0, 1.0, 1.5], &[0.75, 1.5, 2.5]),
                ],
                Self::Hardmax => vec![curve(&[0.0], &[0.0])],
            },
        }))
    }
}
