//! An activation of one element as an operation.

use std::{fmt, sync::Arc};

use super::Pointwise;
use crate::{
    accuracy::{Tolerance, bound::Bound},
    activation::{Activation, MOST_PARAMETERS, Parameter},
    cpu::{Slice, SliceMut},
    element::ElementType,
    error::{Error, Result, number},
    family::{Array, Gradient, Operation, Part, Saved, Sheet, Sum},
    kernel::{launch::Pass, recorder::Recorder},
    tensor::{Tensor, axis_of},
    wgsl::Math,
};

impl From<Activation> for Box<dyn Operation> {
    fn from(activation: Activation) -> Self {
        Box::new(Pointwise::new(activation))
    }
}

impl Operation for Pointwise {
    fn name(&self) -> &str {
        self.activation.name()
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        for (parameter, array) in self.parameters() {
            let Some(array) = array else { continue };
            let axis = axis_of(shape, self.axis)?;
            if array.len() != shape[axis] {
                return Err(Error::ChannelMismatch {
                    op: self.activation.name().to_owned(),
                    parameter: parameter.name,
                    found: array.len(),
                    channels: shape[axis],
                    axis,
                    shape: shape.to_vec(),
                });
            }
        }
        Ok(shape.to_vec())
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved> {
        self.record(recorder, Pass::forward(x[0], y))?;
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
        let (x, dx) = (x[0], dx[0]);
        if parameters && !self.activation.parameters().is_empty() {
            return self.record_gradients(recorder, x, upstream, dx);
        }
        self.record(recorder, Pass::backward(x, upstream, dx))?;
        Ok(Vec::new())
    }

    fn compute_forward(&self, shape: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<Saved> {
        self.compute(shape, x[0], y)?;
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
        match dx.into_iter().next() {
            Some(dx) => self.compute_gradients(shape, x[0], upstream, dx, parameters),
            None => Ok(Vec::new()),
        }
    }

    fn works_in_place(&self) -> bool {
        true
    }

    fn elementwise(&self) -> Option<(Activation, Math)> {
        (!self.has_channels()).then_some((self.activation, self.math))
    }

    fn axis(&self) -> Option<i64> {
        Self::axis(self)
    }

    fn set_axis(&mut self, axis: i64) {
        self.axis = axis;
    }

    fn math(&self) -> Option<Math> {
        Some(self.math)
    }

    fn set_math(&mut self, math: Math) {
        self.math = math;
    }

    fn gradients(&self, _: &[usize]) -> Vec<Gradient> {
        let parameters = self.parameters();
        let gradients = parameters.map(|(parameter, array)| Gradient {
            name: parameter.name,
            shape: array.iter().map(|array| array.len()).collect(),
            per_channel: array.is_some(),
        });
        gradients.collect()
    }

    fn on_part(&self, part: &Part<'_>) -> Result<Box<dyn Operation>> {
        let mut on_part = self.clone();
        on_part.axis = Part::AXIS;
        for array in on_part.channels.iter_mut().flatten() {
            *array = array.part(part.extent.clone())?;
        }
        Ok(Box::new(on_part))
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let definition = self.activation.definition();
        let tolerance = Tolerance::forward(self.activation, ElementType::F32, self.math);
        let parameters = self.on_host();
        let elements = sheet.x().iter().enumerate();
        elements
            .map(|(index, &x)| {
                let numbers = parameters.at(sheet, index);
                let expected = (definition.value)(x, numbers);
                let size = definition.size(0, x, numbers, (expected, 1.0));
                let allowed = tolerance.allowed((expected, size), 1.0, ElementType::F32);
                Bound { expected, allowed }
            })
            .collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let definition = self.activation.definition();
        let tolerance = Tolerance::backward(self.activation, ElementType::F32, self.math);
        let parameters = self.on_host();
        let elements = sheet.x().iter().zip(upstream).enumerate();
        let dx = elements.map(|(index, (&x, &g))| {
            let numbers = parameters.at(sheet, index);
            let expected = through((definition.slope)(x, numbers), g);
            if g.is_infinite() {
                let allowed = f64::INFINITY;
                return Bound { expected, allowed };
            }
            let size = definition.size(1, x, numbers, (expected, g));
            let allowed = tolerance.allowed((expected, size), g, ElementType::F32);
            Bound { expected, allowed }
        });
        vec![dx.collect()]
    }

    fn add_terms(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
        sums: &mut [Vec<Sum>],
    ) {
        let parameters = self.on_host();
        for (index, (&x, &g)) in sheet.x().iter().zip(upstream).enumerate() {
            let numbers = parameters.at(sheet, index);
            for ((parameter, array), sums) in self.parameters().zip(&mut *sums) {
                let term = through((parameter.slope)(x, numbers), g);
                let channel = array.map_or(0, |_| index % sheet.places.len());
                let size = parameter
                    .magnitude
                    .map_or(term, |sum| through(sum(x, numbers), g));
                sums[channel].value += term;
                sums[channel].magnitude += size.abs();
                if g.is_infinite() {
                    sums[channel].off = f64::INFINITY;
                } else if term.is_finite() {
                    // A factor of it may be subnormal and flushed, before upstream makes it larger.
                    sums[channel].add_off(g, f64::from(f32::MIN_POSITIVE));
                    // So may the term.
                    if (term as f32).is_subnormal() {
                        sums[channel].add_off(term, 1.0);
                    }
                }
            }
        }
    }

    fn gradient_share(&self, _: usize) -> f64 {
        match self.math {
            Math::Accurate => 1e-6,
            Math::Native => 1e-4,
        }
    }
}

/// What a slope makes of an upstream gradient: a slope of 0 lets none through. What an infinite one does to a slope that
/// underflows is not defined.
pub(super) fn through(slope: f64, upstream: f64) -> f64 {
    if slope == 0.0 && !upstream.is_nan() {
        0.0
    } else {
        upstream * slope
    }
}

/// The parameters on the host, in their order: numbers, and arrays of one for each channel.
struct Parameters {
    numbers: [f64; MOST_PARAMETERS],
    arrays: Vec<(usize, Arc<[f32]>)>,
}

impl Parameters {
    /// Those of element `index` of a sheet.
    fn at(&self, sheet: &Sheet<'_>, index: usize) -> [f64; MOST_PARAMETERS] {
        let mut numbers = self.numbers;
        for (place, values) in &self.arrays {
            let value = values.get(sheet.channel(index));
            numbers[*place] = value.map_or(f64::NAN, |&value| f64::from(value));
        }
        numbers
    }
}

impl Pointwise {
    /// The parameters, with their arrays where each channel has its own.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'static Parameter, Option<&Array>)> {
        let arrays = self.channels.iter().map(Option::as_ref);
        self.activation.definition().parameters.iter().zip(arrays)
    }

    fn on_host(&self) -> Parameters {
        let arrays = self.channels.iter().enumerate();
        // Where they cannot be read nothing is right: NaN.
        let arrays = arrays.filter_map(|(place, array)| {
            let values = array.as_ref()?.to_host().unwrap_or_default();
            Some((place, values))
        });
        Parameters {
            numbers: self.activation.numbers(),
            arrays: arrays.collect(),
        }
    }
}

impl fmt::Display for Pointwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.has_channels() {
            return fmt::Display::fmt(&self.activation, f);
        }
        let numbers = self.activation.parameters();
        let given = self
            .parameters()
            .zip(numbers)
            .map(|((parameter, array), value)| match array {
                Some(_) => format!("{} per channel", parameter.name),
                None => format!("{}={}", parameter.name, number(*value)),
            });
        let given = given.collect::<Vec<_>>().join(", ");
        write!(f, "{}({given}", self.activation.name())?;
        if self.axis != -1 {
            write!(f, ", axis={}", self.axis)?;
        }
        f.write_str(")")
    }
}
