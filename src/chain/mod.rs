//! Operations one after another: on tensors, and streamed by [`offload`](crate::offload).
//!
//! Longer than 500 lines: most of it is documentation of the calls, with examples that run.

mod compute;
mod layout;
mod record;

use std::{fmt, str::FromStr};

pub use layout::Layout;
pub(crate) use record::{BackwardOptions, Gradients as RecordedGradients, Output};

use crate::{
    error::{Error, Result},
    family::{self, Inputs, Operation, Resolver, calls, inputs_error},
    kernel::{
        cast, expect_alike, expect_apart, expect_result, expect_shape,
        launch::Pass,
        recorder::{self, Recorder},
    },
    tensor::{Tensor, elements_of},
    wgsl::Math,
};

/// Operations between the third and the last that a message names.
const MOST_NAMED: usize = 4;

/// Operations applied one after another.
///
/// What passes between two of them is f32, whatever the tensors hold; only the result is rounded. Neighbours that are
/// activations of one element run as one kernel.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Chain, Gpu};
///
/// let gpu = Gpu::new()?;
/// let x = gpu.upload(&[-1.0f32, 0.0, 0.0, 2.0], [2, 2])?;
/// let chain: Chain = "relu | softmax(axis=0)".parse()?;
/// let y = chain.forward(&x)?;
/// assert_eq!(y.download::<f32>()?[0], 0.5);
/// let gradients = chain.backward(&x, &y)?; // y as the upstream gradient
/// assert_eq!(gradients.dx.download::<f32>()?[0], 0.0);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Chain {
    steps: Vec<Box<dyn Operation>>,
}

/// What a backward pass through a [`Chain`] gives.
#[derive(Debug)]
#[non_exhaustive]
pub struct ChainGradients {
    /// With respect to the input, or the first of several, of its shape and type.
    pub dx: Tensor,
    /// With respect to the other inputs.
    pub others: Vec<Tensor>,
    /// With respect to the parameters of the operations that have some.
    pub parameters: Vec<ParameterGradient>,
}

/// The gradient of a parameter of an operation in a [`Chain`].
#[derive(Debug)]
#[non_exhaustive]
pub struct ParameterGradient {
    /// The operation's place in the chain.
    pub step: usize,
    /// The parameter.
    pub name: &'static str,
    /// The gradient, f32.
    pub value: Tensor,
}

