//! The operations that `run` and `grad` name, with their parameters: as steps to be streamed, and
//! computed by the reference on the host.

mod alpha_dropout;
mod dice;
mod maxout;
mod pointwise;
mod softmax;

use super::{
    Failure, Result,
    files::Content,
    flags::{Flags, Mode, Verify},
    parameters,
};
use wgpu_activations::{
    Element, Error, Math, Moments, accuracy::Report, activation::Family, axis_of, check::Pass,
    offload::Step,
};

/// Elements that `--verify sample` compares.
pub(super) const SAMPLE: usize = 1 << 16;

/// What the command line asks for.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) op: &'a str,
    pub(super) pass: Pass,
    pub(super) flags: &'a Flags,
    /// Names of `--out`.
    pub(super) outs: &'a [&'a str],
    /// Whether it is one of several, of which another may be what a flag is for.
    pub(super) in_chain: bool,
}

/// An operation with its parameters.
pub(super) enum Job {
    Pointwise(pointwise::Job),
    Dice(dice::Job),
    Softmax(softmax::Job),
    Maxout(maxout::Job),
    AlphaDropout(alpha_dropout::Job),
}

/// How it is computed by the reference, and compared.
pub(super) struct Setting {
    pub(super) math: Math,
    pub(super) verify: Verify,
}

/// Arrays on the host.
#[derive(Clone, Copy)]
pub(super) struct Input<'a, T> {
    pub(super) shape: &'a [usize],
    pub(super) x: &'a [T],
    /// For a backward pass.
    pub(super) upstream: Option<&'a [T]>,
}

/// What came of it.
pub(super) struct Outcome<T> {
    pub(super) values: Vec<T>,
    /// What else the operation gives, by the names of `--out`.
    pub(super) extras: Vec<(&'static str, Content)>,
    /// How the values compare with the reference, as far as that was asked for.
    pub(super) report: Option<Report>,
}

impl Job {
    pub(super) fn parse(request: Request<'_>) -> Result<Self> {
        let (name, arguments) = parameters::split(request.op)?;
        let family = Family::find(name);
        if request.flags.mode.is_some()
            && !request.in_chain
            && family.is_none_or(|family| family.name != dice::OP)
        {
            return Err(Failure::Usage(format!(
                "--mode has no effect on {name}; dice has modes"
            )));
        }
        let job = match family.map(|family| family.name) {
            Some(dice::OP) => Self::Dice(dice::Job::parse(request, arguments)?),
            Some("softmax" | "log-softmax") => {
                Self::Softmax(softmax::Job::parse(request, name, arguments)?)
            }
            Some(maxout::OP) => Self::Maxout(maxout::Job::parse(request, arguments)?),
            Some(alpha_dropout::OP) => {
                Self::AlphaDropout(alpha_dropout::Job::parse(request, arguments)?)
            }
            _ => return Ok(Self::Pointwise(pointwise::Job::parse(request)?)),
        };
        let gives = job.gives(request.pass);
        for out in request.outs {
            if !gives.contains(out) {
                return Err(Failure::Usage(match &gives[..] {
                    [] => format!("--out {out}: {name} gives nothing beside the output"),
                    gives => format!("--out {out}: {name} gives `{}` here", gives.join("`, `")),
                }));
            }
        }
        Ok(job)
    }

    /// Names of what it gives beside the output.
    fn gives(&self, pass: Pass) -> Vec<&'static str> {
        match (self, pass) {
            (Self::Dice(job), pass) => job.gives(pass),
            (Self::Maxout(job), pass) => job.gives(pass),
            _ => Vec::new(),
        }
    }

