//! Softmax and log-softmax.

use super::{Input, Outcome, Request, Setting, inner, place};
use crate::{Result, parameters::Parameters};

use wgpu_activations::{
    Element,
    family::softmax::{
        bound::Expectation,
        reference::{Form, MaskedRows, backward, forward},
    },
    offload::Step,
};

pub(crate) struct Job {
    form: Form,
    masked: MaskedRows,
    axis: i64,
}

impl Job {
    pub(super) fn parse(request: Request<'_>, name: &str, arguments: &str) -> Result<Self> {
        let form = if name.to_lowercase().starts_with("log") {
            Form::LogSoftmax
        } else {
            Form::Softmax
        };
        let params = &request.flags.param;
        let parameters = Parameters::new(form.name(), arguments, params, &["masked"])?;
        let choices = [("nan", MaskedRows::Nan), ("zeros", MaskedRows::Zeros)];
        Ok(Self {
            form,
            masked: parameters.choice("masked", &choices)?,
            axis: request.flags.axis.unwrap_or(-1),
        })
    }

    pub(super) fn name(&self) -> &'static str {
        self.form.name()
    }

    pub(super) fn op(&self) -> String {
        match self.masked {
            MaskedRows::Nan => self.form.name().to_owned(),
            MaskedRows::Zeros => format!("{}(masked=zeros)", self.form.name()),
        }
    }

    /// The position of the axis.
    pub(super) fn axis(&self, shape: &[usize]) -> Result<usize> {
        place(self.axis, shape)
    }

    pub(super) const fn step(&self) -> Step {
        Step::Softmax {
            form: self.form,
            masked: self.masked,
        }
    }

    pub(super) fn run<T: Element>(
        &self,
        setting: &Setting,
        input: Input<'_, T>,
    ) -> Result<Outcome<T>> {
        let axis = self.axis(input.shape)?;
        let forward = Expectation {
            form: self.form,
            masked: self.masked,
            math: setting.math,
            extent: input.shape[axis],
            inner: inner(input.shape, axis),
            input: input.x,
            upstream: None,
        };
        let y = by_rows(&forward, |x, _| self::forward(self.form, self.masked, x));
        let dx = input.upstream.map(|upstream| {
            let gradient = Expectation {
                input: &y,
                upstream: Some(upstream),
                ..forward
            };
            by_rows(&gradient, |y, upstream| backward(self.form, y, upstream))
        });
        let places = |expectation: &Expectation<'_, T>| {
            setting.places(expectation.rows(), expectation.extent)
        };
        let report = places(&forward)
            .map(|rows| forward.check_rows(&y, rows))
            .transpose()?;
        let Some(dx) = dx else {
            return Ok(Outcome {
                values: y,
                extras: Vec::new(),
                report,
            });
        };
        if let Some(report) = &report {
            super::expect(self.op(), "y", report)?;
        }
        let gradient = Expectation {
            input: &y,
            upstream: input.upstream,
            ..forward
        };
        let report = places(&gradient)
            .map(|rows| gradient.check_rows(&dx, rows))
            .transpose()?;
        Ok(Outcome {
            values: dx,
            extras: Vec::new(),
            report,
        })
    }
}

/// The reference's results, row by row.
fn by_rows<T: Element>(
    pass: &Expectation<'_, T>,
    row: impl Fn(&[f64], &[f64]) -> Vec<f64>,
) -> Vec<T> {
    let mut results = vec![T::zeroed(); pass.input.len()];
    for index in 0..pass.rows() {
        let first = pass.first(index);
        let gather = |tensor: &[T]| -> Vec<f64> {
            let elements = tensor[first..].iter().step_by(pass.inner);
            let elements = elements.take(pass.extent);
            elements.map(|x| f64::from(x.to_f32())).collect()
        };
        let upstream = pass.upstream.map(gather).unwrap_or_default();
        let values = row(&gather(pass.input), &upstream);
        for (place, value) in values.into_iter().enumerate() {
            results[first + place * pass.inner] = T::from_f64(value);
        }
    }
    results
}
