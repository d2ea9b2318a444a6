//! Count, mean and variance per channel.

use std::rc::Rc;

use super::{Baseline, Measurable, Verified};
use crate::{
    accuracy::{self, Report},
    bench::{
        case::{CHANNELS, Case},
        data::Data,
    },
    element::Element,
    error::Result,
    kernel::{moments::record_moments, recorder::Recorder},
    moments::Moments,
    tensor::Tensor,
    with_element,
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

impl Measurable for Channels {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let x = &self.inputs[turn % self.inputs.len()];
        let moments = record_moments(recorder, "moments", x, x.view(-1)?)?;
        recorder.done_with(moments.into_words());
        Ok(())
    }

    fn verify(&self) -> Verified<'_> {
        with_element!(self.case.element, T => Box::pin(self.verify_as::<T>()))
    }

    fn baseline(&self) -> Result<Option<Baseline>> {
        Baseline::of("read", &self.data).map(Some)
    }

    fn working_set(&self) -> u64 {
        self.data.ring_bytes()
    }
}

impl Channels {
    async fn verify_as<T: Element>(&self) -> Result<Report> {
        let x = self.data.x::<T>();
        let x: Vec<f64> = x.iter().map(|x| f64::from(x.to_f32())).collect();
        let expected = Moments::of(&x, CHANNELS, 1)?;
        let found = self.inputs[0].moments(-1)?.fetch().await?;
        Ok(accuracy::moments::compare(&found, &expected))
    }
}
