//! A gated unit as an operation.

use std::fmt;

use super::{Form, Gated, Unit, launch::Pass};
use crate::{
    accuracy::bound::Bound,
    cpu::{Slice, SliceMut},
    error::{Result, number},
    family::{Cut, Gradient, Operation, Saved, Sheet, Sum},
    kernel::recorder::Recorder,
    tensor::Tensor,
    wgsl::Math,
};

impl Operation for Gated {
    fn name(&self) -> &str {
        self.unit.name()
    }

    fn input_names(&self) -> &'static [&'static str] {
        match self.form {
            Form::Apart => &["gate", "up"],
            Form::Halves(_) | Form::Interleaved(_) => &["x"],
        }
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let mut result = shape.to_vec();
        if let Some((axis, _)) = self.blocks(shape)? {
            result[axis] /= 2;
        }
        Ok(result)
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved> {
        self.record(recorder, x, Pass::Forward { y })?;
        Ok(Saved::NOTHING)
    }

    fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        _: &Saved,
        upstream: &Tensor,
        dx: &[&Tensor],
        parameters: bool,
    ) -> Result<Vec<Tensor>> {
        if dx.len() != self.inputs() {
            return Err(self.inputs_error(dx.len()));
        }
        let mut gradients = Vec::new();
        // Before upstream is overwritten.
        for parameter in (0..self.f.parameters().len()).filter(|_| parameters) {
            gradients.push(self.record_parameter(recorder, x, parameter, upstream)?);
        }
        let (dx, up) = (dx[0], dx.get(1).copied());
        self.record(recorder, x, Pass::Backward { upstream, dx, up })?;
        Ok(gradients)
    }

    fn compute_forward(&self, shape: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<Saved> {
        self.compute(shape, x, y)?;
        Ok(Saved::NOTHING)
    }

    fn compute_backward(
        &self,
        shape: &[usize],
        x: &[Slice<'_>],
        _: &Saved,
        upstream: Slice<'_>,
        dx: Vec<SliceMut<'_>>,
        parameters: bool,
    ) -> Result<Vec<Vec<f32>>> {
        self.compute_gradients(shape, x, upstream, dx, parameters)
    }

    fn works_in_place(&self) -> bool {
        self.form == Form::Apart
    }

    fn axis(&self) -> Option<i64> {
        Self::axis(self)
    }

    fn set_axis(&mut self, axis: i64) {
        match &mut self.form {
            Form::Apart => {}
            Form::Halves(own) | Form::Interleaved(own) => *own = axis,
        }
    }

    fn math(&self) -> Option<Math> {
        Some(self.math)
    }

    fn set_math(&mut self, math: Math) {
        self.math = math;
    }

    fn gradients(&self, _: &[usize]) -> Vec<Gradient> {
        let own = self.f.definition().parameters.iter();
        own.map(|own| Gradient {
            name: self.unit.parameter_name().unwrap_or(own.name),
            shape: Vec::new(),
            per_channel: false,
        })
        .collect()
    }

    fn cut(&self) -> Cut {
        match self.form {
            Form::Apart => Cut::Anywhere,
            Form::Halves(_) | Form::Interleaved(_) => Cut::WholeAxis,
        }
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let pairs = self.pairs(sheet).into_iter();
        pairs.map(|pair| self.bound(pair)).collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let pairs = self.pairs(sheet).into_iter().zip(upstream);
        let bounds: Vec<_> = pairs
            .map(|(pair, &g)| self.gradient_bounds(pair, g))
            .collect();
        self.as_inputs(sheet, &bounds)
    }

    fn add_terms(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
        sums: &mut [Vec<Sum>],
    ) {
        for (pair, &g) in self.pairs(sheet).into_iter().zip(upstream) {
            self.add_terms_of(pair, g, sums);
        }
    }

    fn gradient_share(&self, _: usize) -> f64 {
        match self.math {
            Math::Accurate => 1e-6,
            Math::Native => 1e-4,
        }
    }
}

impl fmt::Display for Gated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut arguments = Vec::new();
        match self.unit {
            Unit::Any => arguments.push(format!("f={}", self.f)),
            _ => {
                let name = Operation::gradients(self, &[])
                    .first()
                    .map(|gradient| gradient.name);
                let value = self.f.parameters().first();
                if let (Some(name), Some(value)) = (name, value)
                    && self.f != self.unit.f()
                {
                    arguments.push(format!("{name}={}", number(value)));
                }
            }
        }
        if self.limit != super::unit::LIMIT {
            arguments.push(format!("limit={}", number(self.limit)));
        }
        if let Some(axis) = Self::axis(self) {
            let layout = match self.form {
                Form::Interleaved(_) => "interleaved",
                _ => "halves",
            };
            arguments.push(format!("layout={layout}"));
            if self.gate_last != self.unit.gate_last() {
                let gate = if self.gate_last { "last" } else { "first" };
                arguments.push(format!("gate={gate}"));
            }
            if axis != -1 {
                arguments.push(format!("axis={axis}"));
            }
        }
        f.write_str(self.unit.name())?;
        match arguments.is_empty() {
            true => Ok(()),
            false => write!(f, "({})", arguments.join(", ")),
        }
    }
}
