//! Pointwise activations: one parameter for all, or one per channel with its gradient.

use std::rc::Rc;

use super::{Baseline, Rings, Verify, Work, run_once, spread};
use crate::{
    accuracy::{Expectation, Report, Tolerance, bound},
    activation::Activation,
    bench::{
        case::{CHANNELS, Case},
        data::Data,
    },
    check::Pass,
    element::Element,
    error::Result,
    family::pointwise::Pointwise,
    kernel::recorder::Recorder,
    tensor::Tensor,
};

/// One parameter for all elements, or none.
pub(super) struct Whole {
    op: Pointwise<'static>,
    pass: Pass,
    case: Case,
    data: Rc<Data>,
    rings: Rings,
}

impl Whole {
    pub(super) fn new(case: &Case, data: &Rc<Data>) -> Result<Self> {
        Ok(Self {
            op: Pointwise::new(case.op.parse()?).math(case.math),
            pass: case.pass.unwrap_or(Pass::Forward),
            rings: Rings::new(case, data)?,
            case: case.clone(),
            data: data.clone(),
        })
    }
}

impl Work for Whole {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let (rings, encoder) = (&self.rings, &mut *recorder.encoder);
        let (x, output) = (rings.x(turn), rings.output(turn));
        match self.pass {
            Pass::Forward => self.op.encode_forward(encoder, x, output),
            Pass::Backward => self
                .op
                .encode_backward(encoder, x, rings.upstream(turn), output),
        }
    }

    fn verify(&self) -> Result<Report> {
        run_once(self, &self.data)?;
        self.verify_by(self.case.element)
    }

    fn baseline(&self) -> Result<Option<Baseline>> {
        baseline(self.pass, &self.data)
    }

    fn working_set(&self) -> u64 {
        self.rings.bytes
    }
}

impl Verify for Whole {
    fn verify_as<T: Element>(&self) -> Result<Report> {
        let found = self.rings.output(0).download::<T>()?;
        compare(&self.case, self.op.activation(), None, &self.data, &found)
    }
}

/// PReLU: a slope per channel; backward gives dx and the slopes' gradients.
pub(super) struct PerChannel {
    activation: Activation,
    slopes: Tensor,
    pass: Pass,
    case: Case,
    data: Rc<Data>,
    rings: Rings,
}

impl PerChannel {
    pub(super) fn new(case: &Case, data: &Rc<Data>) -> Result<Self> {
        Ok(Self {
            activation: case.op.parse()?,
            slopes: data.gpu.upload(&slopes(), [CHANNELS])?,
            pass: case.pass.unwrap_or(Pass::Forward),
            rings: Rings::new(case, data)?,
            case: case.clone(),
            data: data.clone(),
        })
    }

    fn op(&self) -> Result<Pointwise<'_>> {
        let op = Pointwise::new(self.activation).math(self.case.math);
        op.per_channel(&self.slopes, -1)
    }
}

impl Work for PerChannel {
    fn record(&self, recorder: &mut Recorder<'_>, turn: usize) -> Result<()> {
        let x = self.rings.x(turn);
        if self.pass == Pass::Forward {
            let output = self.rings.output(turn);
            return self.op()?.encode_forward(recorder.encoder, x, output);
        }
        let upstream = self.rings.upstream(turn);
        let gradients = self.op()?.record_gradients(recorder, x, upstream)?;
        recorder.done_with(gradients.dx);
        recorder.done_with(gradients.parameter);
        Ok(())
    }

    fn verify(&self) -> Result<Report> {
        run_once(self, &self.data)?;
        self.verify_by(self.case.element)
    }

    fn baseline(&self) -> Result<Option<Baseline>> {
        baseline(self.pass, &self.data)
    }

    fn working_set(&self) -> u64 {
        self.rings.bytes
    }
}

impl Verify for PerChannel {
    fn verify_as<T: Element>(&self) -> Result<Report> {
        let slopes = slopes();
        let channels = Some((&slopes[..], 1));
        if self.pass == Pass::Forward {
            let found = self.rings.output(0).download::<T>()?;
            return compare(&self.case, self.activation, channels, &self.data, &found);
        }
        let (x, g) = (self.rings.x(0), self.rings.upstream(0));
        let gradients = self.op()?.gradients(x, g)?;
        let found = gradients.dx.download::<T>()?;
        let dx = compare(&self.case, self.activation, channels, &self.data, &found)?;
        let sums = gradients.parameter.download::<f32>()?;
        Ok(dx.merge(bound::compare(&sums, &self.sums::<T>())))
    }
}

impl PerChannel {
    /// The slopes' gradients: sums, 1e-6 of the sum of the terms' magnitudes.
    fn sums<T: Element>(&self) -> Vec<bound::Bound> {
        let mut sums = vec![(0.0, 0.0); CHANNELS];
        let pairs = self
            .data
            .x::<T>()
            .into_iter()
            .zip(self.data.upstream::<T>());
        for (index, (x, g)) in pairs.enumerate() {
            let x = f64::from(x.to_f32());
            let slope = self.activation.parameter_slope(x).unwrap_or(0.0);
            let term = slope * f64::from(g.to_f32());
            let (sum, magnitude) = &mut sums[index % CHANNELS];
            *sum += term;
            *magnitude += term.abs();
        }
        let bounds = sums.into_iter().map(|(expected, magnitude)| bound::Bound {
            expected,
            allowed: 1e-6 * magnitude + f64::from(f32::MIN_POSITIVE),
        });
        bounds.collect()
    }
}

fn slopes() -> Vec<f32> {
    (0..CHANNELS)
        .map(|channel| (channel % 9) as f32 / 8.0)
        .collect()
}

fn baseline(pass: Pass, data: &Rc<Data>) -> Result<Option<Baseline>> {
    let name = match pass {
        Pass::Forward => "copy",
        Pass::Backward => "add",
    };
    Baseline::of(name, data).map(Some)
}

fn compare<T: Element>(
    case: &Case,
    activation: Activation,
    channels: Option<(&[f32], usize)>,
    data: &Data,
    found: &[T],
) -> Result<Report> {
    let x = data.x::<T>();
    let upstream = match case.pass {
        Some(Pass::Backward) => Some(data.upstream::<T>()),
        _ => None,
    };
    let tolerance = match case.pass {
        Some(Pass::Backward) => Tolerance::backward(activation, T::TYPE, case.math),
        _ => Tolerance::forward(T::TYPE, case.math),
    };
    let expectation = Expectation {
        activation,
        channels,
        x: &x,
        upstream: upstream.as_deref(),
        tolerance,
    };
    expectation.check_at(found, spread(x.len()))
}
