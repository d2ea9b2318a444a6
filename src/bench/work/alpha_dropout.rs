//! Alpha dropout.

use std::rc::Rc;

use super::{Baseline, Rings, Verify, Work, run_once, spread};
use crate::{
    accuracy::Report,
    bench::{case::Case, data::Data},
    check::Pass,
    element::Element,
    error::Result,
    family::alpha_dropout::{
        AlphaDropout,
        bound::Expectation,
        reference::{Mask, Transform},
    },
    kernel::recorder::Recorder,
};

const P: f32 = 0.05;
const SEED: u64 = 1;

pub(super) struct Dropout {
    op: AlphaDropout,
    pass: Pass,
    case: Case,
    data: Rc<Data>,
    rings: Rings,
}

impl Dropout {
    pub(super) fn new(case: &Case, data: &Rc<Data>) -> Result<Self> {
        let forward = Case {
            pass: None,
            ..case.clone()
        };
        Ok(Self {
            op: AlphaDropout::new(P, SEED)?,
            pass: case.pass.unwrap_or(Pass::Forward),
            // The backward pass reads one tensor: the upstream gradients stand in for the inputs.
            rings: Rings::new(&forward, data)?,
            case: case.clone(),
            data: data.clone(),
        })
    }
}

impl Work for Dropout {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let (input, output) = (self.rings.x(turn), self.rings.output(turn));
        match self.pass {
            Pass::Forward => self.op.encode_forward(recorder.encoder, input, output),
            Pass::Backward => self.op.encode_backward(recorder.encoder, input, output),
        }
    }

    fn verify(&self) -> Result<Report> {
        run_once(self, &self.data)?;
        self.verify_by(self.case.element)
    }

    fn baseline(&self) -> Result<Option<Baseline>> {
        Baseline::of("copy", &self.data).map(Some)
    }

    fn working_set(&self) -> u64 {
        self.rings.bytes
    }
}

impl Verify for Dropout {
    fn verify_as<T: Element>(&self) -> Result<Report> {
        let input = self.data.x::<T>();
        let expectation = Expectation {
            transform: Transform::new(f64::from(P)),
            mask: Mask::new(P, SEED),
            backward: self.pass == Pass::Backward,
            input: &input,
        };
        let found = self.rings.output(0).download::<T>()?;
        expectation.check(&found, spread(input.len()))
    }
}
