//! What is measured: the operations, their shapes, the bytes that count, what is right.

use std::error::Error;

use wgpu_activations::{
    Activation, ElementType, Math,
    accuracy::{Expectation, Report, Tolerance},
    check::words,
    family::{
        dice::bound as dice,
        maxout::{
            bound as maxout,
            reference::{Layout, Pooling},
        },
        softmax::{
            bound as softmax,
            reference::{Form, MaskedRows},
        },
    },
    reference,
};

/// Channels of what has a parameter per channel.
pub const CHANNELS: usize = 1024;
/// Length of a row of softmax.
pub const COLUMNS: usize = 4096;
/// Channels that compete in maxout.
pub const PIECES: usize = 4;
/// What Dice adds to the variance.
pub const EPSILON: f32 = 1e-8;

/// Every so many elements are compared.
const STRIDE: usize = 17;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// Elementwise, with one parameter or none.
    Pointwise(Activation),
    /// A slope per channel.
    Prelu,
    /// In training: with the statistics of the batch.
    Dice,
    /// Along rows.
    Softmax(Form),
    /// The largest of adjacent channels.
    Maxout,
}

impl Op {
    /// Every operation.
    pub fn all() -> Vec<Self> {
        let pointwise = Activation::all().filter(|op| *op != Activation::PRELU);
        pointwise
            .map(Self::Pointwise)
            .chain([Self::Prelu])
            .chain(Form::ALL.map(Self::Softmax))
            .chain([Self::Dice, Self::Maxout])
            .collect()
    }

    /// The name that rows and `--op` use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pointwise(activation) => activation.name(),
            Self::Prelu => Activation::PRELU.name(),
            Self::Dice => "dice",
            Self::Softmax(form) => form.name(),
            Self::Maxout => "maxout",
        }
    }

    /// Where elementary functions may come from; maxout has none.
    pub const fn maths(self) -> &'static [Option<Math>] {
        match self {
            Self::Maxout => &[None],
            _ => &[Some(Math::Accurate), Some(Math::Native)],
        }
    }
}

/// An operation on a tensor of a size.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The operation.
    pub op: Op,
    /// Elements of its input, a multiple of [`COLUMNS`].
    pub elements: usize,
}

impl Case {
    /// The input's shape.
    pub fn shape(self) -> Vec<usize> {
        match self.op {
            Op::Pointwise(_) => vec![self.elements],
            Op::Prelu | Op::Dice | Op::Maxout => vec![self.elements / CHANNELS, CHANNELS],
            Op::Softmax(_) => vec![self.elements / COLUMNS, COLUMNS],
        }
    }

    /// The output's shape.
    pub fn y_shape(self) -> Vec<usize> {
        match self.op {
            Op::Maxout => vec![self.elements / CHANNELS, CHANNELS / PIECES],
            _ => self.shape(),
        }
    }

    /// Bytes of the input.
    pub const fn input_bytes(self) -> u64 {
        self.elements as u64 * 4
    }

    /// Bytes of the output.
    pub fn output_bytes(self) -> u64 {
        self.y_shape().iter().product::<usize>() as u64 * 4
    }

    /// Bytes that count: x once and y once; Dice reads x twice, since statistics come first.
    pub fn moved_bytes(self) -> u64 {
        let reads = if self.op == Op::Dice { 2 } else { 1 };
        reads * self.input_bytes() + self.output_bytes()
    }

    /// Compares what came out with the f64 reference.
    pub fn verify(self, x: &[f32], found: &[f32], math: Math) -> Result<Report, Box<dyn Error>> {
        let expected = self.y_shape().iter().product::<usize>();
        if found.len() != expected {
            return Err(format!("{} elements came out, not {expected}", found.len()).into());
        }
        let places = (0..found.len()).step_by(STRIDE);
        let alpha = slopes();
        match self.op {
            Op::Pointwise(activation) => {
                Ok(pointwise(activation, x, math, None).check_at(found, places)?)
            }
            Op::Prelu => {
                let channels = Some((&alpha[..], 1));
                Ok(pointwise(Activation::PRELU, x, math, channels).check_at(found, places)?)
            }
            Op::Dice => {
                let alpha = alpha.into_iter().map(f64::from).collect();
                let reference = family::dice::reference::Dice::of_batch(
                    &wide(x),
                    alpha,
                    f64::from(EPSILON),
                    1,
                )?;
                let expectation = dice::Expectation {
                    reference: &reference,
                    math,
                    x,
                    backward: None,
                };
                Ok(expectation.check(found, places)?)
            }
            Op::Softmax(form) => {
                let expectation = softmax::Expectation {
                    form,
                    masked: MaskedRows::Nan,
                    math,
                    extent: COLUMNS,
                    inner: 1,
                    input: x,
                    upstream: None,
                };
                let rows = (0..expectation.rows()).step_by(STRIDE);
                Ok(expectation.check_rows(found, rows)?)
            }
            Op::Maxout => {
                let pooling = Pooling {
                    pieces: PIECES,
                    layout: Layout::Adjacent,
                    channels: CHANNELS,
                    inner: 1,
                };
                let (_, winners) = pooling.forward(&wide(x));
                Ok(maxout::pooling(pooling, x, (found, &winners), places))
            }
        }
    }
}

fn pointwise<'a>(
    activation: Activation,
    x: &'a [f32],
    math: Math,
    channels: Option<(&'a [f32], usize)>,
) -> Expectation<'a, f32> {
    Expectation {
        activation,
        channels,
        x,
        upstream: None,
        tolerance: Tolerance::forward(ElementType::F32, math),
    }
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// The slopes of the channels of prelu and Dice.
pub fn slopes() -> Vec<f32> {
    (0..CHANNELS)
        .map(|channel| (channel % 9) as f32 / 8.0)
        .collect()
}

/// Random numbers in [-8, 8): zeros would flatter every memory.
pub fn numbers(count: usize) -> Vec<f32> {
    words(7)
        .take(count)
        .map(|word| (word >> 8) as f32 / (1 << 20) as f32 - 8.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_is_told_from_wrong() {
        let case = Case {
            op: Op::Pointwise(Activation::TANH),
            elements: COLUMNS,
        };
        let x = numbers(case.elements);
        let mut y: Vec<f32> = x.iter().map(|&x| f64::from(x).tanh() as f32).collect();
        assert!(case.verify(&x, &y, Math::Accurate).unwrap().passed());
        y[STRIDE] += 1e-3;
        assert!(!case.verify(&x, &y, Math::Native).unwrap().passed());
        assert!(case.verify(&x, &y[1..], Math::Native).is_err());
    }

    #[test]
    fn bytes_that_count() {
        let bytes = |op| {
            let elements = 1 << 24;
            Case { op, elements }.moved_bytes() >> 24
        };
        assert_eq!(bytes(Op::Prelu), 8);
        assert_eq!(bytes(Op::Dice), 12);
        assert_eq!(bytes(Op::Maxout), 5); // 4 (k + 1) of an output, a k-th of the elements
    }
}
