//! Dice.

use super::{Input, Outcome, Request, Setting, inner, place};
use wgpu_activations::{
    Dice, Element, Error, Moments,
    accuracy::bound::compare,
    check::Pass,
    family::dice::{
        bound::{Expectation, statistics},
        reference,
    },
    offload::Step,
    wide,
};

use crate::{
    Failure, Result,
    files::Content,
    flags::{Mode, Verify},
    parameters::{Parameters, PerChannel},
};

pub(super) const OP: &str = "dice";

const PARAMETERS: &[&str] = &["alpha", "epsilon", "momentum", "mean", "variance"];

pub(crate) struct Job {
    mode: Mode,
    axis: i64,
    alpha: PerChannel,
    epsilon: f32,
    momentum: f32,
    /// Running mean and variance: those to infer with, or those that training moves.
    running: Option<[PerChannel; 2]>,
    wanted: Vec<&'static str>,
}

/// What Dice gives for one input.
struct Results<T> {
    values: Vec<T>,
    extras: Vec<(&'static str, Vec<f32>)>,
}

impl Job {
    pub(super) fn parse(request: Request<'_>, arguments: &str) -> Result<Self> {
        let flags = request.flags;
        let parameters = Parameters::new(OP, arguments, &flags.param, PARAMETERS)?;
        let mode = flags.mode.unwrap_or(Mode::Train);
        let mean = parameters.per_channel("mean")?;
        let variance = parameters.per_channel("variance")?;
        let running = match (mean, variance, mode) {
            (Some(mean), Some(variance), _) => Some([mean, variance]),
            (None, None, Mode::Train) => None,
            _ => {
                return Err(Failure::Usage(format!(
                    "{OP}: the running statistics come together, --param mean=@FILE and \
                     --param variance=@FILE; --mode infer needs them"
                )));
            }
        };
        let job = Self {
            mode,
            axis: flags.axis.unwrap_or(-1),
            alpha: parameters
                .per_channel("alpha")?
                .unwrap_or(PerChannel::One(0.0)),
            epsilon: parameters
                .number("epsilon", "a number > 0")?
                .unwrap_or(1e-8),
            momentum: parameters
                .number("momentum", "a number from 0 to 1")?
                .unwrap_or(0.1),
            running,
            wanted: Vec::new(),
        };
        Dice::expect_epsilon(job.epsilon)?;
        Dice::expect_momentum(job.momentum)?;
        let gives = job.gives(request.pass);
        let wanted = gives.into_iter().filter(|name| request.outs.contains(name));
        Ok(Self {
            wanted: wanted.collect(),
            ..job
        })
    }

    pub(super) fn gives(&self, pass: Pass) -> Vec<&'static str> {
        match (pass, self.mode) {
            (Pass::Forward, Mode::Train) => {
                vec!["mean", "variance", "running-mean", "running-variance"]
            }
            (Pass::Forward, Mode::Infer) => Vec::new(),
            (Pass::Backward, _) => vec!["alpha"],
        }
    }

    pub(super) fn op(&self) -> String {
        let alpha = match self.alpha {
            PerChannel::One(alpha) => format!("alpha={alpha}"),
            PerChannel::Each(_) => "alpha per channel".to_owned(),
        };
        format!(
            "{OP}({alpha}, epsilon={:e}, {})",
            self.epsilon,
            self.mode.name()
        )
    }

    pub(super) fn expect_fits(&self, shape: &[usize]) -> Result {
        let axis = place(self.axis, shape)?;
        self.alpha.expand(OP, "alpha", shape, axis)?;
        if let Some([mean, variance]) = &self.running {
            mean.expand(OP, "mean", shape, axis)?;
            variance.expand(OP, "variance", shape, axis)?;
        }
        let one_each = !shape.contains(&0) && shape.iter().product::<usize>() == shape[axis];
        if one_each && self.mode == Mode::Train {
            return Err(Error::BatchTooSmall {
                op: OP.to_owned(),
                axis,
                shape: shape.to_vec(),
            }
            .into());
        }
        Ok(())
    }

    /// For a tensor of `shape`.
    pub(super) fn step(&self, shape: &[usize]) -> Result<Step> {
        let axis = place(self.axis, shape)?;
        let statistics = match (&self.running, self.mode) {
            (Some([mean, variance]), Mode::Infer) => Some((
                mean.expand(OP, "mean", shape, axis)?,
                variance.expand(OP, "variance", shape, axis)?,
            )),
            _ => None,
        };
        Ok(Step::Dice {
            alpha: self.alpha.expand(OP, "alpha", shape, axis)?,
            epsilon: self.epsilon,
            statistics,
        })
    }

    /// What training gives beside y, from the moments of the batch.
    pub(super) fn extras(&self, batch: &Moments) -> Vec<(&'static str, Content)> {
        let (variance, unbiased) = (batch.variance(), batch.unbiased_variance());
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
        let channels = variance.len();
        let [before_mean, before_variance] = self.running_before(channels);
        let extras = [
            ("mean", narrow(batch.mean())),
            ("variance", narrow(&variance)),
            ("running-mean", self.moved(&before_mean, batch.mean())),
            ("running-variance", self.moved(&before_variance, &unbiased)),
        ];
        extras
            .into_iter()
            .filter(|(name, _)| self.wanted.contains(name))
            .map(|(name, values)| (name, Content::numbers(vec![channels], values)))
            .collect()
    }

