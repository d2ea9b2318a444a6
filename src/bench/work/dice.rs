//! Dice in training.

use std::rc::Rc;

use super::{Baseline, Rings, Verify, Work, run_once, spread};
use crate::{
    accuracy::{Report, bound::compare},
    bench::{
        case::{CHANNELS, Case},
        data::Data,
    },
    check::Pass,
    element::{Element, wide},
    error::Result,
    family::dice::{
        self,
        bound::{Expectation, check_moments},
    },
    kernel::{moments::TensorMoments, recorder::Recorder},
};

const EPSILON: f32 = 1e-8;

pub(super) struct Dice {
    op: dice::Dice,
    pass: Pass,
    case: Case,
    data: Rc<Data>,
    rings: Rings,
    /// Moments of the input, for the backward pass.
    batch: TensorMoments,
}

impl Dice {
    pub(super) fn new(case: &Case, data: &Rc<Data>) -> Result<Self> {
        let op = dice::Dice::new(&data.gpu, CHANNELS)?.epsilon(EPSILON)?;
        let op = op.math(case.math);
        op.alpha().write(&slopes())?;
        let rings = Rings::new(case, data)?;
        Ok(Self {
            op,
            pass: case.pass.unwrap_or(Pass::Forward),
            batch: rings.x(0).moments(-1)?,
            rings,
            case: case.clone(),
            data: data.clone(),
        })
    }
}

impl Work for Dice {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let x = self.rings.x(turn);
        if self.pass == Pass::Forward {
            let batch = self.op.record_train(recorder, x, self.rings.output(turn))?;
            recorder.done_with(batch.into_words());
            return Ok(());
        }
        let upstream = self.rings.upstream(turn);
        let gradients = self
            .op
            .record_backward(recorder, x, upstream, &self.batch)?;
        recorder.done_with(gradients.dx);
        recorder.done_with(gradients.alpha);
        Ok(())
    }

    fn verify(&self) -> Result<Report> {
        run_once(self, &self.data)?;
        self.verify_by(self.case.element)
    }

    fn baseline(&self) -> Result<Option<Baseline>> {
        let name = match self.pass {
            Pass::Forward => "read+copy",
            Pass::Backward => "two-read+add",
        };
        Baseline::of(name, &self.data).map(Some)
    }

    fn working_set(&self) -> u64 {
        self.rings.bytes
    }
}

impl Verify for Dice {
    fn verify_as<T: Element>(&self) -> Result<Report> {
        let x = self.data.x::<T>();
        let wide_x = wide(&x);
        let slopes = wide(&slopes());
        let reference = dice::reference::Dice::of_batch(&wide_x, slopes, f64::from(EPSILON), 1)?;
        let expectation = Expectation {
            reference: &reference,
            math: self.case.math,
            x: &x,
            backward: None,
        };
        let indices = spread(x.len());
        if self.pass == Pass::Forward {
            let found = self.rings.output(0).download::<T>()?;
            let moments = self.rings.x(0).moments(-1)?.download()?;
            let y = expectation.check(&found, indices)?;
            return Ok(y.merge(check_moments(&moments, &reference)));
        }
        let upstream = self.data.upstream::<T>();
        let expected = reference.train_backward(&wide_x, &wide(&upstream));
        let expectation = Expectation {
            backward: Some((&expected, &upstream)),
            ..expectation
        };
        let (input, gradient) = (self.rings.x(0), self.rings.upstream(0));
        let found = self.op.backward(input, gradient, &self.batch)?;
        let alpha = compare(&found.alpha.download::<f32>()?, &expectation.alpha());
        let dx = expectation.check(&found.dx.download()?, indices)?;
        Ok(dx.merge(alpha))
    }
}

fn slopes() -> Vec<f32> {
    (0..CHANNELS)
        .map(|channel| (channel % 11) as f32 * 0.2 - 0.5)
        .collect()
}
