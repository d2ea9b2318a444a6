//! What is tried of softmax and log-softmax, and what they look like.

use super::{
    Softmax,
    reference::{Form, MaskedRows, backward, forward},
    rows::VECTORS,
};
use crate::{
    family::{Benchmark, Case, Curve, Pass, Picture, SHAPES, Traffic, everyday},
    tensor::View,
};

/// Columns of the rows in benchmarks.
const COLUMNS: usize = 4096;

/// Rows of everyday numbers, of numbers far apart or large, and last ones with NaN and infinities.
pub(super) fn cases(operation: impl Fn(i64) -> Softmax) -> Vec<Case> {
    let case = |(shape, axis): (&[usize], i64)| {
        let place = axis.rem_euclid(shape.len() as i64) as usize;
        let View {
            outer,
            extent,
            inner,
        } = View::along(shape, place);
        let rows = outer * inner;
        let mut x = everyday(rows * extent, 7);
        for (index, x) in x.iter_mut().enumerate() {
            let row = index / (extent * inner) * inner + index % inner;
            let last = row + 8 > rows;
            match (row % 8, index / inner % extent) {
                (1, _) => *x *= 25.0,
                (2, _) => *x += 1000.0,
                (3, 0) => *x = f64::NEG_INFINITY,
                (4, 1) if last => *x = f64::NAN,
                (5, 1) if last => *x = f64::INFINITY,
                (6, _) if last => *x = f64::NEG_INFINITY,
                _ => {}
            }
        }
        Case {
            upstream: |len| everyday(len, 8),
            ..Case::new(operation(axis), shape, x)
        }
    };
    let mut cases: Vec<_> = SHAPES.into_iter().map(case).collect();
    for masked in [MaskedRows::Nan, MaskedRows::Zeros] {
        // An element that dominates its row, and a row that is masked.
        let x = [9.21, 0.0, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let operation = operation(-1).masked(masked);
        cases.push(Case {
            upstream: |_| vec![-1.0, 0.0, 1.0, 2.0],
            ..Case::new(operation, &[2, 2], x.to_vec())
        });
    }
    // Elements that dominate their rows more and more: all that is left of dx is what the other is. And rows of one, of
    // which nothing is left.
    let x = [16.0, 0.0, 30.0, 0.0, 8.0, 7.0, 0.5, 0.25];
    cases.push(Case {
        upstream: |_| vec![-1000.0, 0.0, -1.0, 0.0, 1000.0, 1001.0, 1.0, 1.0],
        ..Case::new(operation(-1), &[4, 2], x.to_vec())
    });
    cases.push(Case {
        upstream: |_| vec![60_000.0, -1.0, 0.3],
        ..Case::new(operation(-1), &[3, 1], vec![0.3, -7.1, 88.0])
    });
    cases
}

pub(super) fn benchmark(form: Form) -> Benchmark {
    Benchmark {
        operation: Box::new(Softmax::with_form(form, -1)),
        columns: Some(COLUMNS),
        forward: Traffic::COPY,
        backward: Traffic::ADD,
        parameters: false,
        takes_math: true,
        tuned_by: match form {
            Form::Softmax => &[("word_bits", Pass::Forward), (VECTORS.name, Pass::Forward)],
            Form::LogSoftmax => &[],
        },
    }
}

pub(super) fn picture(form: Form) -> Picture {
    Picture {
        subject: match form {
            Form::Softmax => "the share of one element",
            Form::LogSoftmax => "the logarithm of one element's share",
        },
        curves: vec![curve(&[0.0], form), curve(&[0.0, 1.0, 2.0], form)],
    }
}

/// The share of an element as others see it, from the other side.
pub(super) fn picture_of_softmin() -> Picture {
    let mirrored = |others| {
        let Curve {
            value,
            slope,
            label,
            ..
        } = curve(others, Form::Softmax);
        Curve::new(label, move |x| value(-x), move |x| -slope(-x))
    };
    Picture {
        subject: "the share of one element",
        curves: vec![mirrored(&[0.0])],
    }
}

fn curve(others: &'static [f64], form: Form) -> Curve {
    let value = move |row: &[f64]| forward(form, MaskedRows::Nan, row)[0];
    let slope = move |row: &[f64]| {
        let mut upstream = vec![0.0; row.len()];
        upstream[0] = 1.0;
        backward(form, MaskedRows::Nan, row, &upstream)[0]
    };
    Curve::in_row(others, value, slope)
}
