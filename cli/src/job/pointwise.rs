//! An activation of the catalogue.

use std::path::Path;

use rayon::prelude::*;

use super::{Input, Outcome, Request, Setting, inner, place};
use wgpu_activations::{
    Activation, Element, Error, Math,
    accuracy::{
        Expectation, Report, Tolerance,
        bound::{self, Bound},
    },
    check::{self, Pass},
    offload::Step,
};

use crate::{
    Failure, Result,
    files::Content,
    flags::Verify,
    parameters::{self, channel_values},
};

pub(crate) struct Job {
    activation: Activation,
    /// Parameters, one per channel, and the channel axis.
    channels: Option<(Vec<f32>, i64)>,
    /// Whether the parameter's gradient is wanted.
    gradient: bool,
}

impl Job {
    pub(super) fn parse(request: Request<'_>) -> Result<Self> {
        let flags = request.flags;
        let (name, arguments) = parameters::split(request.op)?;
        let (activation, per_channel) = if arguments.contains("=@") {
            activation(name, &[arguments.to_owned()])?
        } else {
            activation(request.op, &flags.param)?
        };
        if flags.axis.is_some() && per_channel.is_none() && !request.in_chain {
            return Err(Failure::Usage(
                "--axis has no effect without --param NAME=@FILE".to_owned(),
            ));
        }
        for out in request.outs {
            activation.with_named(out, activation.parameter().unwrap_or(0.0))?;
            if request.pass == Pass::Forward {
                return Err(Failure::Usage(format!(
                    "--out {out}: {} gives nothing beside the output; `grad` gives the gradient of {out}",
                    activation.name()
                )));
            }
        }
        Ok(Self {
            activation,
            channels: per_channel.map(|values| (values, flags.axis.unwrap_or(-1))),
            gradient: !request.outs.is_empty(),
        })
    }

    pub(super) fn name(&self) -> &'static str {
        self.activation.name()
    }

    pub(super) fn op(&self) -> String {
        match &self.channels {
            Some(_) => format!(
                "{}({} per channel)",
                self.activation.name(),
                self.parameter()
            ),
            None => self.activation.to_string(),
        }
    }

    fn parameter(&self) -> &'static str {
        let parameter = &self.activation.definition().parameter;
        parameter.as_ref().map_or("", |parameter| parameter.name)
    }

    pub(super) fn expect_fits(&self, shape: &[usize]) -> Result {
        let Some((values, axis)) = &self.channels else {
            return Ok(());
        };
        let axis = place(*axis, shape)?;
        if values.len() == shape[axis] {
            return Ok(());
        }
        Err(Error::ChannelMismatch {
            op: self.activation.name().to_owned(),
            parameter: self.parameter(),
            found: values.len(),
            channels: shape[axis],
            axis,
            shape: shape.to_vec(),
        }
        .into())
    }

    pub(super) const fn has_axis(&self) -> bool {
        self.channels.is_some()
    }

    pub(super) fn step(&self) -> Step {
        Step::Pointwise {
            activation: self.activation,
            parameters: self.channels.as_ref().map(|(values, _)| values.clone()),
        }
    }

    pub(super) fn run<T: Element>(
        &self,
        setting: &Setting,
        input: Input<'_, T>,
    ) -> Result<Outcome<T>> {
        let work = Work::new(self, setting, input)?;
        let (values, gradient) = work.on_cpu();
        let report = match setting.verify {
            Verify::Full => Some(check::compare(&work.expectation, &values)?),
            _ => setting
                .places(values.len(), 1)
                .map(|places| work.expectation.check_at(&values, places))
                .transpose()?,
        };
        if let Some(gradient) = &gradient
            && setting.verify != Verify::None
        {
            let report = work.check_gradient(gradient);
            super::expect(
                self.op(),
                &format!("gradient of {}", self.parameter()),
                &report,
            )?;
        }
        let extra = |values: Vec<f32>| {
            let shape = self.channels.iter().map(|(values, _)| values.len());
            (self.parameter(), Content::numbers(shape.collect(), values))
        };
        Ok(Outcome {
            values,
            extras: gradient.map(extra).into_iter().collect(),
            report,
        })
    }
}

/// The activation that `op` and `--param` name, with its parameter per channel where one comes from
/// a file.
fn activation(op: &str, params: &[String]) -> Result<(Activation, Option<Vec<f32>>)> {
    let mut activation: Activation = op.parse().map_err(known_to_all)?;
    let mut per_channel = None;
    // As in `elu(alpha=0.5)`.
    let mut seen = op.contains('=');
    for param in params {
        let (name, value) = param.split_once('=').ok_or_else(|| {
            Failure::Usage(format!("--param {param}: write NAME=VALUE or NAME=@FILE"))
        })?;
        if std::mem::replace(&mut seen, true) {
            return Err(Failure::Usage(format!(
                "--param {param}: one value is enough, {} has one parameter",
                activation.name()
            )));
        }
        if value == "@" {
            return Err(Failure::Usage(format!(
                "--param {param}: no file is named; write NAME=@FILE"
            )));
        }
        if let Some(path) = value.strip_prefix('@') {
            // Checks the name before the file.
            let default = activation.parameter().unwrap_or(0.0);
            activation.with_named(name, default)?;
            per_channel = Some(in_range(activation, Path::new(path))?);
        } else {
            let value: f64 = value.parse().map_err(|_| {
                Failure::Usage(format!(
                    "--param {param}: `{value}` is not a number; write NAME=VALUE or NAME=@FILE"
                ))
            })?;
            activation = activation.with_named(name, value as f32)?;
        }
    }
    Ok((activation, per_channel))
}