impl Chain {
    /// One operation.
    ///
    /// ```
    /// use wgpu_activations::{AlphaDropout, Chain};
    ///
    /// let chain = Chain::new(AlphaDropout::new(0.05, 1)?);
    /// assert_eq!(chain.steps().len(), 1);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn new(operation: impl Into<Box<dyn Operation>>) -> Self {
        Self {
            steps: vec![operation.into()],
        }
    }

    /// One more operation at the end.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Chain, Softmax};
    ///
    /// let chain = Chain::from(Activation::GELU).then(Softmax::new(-1));
    /// assert_eq!(chain.to_string(), "gelu | softmax");
    /// ```
    #[must_use]
    pub fn then(mut self, operation: impl Into<Box<dyn Operation>>) -> Self {
        self.steps.push(operation.into());
        self
    }

    /// The channels and rows of all operations along `axis`, which counts from the end where negative.
    #[must_use]
    pub fn axis(mut self, axis: i64) -> Self {
        self.steps.iter_mut().for_each(|step| step.set_axis(axis));
        self
    }

    /// The same for tensors of `rank` axes whose axes are taken the other way round.
    #[must_use]
    pub fn with_axes_reversed(mut self, rank: usize) -> Self {
        for step in &mut self.steps {
            if let Some(axis) = step.axis() {
                step.set_axis(if axis < 0 {
                    -1 - axis
                } else {
                    rank as i64 - 1 - axis
                });
            }
        }
        self
    }

    /// Elementary functions from `math`.
    #[must_use]
    pub fn math(mut self, math: Math) -> Self {
        self.steps.iter_mut().for_each(|step| step.set_math(math));
        self
    }

    /// Its text for a message: of many operations the first three, the last and how many there are.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Chain};
    ///
    /// let gelu = Chain::from(Activation::GELU);
    /// assert_eq!(gelu.summary(), "gelu");
    /// let long = (0..99).fold(gelu, |chain, _| chain.then(Activation::RELU));
    /// assert_eq!(long.summary(), "gelu | relu | relu | .. | relu (100 operations)");
    /// ```
    pub fn summary(&self) -> String {
        match &self.steps[..] {
            [a, b, c, between @ .., last] if between.len() > MOST_NAMED => {
                let count = self.steps.len();
                format!("{a} | {b} | {c} | .. | {last} ({count} operations)")
            }
            _ => self.to_string(),
        }
    }

    /// The chain that `text` names: `gelu | softmax(axis=0)`. Arrays, `prelu(alpha=@slopes)`, come from `resolve`.
    ///
    /// ```
    /// use wgpu_activations::{Array, Chain};
    ///
    /// let chain = Chain::parse("prelu(alpha=@slopes) | tanh", &|name| {
    ///     assert_eq!(name, "slopes");
    ///     Ok(Array::from(vec![0.25, 0.5]))
    /// })?;
    /// assert_eq!(chain.to_string(), "prelu(alpha per channel) | tanh");
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`family::parse`], for the first operation at fault.
    pub fn parse(text: &str, resolve: &Resolver<'_>) -> Result<Self> {
        let steps = text.split('|').map(|step| family::parse(step, resolve));
        Ok(Self {
            steps: steps.collect::<Result<_>>()?,
        })
    }

    /// The operations in order.
    pub fn steps(&self) -> &[Box<dyn Operation>] {
        &self.steps
    }

    /// Tensors that it takes: those of its first operation.
    pub fn inputs(&self) -> usize {
        self.input_names().len()
    }

    /// What messages call these.
    pub fn input_names(&self) -> &'static [&'static str] {
        self.steps.first().map_or(&["x"], |step| step.input_names())
    }

    /// The tensors, if they are those that the chain takes.
    fn expect<'t>(&self, x: impl Into<Inputs<'t>>) -> Result<Vec<&'t Tensor>> {
        x.into().expect(&*self.steps[0])
    }

    /// The shape of the result for an input of this shape.
    ///
    /// ```
    /// use wgpu_activations::{Chain, Error};
    ///
    /// let chain: Chain = "tanh | maxout(pieces=4, axis=1)".parse()?;
    /// assert_eq!(chain.result_shape(&[10, 64, 7])?, [10, 16, 7]);
    /// assert!(matches!(chain.result_shape(&[10, 63, 7]), Err(Error::PiecesMismatch { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where an operation and its input's shape do not go together, and [`Error::TooLarge`] where a tensor has more
    /// elements than can be counted.
    pub fn result_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let [.., result] = &self.shapes(shape)?[..] else {
            return Ok(shape.to_vec());
        };
        Ok(result.clone())
    }

    /// The shapes before each operation, and after the last.
    fn shapes(&self, shape: &[usize]) -> Result<Vec<Vec<usize>>> {
        self.shapes_of(self.steps.len(), shape)
    }

    /// The shapes before each of the first `steps` operations, and after them.
    fn shapes_of(&self, steps: usize, shape: &[usize]) -> Result<Vec<Vec<usize>>> {
        elements_of(shape)?;
        let mut shapes = vec![shape.to_vec()];
        for (index, step) in self.steps[..steps].iter().enumerate() {
            if index > 0 && step.inputs() != 1 {
                return Err(inputs_error(&**step, 1));
            }
            let after = step.output_shape(&shapes[shapes.len() - 1])?;
            elements_of(&after)?;
            shapes.push(after);
        }
        Ok(shapes)
    }

    /// y, a new tensor of x's type.
    ///
    /// # Errors
    ///
    /// Where chain and tensor do not go together, and what the device reports.
    pub fn forward<'t>(&self, x: impl Into<Inputs<'t>>) -> Result<Tensor> {
        let x = self.expect(x)?;
        self.result_shape(x[0].shape())?;
        recorder::submit(x[0].gpu(), |recorder| {
            Ok(self.record_forward(recorder, &x, Output::New)?.0)
        })
    }

    /// y into a tensor of the result's shape and x's type.
    ///
    /// # Errors
    ///
    /// As [`Chain::forward`], and where y does not serve.
    pub fn forward_into<'t>(&self, x: impl Into<Inputs<'t>>, y: &Tensor) -> Result<()> {
        let x = self.expect(x)?;
        recorder::submit(y.gpu(), |recorder| self.record_into(recorder, &x, y))
    }

    /// y in the place of x, or of the first of several. Where an operation cannot work in place, its result is copied.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use wgpu_activations::{Chain, Gpu};
    ///
    /// let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
    /// "relu | leaky-relu".parse::<Chain>()?.forward_in_place(&x)?;
    /// assert_eq!(x.download::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Chain::forward`], and [`Error::ShapeMismatch`] if the chain changes the shape.
    pub fn forward_in_place<'t>(&self, x: impl Into<Inputs<'t>>) -> Result<()> {
        let x = self.expect(x)?;
        recorder::submit(x[0].gpu(), |recorder| self.record_in_place(recorder, &x))
    }

    /// The gradients with respect to the input and to all parameters. `x` is what the forward pass was given,
    /// `upstream` the gradient of the loss with respect to its result. What lies between the operations is computed
    /// again from x.
    ///
    /// # Errors
    ///
    /// As [`Chain::forward`], and where upstream is not like the result.
    pub fn backward<'t>(
        &self,
        x: impl Into<Inputs<'t>>,
        upstream: &Tensor,
    ) -> Result<ChainGradients> {
        let x = self.expect(x)?;
        recorder::submit(x[0].gpu(), |recorder| {
            self.record_gradients(recorder, &x, upstream)
        })
    }

    /// Records [`Chain::forward_into`] into the caller's encoder. Submits nothing and waits for nothing; the
    /// tensors' buffers are kept until the caller's commands are done with them.
    ///
    /// # Errors
    ///
    /// As [`Chain::forward_into`].
    pub fn encode_forward<'t>(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: impl Into<Inputs<'t>>,
        y: &Tensor,
    ) -> Result<()> {
        let x = self.expect(x)?;
        calls::encode_over(
            encoder,
            [y].into_iter().chain(x.iter().copied()),
            |recorder| self.record_into(recorder, &x, y),
        )
    }

    /// Records [`Chain::forward_in_place`]: see [`Chain::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Chain::forward_in_place`].
    pub fn encode_forward_in_place<'t>(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: impl Into<Inputs<'t>>,
    ) -> Result<()> {
        let x = self.expect(x)?;
        calls::encode_over(encoder, x.iter().copied(), |recorder| {
            self.record_in_place(recorder, &x)
        })
    }

    /// [`Chain::backward`] into tensors of the shapes and types that it gives them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use wgpu_activations::{Chain, Gpu};
    ///
    /// let gpu = Gpu::new()?;
    /// let chain: Chain = "prelu | tanh".parse()?;
    /// let x = gpu.upload(&[-1.0f32, 0.0], [2])?;
    /// let upstream = gpu.upload(&[0.0f32, 2.0], [2])?;
    /// let gradients = chain.backward(&x, &upstream)?;
    /// // Another batch, into the same memory.
    /// x.write(&[0.0f32, -0.0])?;
    /// chain.backward_into(&x, &upstream, &gradients)?;
    /// assert_eq!(gradients.dx.download::<f32>()?, [0.0, 0.5]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Chain::backward`], and where a tensor does not serve.
    pub fn backward_into<'t>(
        &self,
        x: impl Into<Inputs<'t>>,
        upstream: &Tensor,
        gradients: &ChainGradients,
    ) -> Result<()> {
        let x = self.expect(x)?;
        recorder::submit(x[0].gpu(), |recorder| {
            self.record_gradients_into(recorder, &x, upstream, gradients)
        })
    }

    /// Records [`Chain::backward_into`]: see [`Chain::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Chain::backward_into`].
    pub fn encode_backward<'t>(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: impl Into<Inputs<'t>>,
        upstream: &Tensor,
        gradients: &ChainGradients,
    ) -> Result<()> {
        let x = self.expect(x)?;
        let parameters = gradients.parameters.iter().map(|it| &it.value);
        let results = gradients.dx().chain(parameters);
        let tensors = x.iter().copied().chain([upstream]).chain(results);
        calls::encode_over(encoder, tensors, |recorder| {
            self.record_gradients_into(recorder, &x, upstream, gradients)
        })
    }

    /// Tensors for the gradients of a pass over x, their contents unspecified.
    ///
    /// # Errors
    ///
    /// As [`Chain::forward`].
    pub fn allocate_gradients<'t>(&self, x: impl Into<Inputs<'t>>) -> Result<ChainGradients> {
        let x = self.expect(x)?;
        let gpu = x[0].gpu();
        let dx = x.iter().map(|x| gpu.allocate(x.shape(), x.element()));
        let layout = self.layout(x[0].shape())?;
        let parameters = layout.gradients.into_iter();
        let parameters = parameters.map(|of_step| {
            let names: Vec<_> = of_step.iter().map(|gradient| gradient.name).collect();
            let values = calls::allocate_parameters(gpu, of_step)?;
            Ok(names.into_iter().zip(values).collect())
        });
        ChainGradients::new(
            dx.collect::<Result<_>>()?,
            parameters.collect::<Result<_>>()?,
        )
    }

    fn record_into(&self, recorder: &mut Recorder<'_>, x: &[&Tensor], y: &Tensor) -> Result<()> {
        let result = self.result_shape(x[0].shape())?;
        Pass::Forward { x: x[0], y }.expect_fit(self, &result, true)?;
        for (name, other) in self.input_names().iter().zip(x).skip(1) {
            let instead = "a tensor of its own";
            expect_apart(self, (name, other), ("y", y), instead)?;
        }
        self.record_forward(recorder, x, Output::Into(y)).map(drop)
    }

    fn record_in_place(&self, recorder: &mut Recorder<'_>, inputs: &[&Tensor]) -> Result<()> {
        let x = inputs[0];
        let result = self.result_shape(x.shape())?;
        expect_shape(self, ("x", x), ("the result", &result), ("x", x))?;
        let (y, _) = self.record_forward(recorder, inputs, Output::InPlace)?;
        if !y.shares_buffer(x) {
            if x.bytes().is_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT) {
                recorder.copy(&y, x)?;
            } else {
                // A copy takes whole words, of which the last is not x's alone.
                let (wide, _) = record::f32_scratch(recorder, &y)?;
                cast::record(recorder, &wide, x)?;
                recorder.done_with(wide);
            }
            recorder.done_with(y);
        }
        Ok(())
    }

    fn record_gradients(
        &self,
        recorder: &mut Recorder<'_>,
        inputs: &[&Tensor],
        upstream: &Tensor,
    ) -> Result<ChainGradients> {
        let x = inputs[0];
        let result = self.result_shape(x.shape())?;
        expect_result(self, ("upstream", upstream), &result, x)?;
        let wanted = BackwardOptions {
            parameters: true,
            ..BackwardOptions::default()
        };
        let RecordedGradients { dx, parameters, .. } =
            self.record_backward(recorder, inputs, upstream, wanted)?;
        let gradients = self.layout(x.shape())?.gradients.into_iter();
        let named = gradients.zip(parameters).map(|(of_step, values)| {
            let names = of_step.into_iter().map(|gradient| gradient.name);
            names.zip(values).collect()
        });
        ChainGradients::new(dx, named.collect())
    }

    fn record_gradients_into(
        &self,
        recorder: &mut Recorder<'_>,
        inputs: &[&Tensor],
        upstream: &Tensor,
        gradients: &ChainGradients,
    ) -> Result<()> {
        let x = inputs[0];
        let result = self.result_shape(x.shape())?;
        expect_result(self, ("upstream", upstream), &result, x)?;
        let into: Vec<_> = gradients.dx().collect();
        if into.len() != inputs.len() {
            return Err(Error::Argument {
                op: self.to_string(),
                argument: format!("gradients of {} inputs", into.len()),
                reason: format!("it has {}; allocate_gradients gives them", inputs.len()),
            });
        }
        let mut others = [inputs, &[upstream]].concat();
        for (dx, input) in into.iter().zip(inputs) {
            let dx = ("dx", *dx);
            expect_alike(self, dx, ("x", input))?;
            for other in &others {
                let other = ("another tensor", *other);
                expect_apart(self, other, dx, "a tensor of its own")?;
            }
            others.push(dx.1);
        }
        let wanted = self.layout(x.shape())?.gradients.concat();
        let given = gradients.parameters.iter().map(|it| it.value.clone());
        let given: Vec<_> = given.collect();
        calls::expect_parameters(self, &wanted, &given, x, &others)?;
        let options = BackwardOptions {
            parameters: true,
            into: &into,
            ..BackwardOptions::default()
        };
        let found = self.record_backward(recorder, inputs, upstream, options)?;
        calls::copy_parameters(recorder, found.parameters.concat(), &given)
    }
}

