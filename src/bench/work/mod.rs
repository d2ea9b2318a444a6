//! The operations as they are measured: prepared, recorded once per turn, verified.

mod baseline;
mod moments;
mod operation;

pub(super) use baseline::Baseline;
#[cfg(not(target_arch = "wasm32"))]
pub(super) use baseline::{Kernel, STREAMS, moved_bytes, same_words};

use std::{pin::Pin, rc::Rc};

use super::{
    case::{Case, MOMENTS},
    data::Data,
    record::Kind,
};
use crate::{
    accuracy::Report,
    error::Result,
    kernel::recorder::{Recorder, submit},
};

/// What [`Measurable::verify`] finds.
pub(super) type Verified<'a> = Pin<Box<dyn Future<Output = Result<Report>> + 'a>>;

/// An operation over rings of tensors.
pub(super) trait Measurable {
    /// Records the operation on the tensors whose turn it is.
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()>;

    /// Runs it once and compares what it gave with the reference.
    fn verify(&self) -> Verified<'_>;

    /// What it is measured beside; none if it is a baseline itself.
    fn baseline(&self) -> Result<Option<Baseline>>;

    /// Bytes of the rings that it works on.
    fn working_set(&self) -> u64;
}

pub(super) fn build(case: &Case, data: &Rc<Data>) -> Result<Box<dyn Measurable>> {
    if case.kind == Kind::Baseline {
        return Ok(Box::new(Baseline::of(&case.op, data)?));
    }
    if case.op == MOMENTS {
        return Ok(Box::new(moments::Channels::new(case, data)?));
    }
    Ok(Box::new(operation::Operation::new(
        case,
        case.benchmark()?,
        data,
    )?))
}

/// Runs `work` once, on the first tensors.
fn run_once(work: &(impl Measurable + ?Sized), data: &Data) -> Result<()> {
    submit(&data.gpu, |recorder| work.record(recorder, 0))
}