/// One value per channel from a file, each within the parameter's range.
fn in_range(activation: Activation, path: &Path) -> Result<Vec<f32>> {
    let mut values = channel_values(path)?;
    for (index, value) in values.iter_mut().enumerate() {
        let with = activation.with(*value).map_err(|error| Error::File {
            path: path.to_owned(),
            reason: format!("value {index}: {error}"),
        })?;
        *value = with.parameter().unwrap_or(*value);
    }
    Ok(values)
}

/// A pass over one input.
struct Work<'a, T> {
    job: &'a Job,
    setting: &'a Setting,
    expectation: Expectation<'a, T>,
}

impl<'a, T: Element> Work<'a, T> {
    fn new(job: &'a Job, setting: &'a Setting, input: Input<'a, T>) -> Result<Self> {
        let axis = match &job.channels {
            Some((_, axis)) => place(*axis, input.shape)?,
            None => 0,
        };
        let channels = job.channels.as_ref();
        let expectation = Expectation {
            activation: job.activation,
            channels: channels.map(|(values, _)| (&values[..], inner(input.shape, axis))),
            x: input.x,
            upstream: input.upstream,
            tolerance: match input.upstream {
                None => Tolerance::forward(T::TYPE, setting.math),
                Some(_) => Tolerance::backward(job.activation, T::TYPE, setting.math),
            },
        };
        Ok(Self {
            job,
            setting,
            expectation,
        })
    }

    /// By the reference.
    fn on_cpu(&self) -> (Vec<T>, Option<Vec<f32>>) {
        let values = (0..self.expectation.x.len())
            .into_par_iter()
            .map(|index| T::from_f64(self.expectation.expected(index)))
            .collect();
        let gradient = self.job.gradient.then(|| {
            let sums = self.reference_sums();
            sums.iter().map(|(sum, _)| *sum as f32).collect()
        });
        (values, gradient)
    }

    /// The parameter's gradient, one value per channel or one in all.
    fn check_gradient(&self, found: &[f32]) -> Report {
        let tolerance = match self.setting.math {
            Math::Accurate => 1e-6,
            Math::Native => 1e-4,
        };
        let bounds: Vec<_> = self
            .reference_sums()
            .into_iter()
            .map(|(expected, magnitude)| Bound {
                expected,
                allowed: tolerance * magnitude + f64::from(f32::MIN_POSITIVE),
            })
            .collect();
        bound::compare(found, &bounds)
    }

    /// Sum and sum of magnitudes per channel, in f64.
    fn reference_sums(&self) -> Vec<(f64, f64)> {
        let Expectation {
            channels,
            x,
            upstream,
            activation,
            ..
        } = self.expectation;
        let count = channels.map_or(1, |(values, _)| values.len());
        let channel = |index: usize| match channels {
            Some((values, inner)) => index / inner % values.len().max(1),
            None => 0,
        };
        let parameter = &activation.definition().parameter;
        let term = |index: usize| {
            let value = match channels {
                Some((values, _)) => values[channel(index)],
                None => activation.parameter().unwrap_or(0.0),
            };
            let slope = parameter.as_ref().map_or(0.0, |parameter| {
                (parameter.slope)(f64::from(x[index].to_f32()), f64::from(value))
            });
            slope * upstream.map_or(1.0, |upstream| f64::from(upstream[index].to_f32()))
        };
        let add = |mut sums: Vec<(f64, f64)>, index: usize| {
            let term = term(index);
            let (sum, magnitude) = &mut sums[channel(index)];
            *sum += term;
            *magnitude += term.abs();
            sums
        };
        let merge = |mut a: Vec<(f64, f64)>, b: Vec<(f64, f64)>| {
            for (a, b) in a.iter_mut().zip(b) {
                *a = (a.0 + b.0, a.1 + b.1);
            }
            a
        };
        (0..x.len())
            .into_par_iter()
            .with_min_len(x.len().div_ceil(rayon::current_num_threads()).max(1))
            .fold(|| vec![(0.0, 0.0); count], add)
            .reduce(|| vec![(0.0, 0.0); count], merge)
    }
}

/// A name that is none of the catalogue's may be near a family's.
fn known_to_all(error: Error) -> Error {
    match error {
        Error::UnknownActivation { name, .. } => crate::name::unknown(&name),
        other => other,
    }
}
