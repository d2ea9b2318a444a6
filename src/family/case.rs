//! What is tried of a family: by checks against the reference, and by benchmarks.

use super::{Operation, Pass};
use crate::accuracy::inputs::words;

/// An operation with an input that finds errors.
pub struct Case {
    /// The operation.
    pub operation: Box<dyn Operation>,
    /// The inputs' shape.
    pub shape: Vec<usize>,
    /// The elements of each input, before they are rounded to an element type.
    pub inputs: Vec<Vec<f64>>,
    /// Upstream gradients, so many of them.
    pub upstream: fn(usize) -> Vec<f64>,
}

impl Case {
    /// A case of an operation of one input, with upstream gradients of everyday size.
    pub fn new(operation: impl Into<Box<dyn Operation>>, shape: &[usize], input: Vec<f64>) -> Self {
        Self {
            operation: operation.into(),
            shape: shape.to_vec(),
            inputs: vec![input],
            upstream: |len| everyday(len, 6),
        }
    }
}

/// Shapes that find errors, each with an axis: one channel, awkward lengths, rows of whole vectors and none, long rows.
pub const SHAPES: [(&[usize], i64); 7] = [
    (&[2, 1], 0),
    (&[3, 345, 7], 0),
    (&[3, 345, 7], 1),
    (&[7, 1757], -1),
    (&[1757, 5], -1),
    (&[64, 1024], -1),
    (&[2, 40_009], -1),
];

/// `len` numbers of everyday size, 8 apart at most, the same for the same seed.
pub fn everyday(len: usize, seed: u64) -> Vec<f64> {
    let numbers = words(seed).take(len);
    numbers
        .map(|word| f64::from(word as i32) / f64::from(1 << 29))
        .collect()
}

/// An operation as benchmarks measure it, over the input's last axis.
pub struct Benchmark {
    /// The operation.
    pub operation: Box<dyn Operation>,
    /// The length of the last axis of its input; none for a flat input.
    pub columns: Option<usize>,
    /// What a forward pass must move.
    pub forward: Traffic,
    /// What a backward pass must move.
    pub backward: Traffic,
    /// Whether a backward pass gives the gradients of parameters, too.
    pub parameters: bool,
    /// Whether it takes elementary functions, so that both maths are measured.
    pub takes_math: bool,
    /// The numbers of a device's [`Tuning`](crate::gpu::Tuning) that it stands for when they are looked for, by their
    /// names, each with the pass that is measured.
    pub tuned_by: &'static [(&'static str, Pass)],
}

impl Benchmark {
    /// What a pass must move.
    pub const fn traffic(&self, pass: Pass) -> Traffic {
        match pass {
            Pass::Forward => self.forward,
            Pass::Backward => self.backward,
        }
    }
}

/// Memory traffic that counts, and the kernel beside which it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that must be read and written, in quarters of the input's.
    pub quarters: u64,
    /// The baseline: `copy`, `read`, `two-read`, `add`, `streams`, or several joined by `+`.
    pub baseline: &'static str,
}

impl Traffic {
    /// One tensor read, one written.
    pub const COPY: Self = Self::new(8, "copy");
    /// Two tensors read, one written.
    pub const ADD: Self = Self::new(12, "add");

    /// So many quarters of the input's bytes, beside `baseline`.
    pub const fn new(quarters: u64, baseline: &'static str) -> Self {
        Self { quarters, baseline }
    }
}
