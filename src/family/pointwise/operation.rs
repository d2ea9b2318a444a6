//! An activation of one element as an operation.

use std::{fmt, sync::Arc};

use super::Pointwise;
use crate::{
    accuracy::{Tolerance, bound::Bound, slope_terms},
    activation::Activation,
    element::ElementType,
    error::{Error, Result},
    family::{Gradient, Operation, Part, Saved, Sheet, Sum},
    kernel::{launch::Pass, recorder::Recorder},
    tensor::{Tensor, axis_of},
    wgsl::Math,
};

impl Operation for Pointwise {
    fn name(&self) -> &str {
        self.activation.name()
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        if let Some((parameters, axis)) = &self.channels {
            let axis = axis_of(shape, *axis)?;
            if parameters.len() != shape[axis] {
                return Err(Error::ChannelMismatch {
                    op: self.activation.name().to_owned(),
                    parameter: self.parameter_name()?,
                    found: parameters.len(),
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
        if parameters && self.activation.parameter().is_some() {
            return Ok(vec![self.record_gradients(recorder, x, upstream, dx)?]);
        }
        self.record(recorder, Pass::backward(x, upstream, dx))?;
        Ok(Vec::new())
    }

    fn works_in_place(&self) -> bool {
        true
    }

    fn elementwise(&self) -> Option<(Activation, Math)> {
        match self.channels {
            None => Some((self.activation, self.math)),
            Some(_) => None,
        }
    }

    fn axis(&self) -> Option<i64> {
        self.channels.as_ref().map(|(_, axis)| *axis)
    }

    fn set_axis(&mut self, axis: i64) {
        if let Some((_, own)) = &mut self.channels {
            *own = axis;
        }
    }

    fn set_math(&mut self, math: Math) {
        self.math = math;
    }

    fn gradients(&self, _: &[usize]) -> Vec<Gradient> {
        let Some(parameter) = &self.activation.definition().parameter else {
            return Vec::new();
        };
        let channels = self.channels.as_ref();
        vec![Gradient {
            name: parameter.name,
            shape: channels
                .map(|(values, _)| values.len())
                .into_iter()
                .collect(),
            per_channel: channels.is_some(),
        }]
    }

    fn on_part(&self, part: &Part<'_>) -> Result<Box<dyn Operation>> {
        let mut on_part = self.clone();
        if let Some((parameters, axis)) = &mut on_part.channels {
            *parameters = parameters.part(part.extent.clone())?;
            *axis = Part::AXIS;
        }
        Ok(Box::new(on_part))
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let value = self.activation.definition().value;
        let tolerance = Tolerance::forward(ElementType::F32, self.math);
        let parameters = self.on_host();
        let elements = sheet.x().iter().enumerate();
        elements
            .map(|(index, &x)| {
                let expected = value(x, parameters.at(sheet, index));
                let allowed = tolerance.allowed(expected, 1.0, || 0.0, ElementType::F32);
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
            let parameter = parameters.at(sheet, index);
            let expected = through((definition.slope)(x, parameter), g);
            if g.is_infinite() {
                let allowed = f64::INFINITY;
                return Bound { expected, allowed };
            }
            let terms = || slope_terms(definition, x, parameter);
            let allowed = tolerance.allowed(expected, g, terms, ElementType::F32);
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
        let (Some(parameter), Some(sums)) =
            (&self.activation.definition().parameter, sums.first_mut())
        else {
            return;
        };
        let parameters = self.on_host();
        for (index, (&x, &g)) in sheet.x().iter().zip(upstream).enumerate() {
            let term = through((parameter.slope)(x, parameters.at(sheet, index)), g);
            let channel = match self.channels {
                Some(_) => index % sheet.places.len(),
                None => 0,
            };
            sums[channel].add(term);
            if g.is_infinite() {
                sums[channel].off = f64::INFINITY;
            } else if term.is_finite() {
                // A factor of it may be subnormal and flushed; no other is larger than g x^2.
                sums[channel].off += f64::from(f32::MIN_POSITIVE) * g.abs() * (1.0 + x * x);
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
fn through(slope: f64, upstream: f64) -> f64 {
    if slope == 0.0 && !upstream.is_nan() {
        0.0
    } else {
        upstream * slope
    }
}

/// The parameter on the host: one, or one for each channel.
enum Parameters {
    One(f64),
    Each(Arc<[f32]>),
}

impl Parameters {
    /// That of element `index` of a sheet.
    fn at(&self, sheet: &Sheet<'_>, index: usize) -> f64 {
        match self {
            Self::One(value) => *value,
            Self::Each(values) => values
                .get(sheet.channel(index))
                .map_or(f64::NAN, |&value| f64::from(value)),
        }
    }
}

impl Pointwise {
    fn on_host(&self) -> Parameters {
        match &self.channels {
            None => Parameters::One(f64::from(self.activation.parameter().unwrap_or(0.0))),
            // Where they cannot be read nothing is right: NaN.
            Some((parameters, _)) => Parameters::Each(parameters.to_host().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Pointwise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some((_, axis)), Ok(parameter)) = (&self.channels, self.parameter_name()) else {
            // Its name alone where the parameter is the default: as people write it.
            return fmt::Display::fmt(&self.activation, f);
        };
        write!(f, "{}({parameter} per channel", self.activation.name())?;
        if *axis != -1 {
            write!(f, ", axis={axis}")?;
        }
        f.write_str(")")
    }
}