    /// The name of the operation.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Pointwise(job) => job.name(),
            Self::Dice(_) => dice::OP,
            Self::Softmax(job) => job.name(),
            Self::Maxout(_) => maxout::OP,
            Self::AlphaDropout(_) => alpha_dropout::OP,
        }
    }

    /// The operation with its parameters: `elu(alpha=0.5)`, `elu(alpha per channel)`.
    pub(super) fn op(&self) -> String {
        match self {
            Self::Pointwise(job) => job.op(),
            Self::Dice(job) => job.op(),
            Self::Softmax(job) => job.op(),
            Self::Maxout(job) => job.op(),
            Self::AlphaDropout(job) => job.op(),
        }
    }

    /// The shape of the result for an input of this shape; where they do not go together, an error.
    pub(super) fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        match self {
            Self::Pointwise(job) => job.expect_fits(shape)?,
            Self::Dice(job) => job.expect_fits(shape)?,
            Self::Softmax(job) => {
                job.axis(shape)?;
            }
            Self::Maxout(job) => return job.output_shape(shape),
            Self::AlphaDropout(_) => {}
        }
        Ok(shape.to_vec())
    }

    /// The same as a step of a chain, for a tensor of `shape`.
    pub(super) fn step(&self, shape: &[usize]) -> Result<Step> {
        self.output_shape(shape)?;
        Ok(match self {
            Self::Pointwise(job) => job.step(),
            Self::Dice(job) => job.step(shape)?,
            Self::Softmax(job) => job.step(),
            Self::Maxout(job) => job.step(),
            Self::AlphaDropout(job) => job.step(),
        })
    }

    /// What the moments of a batch give beside the output.
    pub(super) fn extras(&self, batch: &Moments) -> Vec<(&'static str, Content)> {
        match self {
            Self::Dice(job) => job.extras(batch),
            _ => Vec::new(),
        }
    }

    /// Whether --axis means something to it.
    pub(super) fn has_axis(&self) -> bool {
        match self {
            Self::Pointwise(job) => job.has_axis(),
            Self::Maxout(job) => matches!(job, maxout::Job::Pooling { .. }),
            Self::Dice(_) | Self::Softmax(_) => true,
            Self::AlphaDropout(_) => false,
        }
    }

    /// Whether it takes elements in any order of a file, seen along the axis.
    pub(super) fn takes_any_order(&self) -> bool {
        match self {
            Self::Pointwise(_) | Self::Dice(_) | Self::Softmax(_) => true,
            Self::Maxout(job) => matches!(job, maxout::Job::Pooling { .. }),
            Self::AlphaDropout(_) => false,
        }
    }

    /// y, or dx where there is an upstream gradient; `input` fits, as `output_shape` tells.
    pub(super) fn run<T: Element>(
        &self,
        setting: &Setting,
        input: Input<'_, T>,
    ) -> Result<Outcome<T>> {
        let outcome = match self {
            Self::Pointwise(job) => job.run(setting, input),
            Self::Dice(job) => job.run(setting, input),
            Self::Softmax(job) => job.run(setting, input),
            Self::Maxout(job) => job.run(setting, input),
            Self::AlphaDropout(job) => job.run(setting, input),
        }?;
        match &outcome.report {
            Some(report) if !report.passed() => Err(Error::Verification {
                op: self.op(),
                report: report.to_string(),
            }
            .into()),
            _ => Ok(outcome),
        }
    }
}

impl Setting {
    /// The places among `len` that are to be compared, spread evenly, the last among them; `each`
    /// elements are compared at each. None if nothing is to be.
    fn places(&self, len: usize, each: usize) -> Option<impl Iterator<Item = usize> + use<>> {
        let count = match self.verify {
            Verify::None => return None,
            Verify::Full => len,
            Verify::Sample => len.min((SAMPLE / each.max(1)).max(1)),
        };
        Some((0..count).map(move |index| (index + 1) * len / count - 1))
    }
}

/// The position of `axis` in `shape`.
fn place(axis: i64, shape: &[usize]) -> Result<usize> {
    Ok(axis_of(shape, axis)?)
}

/// Elements from one place along `axis` to the next.
fn inner(shape: &[usize], axis: usize) -> usize {
    shape[axis + 1..].iter().product()
}

/// Fails, naming `what` of `op`, unless the comparison passed.
fn expect(op: String, what: &str, report: &Report) -> Result {
    if report.passed() {
        return Ok(());
    }
    Err(Error::Verification {
        op,
        report: format!("{what}: {report}"),
    }
    .into())
}

impl Mode {
    const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Infer => "infer",
        }
    }
}