    pub(super) fn run<T: Element>(
        &self,
        setting: &Setting,
        input: Input<'_, T>,
    ) -> Result<Outcome<T>> {
        let axis = place(self.axis, input.shape)?;
        let channels = input.shape[axis];
        let reference = self.reference(input, axis)?;
        let upstream = input.upstream.map(|upstream| (upstream, wide(upstream)));
        let gradients = upstream.as_ref().map(|(_, wide_upstream)| match self.mode {
            Mode::Train => reference.train_backward(&wide(input.x), wide_upstream),
            Mode::Infer => reference.infer_backward(&wide(input.x), wide_upstream),
        });
        let expectation = Expectation {
            reference: &reference,
            math: setting.math,
            x: input.x,
            backward: gradients.as_ref().zip(input.upstream),
        };
        let results = self.on_cpu(&expectation);
        let report = setting
            .places(results.values.len(), 1)
            .map(|places| expectation.check(&results.values, places))
            .transpose()?;
        let is_empty = input.x.is_empty();
        for (name, found) in &results.extras {
            let bounds = match *name {
                "mean" => statistics(&reference).0,
                "variance" => statistics(&reference).1,
                "alpha" => expectation.alpha(),
                _ => continue,
            };
            if setting.verify != Verify::None && !is_empty {
                super::expect(self.op(), name, &compare(found, &bounds))?;
            }
        }
        let wanted = results
            .extras
            .into_iter()
            .filter(|(name, _)| self.wanted.contains(name));
        let extra = |values| Content::numbers(vec![channels], values);
        Ok(Outcome {
            values: results.values,
            extras: wanted.map(|(name, values)| (name, extra(values))).collect(),
            report,
        })
    }

    /// What the definition knows of the channels.
    fn reference<T: Element>(&self, input: Input<'_, T>, axis: usize) -> Result<reference::Dice> {
        let inner = inner(input.shape, axis);
        let alpha = self.alpha.expand(OP, "alpha", input.shape, axis)?;
        let alpha = wide(&alpha);
        let epsilon = f64::from(self.epsilon);
        match (&self.running, self.mode) {
            (Some([mean, variance]), Mode::Infer) => Ok(reference::Dice {
                mean: wide(&mean.expand(OP, "mean", input.shape, axis)?),
                variance: wide(&variance.expand(OP, "variance", input.shape, axis)?),
                alpha,
                epsilon,
                inner,
            }),
            _ => Ok(reference::Dice::of_batch(
                &wide(input.x),
                alpha,
                epsilon,
                inner,
            )?),
        }
    }

    fn on_cpu<T: Element>(&self, expectation: &Expectation<'_, T>) -> Results<T> {
        let reference = expectation.reference;
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
        if let Some((gradients, _)) = expectation.backward {
            return Results {
                values: gradients.dx.iter().map(|&dx| T::from_f64(dx)).collect(),
                extras: vec![("alpha", narrow(&gradients.alpha))],
            };
        }
        let x = expectation.x.iter().enumerate();
        let values = x.map(|(index, x)| T::from_f64(reference.value(index, f64::from(x.to_f32()))));
        let mut extras = Vec::new();
        if self.mode == Mode::Train {
            let channels = reference.mean.len();
            let count = (expectation.x.len() / channels.max(1)) as f64;
            let unbiased = |variance: &f64| variance * count / (count - 1.0);
            let unbiased: Vec<_> = reference.variance.iter().map(unbiased).collect();
            let [mean, variance] = self.running_before(channels);
            extras = vec![
                ("mean", narrow(&reference.mean)),
                ("variance", narrow(&reference.variance)),
                ("running-mean", self.moved(&mean, &reference.mean)),
                ("running-variance", self.moved(&variance, &unbiased)),
            ];
        }
        Results {
            values: values.collect(),
            extras,
        }
    }

    /// (1 - momentum) running + momentum batch.
    fn moved(&self, running: &[f32], batch: &[f64]) -> Vec<f32> {
        let momentum = f64::from(self.momentum);
        let pairs = running.iter().zip(batch);
        pairs
            .map(|(&running, batch)| {
                ((1.0 - momentum) * f64::from(running) + momentum * batch) as f32
            })
            .collect()
    }

    fn running_before(&self, channels: usize) -> [Vec<f32>; 2] {
        let values = |given: Option<&PerChannel>, default: f32| match given {
            Some(PerChannel::Each(values)) => values.clone(),
            Some(PerChannel::One(value)) => vec![*value; channels],
            None => vec![default; channels],
        };
        let [mean, variance] = match &self.running {
            Some([mean, variance]) => [Some(mean), Some(variance)],
            None => [None, None],
        };
        [values(mean, 0.0), values(variance, 1.0)]
    }
}
