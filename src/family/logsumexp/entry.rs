//! What log-sum-exp is, how it is called, and what is tried of it.

use super::{LogSumExp, NAME, reference, shader::shader};
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

/// Log-sum-exp, as [`families`](crate::family::families) lists it.
pub(in crate::family) struct OfLogSumExp;

const PARAMETERS: &[Parameter] = &[Parameter {
    description: "the axis that is summed over, which stays with length 1",
    ..Parameter::AXIS
}];

/// Columns of the rows in benchmarks.
const COLUMNS: usize = 4096;

impl Family for OfLogSumExp {
    fn entry(&self) -> Entry {
        Entry {
            name: NAME,
            aliases: &["log-sum-exp"],
            title: "Log-sum-exp",
            formula: "ln(sum of e^x) along the axis",
            slope_formula: "g e^(x - y)",
            parameters: PARAMETERS.into(),
            special_values: &[
                ("a row with NaN", "NaN; gradients NaN"),
                ("a row with inf", "inf; gradients NaN"),
                ("a row all -inf", "-inf; gradients NaN"),
                ("a row without elements", "-inf"),
            ],
            notes: &["Of (x, 0) it is softplus."],
            paper: Some(Paper {
                authors: "Blanchard, Higham, Higham",
                title: "Accurately computing the log-sum-exp and softmax functions",
                year: 2021,
                url: "https://doi.org/10.1093/imanum/draa038",
            }),
        }
    }

    fn parse(&self, mut arguments: Arguments) -> Result<Box<dyn Operation>> {
        let axis = arguments.axis(-1)?;
        arguments.finish(PARAMETERS)?;
        Ok(Box::new(LogSumExp::new(axis)))
    }

    fn allowed(&self, _: Pass, _: ElementType, _: Math) -> String {
        "4 ULP + the row sum's".to_owned()
    }

    /// Rows of everyday numbers, of numbers far apart or large, and with NaN and infinities.
    fn cases(&self, _: ElementType) -> Vec<Case> {
        let case = |(shape, axis): (&[usize], i64)| {
            let mut x = everyday(shape.iter().product(), 21);
            let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
            let place = axis.rem_euclid(shape.len() as i64) as usize;
            let View { extent, inner, .. } = View::along(shape, place);
            for (index, x) in x.iter_mut().enumerate() {
                let row = index / (extent * inner) * inner + index % inner;
                match (row % 9, index / inner % extent) {
                    (1, _) => *x *= 25.0,
                    (2, _) => *x += 1000.0,
                    (3, 0) | (4, _) => *x = special[2],
                    (kind @ 5..7, 1) => *x = special[kind - 5],
                    (7, 0) => *x = 20.0,
                    _ => {}
                }
            }
            Case::new(LogSumExp::new(axis), shape, x)
        };
        SHAPES.into_iter().map(case).collect()
    }

    fn benchmark(&self) -> Option<Benchmark> {
        Some(Benchmark {
            operation: Box::new(LogSumExp::new(-1)),
            columns: Some(COLUMNS),
            forward: Traffic::new(4, "read"),
            backward: Traffic::COPY,
            parameters: false,
            takes_math: true,
            tuned_by: &[],
        })
    }

    fn shaders(&self, vectors: Vectors, math: Math) -> Vec<(String, Shader)> {
        vec![(NAME.to_owned(), shader(vectors, math))]
    }

    fn picture(&self, _: &mut Sweep) -> Result<Option<Picture>> {
        let curve = |others| {
            let slope = |row: &[f64]| reference::backward(row, 1.0)[0];
            Curve::in_row(others, reference::forward, slope)
        };
        Ok(Some(Picture {
            subject: "the smooth maximum",
            curves: vec![curve(&[0.0]), curve(&[0.0, 1.0, 2.0])],
        }))
    }
}
