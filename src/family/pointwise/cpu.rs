//! Activations of one element on the processor: by the twin of their shader, a user's own by its f64 functions.

use super::{Pointwise, operation::through};
use crate::{
    activation::Definition,
    cpu::{
        Slice, SliceMut, activation,
        blocks::{Channels, Spread, pointwise},
        channels,
        kernel::{Given, MOST, Parameters, but_nan},
    },
    error::Result,
    tensor::View,
};

/// A function over slices.
type Function = Box<dyn Fn(Given<'_>, &mut [f32]) + Sync>;

/// What is computed of an activation.
#[derive(Clone, Copy)]
enum Part {
    Value,
    Backward,
    /// The terms of the parameter's gradient.
    Gradient,
}

impl Part {
    fn of(self, definition: &'static Definition) -> Function {
        let Some(twin) = activation::twin(definition.wgsl) else {
            return self.by_reference(definition);
        };
        match self {
            Self::Value => Box::new(twin.forward),
            Self::Backward => Box::new(twin.backward),
            Self::Gradient => match twin.gradients {
                [gradient, ..] => Box::new(gradient),
                [] => self.by_reference(definition),
            },
        }
    }

    /// By the functions in f64, each result rounded to f32 once.
    fn by_reference(self, definition: &'static Definition) -> Function {
        let slope = match (self, &definition.parameter) {
            (Self::Gradient, Some(parameter)) => parameter.slope,
            _ => definition.slope,
        };
        Box::new(move |given, y| {
            for (i, y) in y.iter_mut().enumerate() {
                let (x, upstream) = (given.x[i], given.upstream[i]);
                let parameter = match given.parameters {
                    Parameters::One([parameter, ..]) => parameter,
                    Parameters::Each([parameters, ..]) => parameters[i],
                };
                let [wide, g, parameter] = [x, upstream, parameter].map(f64::from);
                *y = match self {
                    Self::Value => but_nan((definition.value)(wide, parameter) as f32, x),
                    _ => but_nan(
                        but_nan(through(slope(wide, parameter), g) as f32, upstream),
                        x,
                    ),
                };
            }
        })
    }
}

impl Pointwise {
    /// The parameters of a tensor of this shape, and how they lie in it.
    fn spread(&self, shape: &[usize]) -> Result<(Spread, View)> {
        let Some((parameters, axis)) = &self.channels else {
            let mut one = [0.0; MOST];
            one[0] = self.activation.parameter().unwrap_or(0.0);
            return Ok((Spread::One(one), View::ONE_CHANNEL));
        };
        let view = View::of(shape, *axis)?;
        let spread = Channels::new(&[&parameters.to_host()?], view);
        Ok((Spread::Channels(spread), view))
    }

    pub(super) fn compute(&self, shape: &[usize], x: Slice<'_>, y: SliceMut<'_>) -> Result<()> {
        let (spread, _) = self.spread(shape)?;
        let function = Part::Value.of(self.activation.definition());
        pointwise(&*function, x, None, &spread, y);
        Ok(())
    }

    pub(super) fn compute_gradients(
        &self,
        shape: &[usize],
        x: Slice<'_>,
        upstream: Slice<'_>,
        dx: SliceMut<'_>,
        parameters: bool,
    ) -> Result<Vec<Vec<f32>>> {
        let (spread, view) = self.spread(shape)?;
        let definition = self.activation.definition();
        let function = Part::Backward.of(definition);
        pointwise(&*function, x, Some(upstream), &spread, dx);
        if !parameters || definition.parameter.is_none() {
            return Ok(Vec::new());
        }
        let view = match self.channels {
            Some(_) => view,
            None => View {
                outer: x.len(),
                ..view
            },
        };
        let function = Part::Gradient.of(definition);
        let sums = channels::sums(&[&*function], view, x, upstream, &spread);
        Ok(vec![sums.into_iter().map(|sum| sum as f32).collect()])
    }
}
