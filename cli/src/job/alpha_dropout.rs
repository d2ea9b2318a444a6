//! Alpha dropout.

use super::{Input, Outcome, Request, Setting};
use crate::{Failure, Result, parameters::Parameters};

use wgpu_activations::{
    AlphaDropout, Element,
    family::alpha_dropout::{
        bound::Expectation,
        reference::{Mask, Transform},
    },
    offload::Step,
};

pub(super) const OP: &str = "alpha-dropout";

pub(crate) struct Job {
    dropout: AlphaDropout,
}

impl Job {
    pub(super) fn parse(request: Request<'_>, arguments: &str) -> Result<Self> {
        let parameters = Parameters::new(OP, arguments, &request.flags.param, &["p", "seed"])?;
        if request.flags.axis.is_some() && !request.in_chain {
            return Err(Failure::Usage(format!("--axis has no effect on {OP}")));
        }
        let p = parameters.required("p", "a number from 0 to below 1")?;
        let seed = parameters.required("seed", "a whole number from 0 to 2^64 - 1")?;
        Ok(Self {
            dropout: AlphaDropout::new(p, seed)?,
        })
    }

    pub(super) fn op(&self) -> String {
        format!("{OP}(p={}, seed={})", self.dropout.p(), self.dropout.seed())
    }

    pub(super) const fn step(&self) -> Step {
        Step::AlphaDropout(self.dropout)
    }

    pub(super) fn run<T: Element>(
        &self,
        setting: &Setting,
        input: Input<'_, T>,
    ) -> Result<Outcome<T>> {
        let expectation = Expectation {
            transform: Transform::new(f64::from(self.dropout.p())),
            mask: Mask::new(self.dropout.p(), self.dropout.seed()),
            backward: input.upstream.is_some(),
            input: input.upstream.unwrap_or(input.x),
        };
        let elements = expectation.input.iter().enumerate();
        let values: Vec<T> = elements
            .map(|(index, x)| T::from_f64(expectation.expected(index, f64::from(x.to_f32()))))
            .collect();
        let report = setting
            .places(values.len(), 1)
            .map(|places| expectation.check(&values, places))
            .transpose()?;
        Ok(Outcome {
            values,
            extras: Vec::new(),
            report,
        })
    }
}
