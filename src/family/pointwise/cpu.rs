//! Activations of one element on the processor: by the twin of their shader, a user's own by its f64 functions.

use super::{Pointwise, operation::through};
use crate::{
    activation::Definition,
    cpu::{
        Slice, SliceMut, activation,
        blocks::{Channels, Spread, pointwise},
        channels,
        kernel::{Function, MOST, Parameters, but_nan},
    },
    error::Result,
    tensor::View,
};

/// What is computed of an activation.
#[derive(Clone, Copy)]
pub(in crate::family) enum Part {
    Value,
    Backward,
    /// The terms of the gradient of a parameter.
    Gradient(usize),
}

impl Part {
    pub(in crate::family) fn of(self, definition: &'static Definition) -> Box<Function> {
        let Some(twin) = activation::twin(definition.wgsl) else {
            return self.by_reference(definition);
        };
        match self {
            Self::Value => Box::new(twin.forward),
            Self::Backward => Box::new(twin.backward),
            Self::Gradient(index) => match twin.gradients.get(index) {
                Some(gradient) => Box::new(gradient),
                None => self.by_reference(definition),
            },
        }
    }

    /// By the functions in f64, each result rounded to f32 once.
    fn by_reference(self, definition: &'static Definition) -> Box<Function> {
        let slope = match self {
            Self::Gradient(index) => definition.parameters[index].slope,
            _ => definition.slope,
        };
        Box::new(move |given, y| {
            for (i, y) in y.iter_mut().enumerate() {
                let (x, upstream) = (given.x[i], given.upstream[i]);
                let parameter = |index: usize| match given.parameters {
                    Parameters::One(parameters) => f64::from(parameters[index]),
                    Parameters::Each(parameters) => f64::from(parameters[index][i]),
                };
                let numbers = std::array::from_fn(parameter);
                let [wide, g] = [x, upstream].map(f64::from);
                *y = match self {
                    Self::Value => but_nan((definition.value)(wide, numbers) as f32, x),
                    _ => but_nan(
                        but_nan(through(slope(wide, numbers), g) as f32, upstream),
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
        let numbers = self.activation.parameters();
        if !self.has_channels() {
            let mut one = [0.0; MOST];
            one[..numbers.len()].copy_from_slice(numbers);
            return Ok((Spread::One(one), View::ONE_CHANNEL));
        }
        let view = View::of(shape, self.axis)?;
        let parameters = self.parameters().zip(numbers);
        let parameters = parameters.map(|((_, array), number)| match array {
            Some(array) => array.to_host(),
            None => Ok([*number].into()),
        });
        let parameters = parameters.collect::<Result<Vec<_>>>()?;
        let parameters: Vec<&[f32]> = parameters.iter().map(|it| &**it).collect();
        Ok((Spread::Channels(Channels::new(&parameters, view)), view))
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
        if !parameters || definition.parameters.is_empty() {
            return Ok(Vec::new());
        }
        let view = match self.has_channels() {
            true => view,
            false => View {
                outer: x.len(),
                ..view
            },
        };
        let count = definition.parameters.len();
        let functions = (0..count).map(|index| Part::Gradient(index).of(definition));
        let functions: Vec<_> = functions.collect();
        let functions: Vec<_> = functions.iter().map(|it| &**it).collect();
        let sums = channels::sums(&functions, view, x, upstream, &spread);
        let gradients = self.parameters().enumerate().map(|(index, (_, array))| {
            let of_channels = sums.iter().skip(index).step_by(count);
            match array {
                Some(_) => of_channels.map(|sum| *sum as f32).collect(),
                None => vec![of_channels.sum::<f64>() as f32],
            }
        });
        Ok(gradients.collect())
    }
}
