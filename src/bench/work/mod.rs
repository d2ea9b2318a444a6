//! The operations as they are measured: prepared, recorded once per turn, verified.

mod alpha_dropout;
mod baseline;
mod dice;
mod maxout;
mod moments;
mod pointwise;
mod softmax;

pub(super) use baseline::Baseline;

use std::rc::Rc;

use half::{bf16, f16};

use super::{case::Case, data::Data, record::Kind};
use crate::{
    accuracy::Report,
    check::Pass,
    element::{Element, ElementType},
    error::Result,
    kernel::recorder::{Recorder, submit},
    tensor::Tensor,
};

/// An operation over rings of tensors.
pub(super) trait Work {
    /// Records the operation on the tensors whose turn it is.
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()>;

    /// Runs it once and compares what it gave with the reference.
    fn verify(&self) -> Result<Report>;

    /// What it is measured beside; none if it is a baseline itself.
    fn baseline(&self) -> Result<Option<Baseline>>;

    /// Bytes of the rings that it works on.
    fn working_set(&self) -> u64;
}

/// The operation of a case.
pub(super) fn build(case: &Case, data: &Rc<Data>) -> Result<Box<dyn Work>> {
    Ok(match (case.kind, &*case.op) {
        (Kind::Baseline, _) => Box::new(Baseline::of(&case.op, data)?),
        (_, "prelu") => Box::new(pointwise::PerChannel::new(case, data)?),
        (_, "dice") => Box::new(dice::Dice::new(case, data)?),
        (_, "softmax" | "log-softmax") => Box::new(softmax::Rows::new(case, data)?),
        (_, "maxout") => Box::new(maxout::Pooling::new(case, data)?),
        (_, "alpha-dropout") => Box::new(alpha_dropout::Dropout::new(case, data)?),
        (_, "moments") => Box::new(moments::Channels::new(case, data)?),
        _ => Box::new(pointwise::Whole::new(case, data)?),
    })
}

/// Inputs, upstream gradients in a backward pass, and outputs.
struct Rings {
    inputs: Vec<Tensor>,
    upstreams: Vec<Tensor>,
    outputs: Vec<Tensor>,
    bytes: u64,
}

impl Rings {
    fn new(case: &Case, data: &Data) -> Result<Self> {
        let shape = case.shape();
        let backward = case.pass == Some(Pass::Backward);
        Ok(Self {
            inputs: data.inputs(&shape)?,
            upstreams: if backward {
                data.upstreams(&shape)?
            } else {
                Vec::new()
            },
            outputs: data.outputs(&shape)?,
            bytes: data.ring_bytes() * if backward { 3 } else { 2 },
        })
    }

    fn x(&self, turn: usize) -> &Tensor {
        &self.inputs[turn % self.inputs.len()]
    }

    fn upstream(&self, turn: usize) -> &Tensor {
        &self.upstreams[turn % self.upstreams.len()]
    }

    fn output(&self, turn: usize) -> &Tensor {
        &self.outputs[turn % self.outputs.len()]
    }
}

/// Runs `work` once, on the first tensors.
fn run_once(work: &(impl Work + ?Sized), data: &Data) -> Result<()> {
    submit(&data.gpu, |recorder| work.record(recorder, 0))?;
    data.gpu.wait()
}

/// Elements spread over `len`, some 65,536 of them: a stride that falls on all lanes and columns.
pub(super) fn spread(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by((len >> 16) | 1)
}

/// A verification that is generic over the element type.
trait Verify {
    fn verify_as<T: Element>(&self) -> Result<Report>;

    fn verify_by(&self, element: ElementType) -> Result<Report> {
        match element {
            ElementType::F32 => self.verify_as::<f32>(),
            ElementType::F16 => self.verify_as::<f16>(),
            ElementType::Bf16 => self.verify_as::<bf16>(),
        }
    }
}