impl ChainGradients {
    /// With respect to all inputs, and to the named parameters of each operation.
    fn new(dx: Vec<Tensor>, parameters: Vec<Vec<(&'static str, Tensor)>>) -> Result<Self> {
        let mut dx = dx.into_iter();
        let first = dx.next();
        let steps = parameters.into_iter().enumerate();
        let parameters = steps.flat_map(|(step, named)| {
            let gradients = named.into_iter();
            gradients.map(move |(name, value)| ParameterGradient { step, name, value })
        });
        Ok(Self {
            dx: first.ok_or_else(|| Error::Internal("a chain without a gradient".to_owned()))?,
            others: dx.collect(),
            parameters: parameters.collect(),
        })
    }

    /// With respect to each input.
    fn dx(&self) -> impl Iterator<Item = &Tensor> {
        [&self.dx].into_iter().chain(&self.others)
    }
}

impl<O: Operation> From<O> for Box<dyn Operation> {
    fn from(operation: O) -> Self {
        Box::new(operation)
    }
}

impl<O: Into<Box<dyn Operation>>> From<O> for Chain {
    fn from(operation: O) -> Self {
        Self::new(operation)
    }
}

impl FromStr for Chain {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text, &|source| {
            Err(Error::Syntax {
                text: text.to_owned(),
                reason: format!("`@{source}` names an array, which only Chain::parse can find"),
            })
        })
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

impl PartialEq for Chain {
    /// Whether both have the same text, which says all but what arrays hold.
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}
