//! Softmax and log-softmax along rows.

use std::rc::Rc;

use super::{Baseline, Rings, Verify, Work, run_once};
use crate::{
    accuracy::Report,
    bench::{
        case::{COLUMNS, Case},
        data::Data,
    },
    check::Pass,
    element::Element,
    error::Result,
    family::softmax::{
        Softmax,
        bound::Expectation,
        reference::{Form, MaskedRows},
    },
    kernel::recorder::Recorder,
    tensor::Tensor,
};

/// Rows that are compared, spread over the tensor.
const CHECKED_ROWS: usize = 16;

pub(super) struct Rows {
    op: Softmax,
    pass: Pass,
    case: Case,
    data: Rc<Data>,
    rings: Rings,
    /// What the forward pass gives for each input, for the backward pass.
    y: Vec<Tensor>,
}

impl Rows {
    pub(super) fn new(case: &Case, data: &Rc<Data>) -> Result<Self> {
        let form = match &*case.op {
            "log-softmax" => Form::LogSoftmax,
            _ => Form::Softmax,
        };
        let op = Softmax::with_form(form, -1).math(case.math);
        let rings = Rings::new(case, data)?;
        let pass = case.pass.unwrap_or(Pass::Forward);
        let y = match pass {
            Pass::Forward => Vec::new(),
            Pass::Backward => {
                let results = rings.inputs.iter().map(|x| op.forward(x));
                results.collect::<Result<_>>()?
            }
        };
        Ok(Self {
            op,
            pass,
            case: case.clone(),
            data: data.clone(),
            rings,
            y,
        })
    }
}

impl Work for Rows {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let (rings, output) = (&self.rings, self.rings.output(turn));
        match self.pass {
            Pass::Forward => self
                .op
                .encode_forward(recorder.encoder, rings.x(turn), output),
            Pass::Backward => {
                let (y, upstream) = (&self.y[turn % self.y.len()], rings.upstream(turn));
                let encoder = &mut *recorder.encoder;
                self.op.encode_backward(encoder, y, upstream, output)
            }
        }
    }

    fn verify(&self) -> Result<Report> {
        run_once(self, &self.data)?;
        self.verify_by(self.case.element)
    }

    fn baseline(&self) -> Result<Option<Baseline>> {
        let name = match self.pass {
            Pass::Forward => "copy",
            Pass::Backward => "add",
        };
        Baseline::of(name, &self.data).map(Some)
    }

    fn working_set(&self) -> u64 {
        self.rings.bytes
    }
}

impl Verify for Rows {
    fn verify_as<T: Element>(&self) -> Result<Report> {
        let (input, upstream) = match self.pass {
            Pass::Forward => (self.data.x::<T>(), None),
            Pass::Backward => (self.y[0].download()?, Some(self.data.upstream::<T>())),
        };
        let expectation = Expectation {
            form: self.op.form(),
            masked: MaskedRows::Nan,
            math: self.case.math,
            extent: COLUMNS,
            inner: 1,
            input: &input,
            upstream: upstream.as_deref(),
        };
        let found = self.rings.output(0).download::<T>()?;
        let rows = expectation.rows();
        expectation.check_rows(&found, (0..rows).step_by(rows.div_ceil(CHECKED_ROWS)))
    }
}
