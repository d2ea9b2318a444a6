//! Count, mean and variance per channel.

use std::rc::Rc;

use super::{Baseline, Verify, Work};
use crate::{
    accuracy::Report,
    bench::{
        case::{CHANNELS, Case},
        data::Data,
    },
    element::{Element, wide},
    error::Result,
    family::dice::bound::check_moments,
    kernel::{moments::record_moments, recorder::Recorder},
    tensor::Tensor,
};

pub(super) struct Channels {
    case: Case,
    data: Rc<Data>,
    inputs: Vec<Tensor>,
}

impl Channels {
    pub(super) fn new(case: &Case, data: &Rc<Data>) -> Result<Self> {
        Ok(Self {
            inputs: data.inputs(&case.shape())?,
            case: case.clone(),
            data: data.clone(),
        })
    }
}

impl Work for Channels {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let x = &self.inputs[turn % self.inputs.len()];
        let moments = record_moments(recorder, "moments", x, x.view(-1)?)?;
        recorder.done_with(moments.into_words());
        Ok(())
    }

    fn verify(&self) -> Result<Report> {
        self.verify_by(self.case.element)
    }

    fn baseline(&self) -> Result<Option<Baseline>> {
        Baseline::of("read", &self.data).map(Some)
    }

    fn working_set(&self) -> u64 {
        self.data.ring_bytes()
    }
}

impl Verify for Channels {
    fn verify_as<T: Element>(&self) -> Result<Report> {
        let x = wide(&self.data.x::<T>());
        let reference =
            crate::family::dice::reference::Dice::of_batch(&x, vec![0.0; CHANNELS], 1e-8, 1)?;
        let found = self.inputs[0].moments(-1)?.download()?;
        Ok(check_moments(&found, &reference))
    }
}
