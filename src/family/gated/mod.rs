//! Gated units: y = f(gate) up, of two tensors or of one that holds both.

mod cpu;
mod entry;
mod launch;
mod operation;
pub mod reference;
mod shader;
#[allow(unused_imports, unused_variables, clippy::excessive_precision)]
mod twin;
mod unit;

pub use unit::Unit;
pub(super) use unit::{GATED, GEGLU, GEGLU_TANH, GLU, REGLU, SWIGLU, SWIGLU_CLAMPED};

use crate::{
    activation::Activation,
    error::{Error, Result},
    family::{Inputs, Operation, Saved, calls},
    kernel::recorder::{self, Recorder},
    tensor::{Tensor, View, axis_of},
    wgsl::Math,
};

/// A gated unit of Dauphin et al., "Language Modeling with Gated Convolutional Networks" (2016), and Shazeer, "GLU
/// Variants Improve Transformer" (2020): y = f(gate) up.
///
/// Gate and up are two tensors of one shape, or the two halves of one. Forward is one kernel, which reads both and
/// writes y; backward is one, which gives both gradients. A [`Chain`](crate::Chain) of it streams, works with an encoder
/// of the caller's and goes on with other operations.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Activation, Gated, Gpu};
///
/// let gpu = Gpu::new()?;
/// let gate = gpu.upload(&[0.0f32, 2.0, -1.0], [3])?;
/// let up = gpu.upload(&[5.0f32, 3.0, 1.0], [3])?;
/// let y = Gated::REGLU.forward([&gate, &up])?;
/// assert_eq!(y.download::<f32>()?, [0.0, 6.0, 0.0]);
/// let gradients = Gated::REGLU.backward([&gate, &up], &y)?; // y as the upstream gradient
/// assert_eq!(gradients.dx[0].download::<f32>()?, [0.0, 18.0, 0.0]);
/// assert_eq!(gradients.dx[1].download::<f32>()?, [0.0, 12.0, 0.0]);
///
/// // One tensor whose last axis holds the gate in its first half, and any activation.
/// let both = gpu.upload(&[1.0f32, -1.0, 4.0, 2.0], [1, 4])?;
/// let y = Gated::of(Activation::LEAKY_RELU.with(0.5)?).halves(-1).forward(&both)?;
/// assert_eq!(y.download::<f32>()?, [4.0, -1.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gated {
    unit: Unit,
    /// f with its parameter.
    f: Activation,
    /// Where gate and up are clamped, if the unit does that.
    limit: f32,
    form: Form,
    gate_last: bool,
    math: Math,
}

/// What [`Gated::backward`] gives.
#[derive(Debug)]
pub struct GatedGradients {
    /// With respect to gate and up, or to the one tensor that holds both.
    pub dx: Vec<Tensor>,
    /// With respect to f's parameters, f32, one number each.
    pub parameters: Vec<Tensor>,
}

/// Where gate and up lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In two tensors.
    Apart,
    /// In the halves of an axis.
    Halves(i64),
    /// In turn along an axis.
    Interleaved(i64),
}

/// One tensor as blocks of what lies first and of what lies second, in turn: [rows, 2, block].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Blocks {
    rows: usize,
    block: usize,
}

impl Gated {
    /// up sigmoid(gate), of Dauphin et al. (2016).
    pub const GLU: Self = Self::new(Unit::Glu);
    /// max(gate, 0) up.
    pub const REGLU: Self = Self::new(Unit::Reglu);
    /// gelu(gate) up.
    pub const GEGLU: Self = Self::new(Unit::Geglu);
    /// gelu-tanh(gate) up.
    pub const GEGLU_TANH: Self = Self::new(Unit::GegluTanh);
    /// gate sigmoid(beta gate) up, with beta = 1: [`Gated::parameter`] takes another.
    pub const SWIGLU: Self = Self::new(Unit::Swiglu);
    /// (clamp(up, +-limit) + 1) t sigmoid(alpha t), t = min(gate, limit), with limit = 7 and alpha = 1.702, as gpt-oss has
    /// it.
    pub const SWIGLU_CLAMPED: Self = Self::new(Unit::SwigluClamped);

    const fn new(unit: Unit) -> Self {
        Self {
            unit,
            f: unit.f(),
            limit: unit::LIMIT,
            form: Form::Apart,
            gate_last: unit.gate_last(),
            math: Math::Accurate,
        }
    }

    /// f(gate) up for any activation, one of your own included.
    pub const fn of(f: Activation) -> Self {
        Self {
            f,
            ..Self::new(Unit::Any)
        }
    }

    /// With another parameter of f: SwiGLU's beta, alpha of the clamped one.
    ///
    /// # Errors
    ///
    /// As [`Activation::with`].
    pub fn parameter(self, value: f32) -> Result<Self> {
        Ok(Self {
            f: self.f.with(value)?,
            ..self
        })
    }

    /// With another limit of [`Gated::SWIGLU_CLAMPED`].
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if the unit has none, [`Error::ParameterOutOfRange`] unless it is finite and above 0.
    pub fn limit(self, limit: f32) -> Result<Self> {
        if self.unit != Unit::SwigluClamped {
            return Err(Error::UnknownParameter {
                op: self.unit.name().to_owned(),
                name: "limit".to_owned(),
                known: Vec::new(),
            });
        }
        if !(limit.is_normal() && limit > 0.0) {
            return Err(Error::ParameterOutOfRange {
                op: self.unit.name().to_owned(),
                parameter: "limit",
                value: limit,
                rule: unit::LIMIT_RULE,
            });
        }
        Ok(Self { limit, ..self })
    }

    /// Of one tensor that holds gate and up in the halves of `axis`, which counts from the end where negative.
    #[must_use]
    pub const fn halves(self, axis: i64) -> Self {
        Self {
            form: Form::Halves(axis),
            ..self
        }
    }

    /// Of one tensor that holds gate and up in turn along `axis`, which counts from the end where negative.
    #[must_use]
    pub const fn interleaved(self, axis: i64) -> Self {
        Self {
            form: Form::Interleaved(axis),
            ..self
        }
    }

    /// Whether the gate is the last half of one tensor, or at its odd places. GLU has it last, the others first.
    #[must_use]
    pub const fn gate_last(self, last: bool) -> Self {
        Self {
            gate_last: last,
            ..self
        }
    }

    /// With elementary functions from `math`.
    #[must_use]
    pub const fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// y, a new tensor: of `[&gate, &up]`, or of the one tensor that holds both.
    ///
    /// # Errors
    ///
    /// [`Error::InputCount`] for another number of tensors, [`Error::ShapeMismatch`], [`Error::ElementMismatch`] or
    /// [`Error::ForeignTensor`] where gate and up are not alike, [`Error::OddAxis`] or [`Error::AxisOutOfRange`] where
    /// one tensor has no halves, and what the device reports.
    pub fn forward<'t>(&self, inputs: impl Into<Inputs<'t>>) -> Result<Tensor> {
        let x = inputs.into().expect(self)?;
        let shape = self.output_shape(x[0].shape())?;
        let y = x[0].gpu().allocate(shape, x[0].element())?;
        self.forward_into(&x[..], &y)?;
        Ok(y)
    }

    /// y into a tensor of its shape and the inputs' type, which may be the gate where that is a tensor of its own.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Gated, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let (gate, up) = (gpu.upload(&[2.0f32, -1.0], [2])?, gpu.upload(&[3.0f32, 1.0], [2])?);
    /// let y = Gated::REGLU.forward([&gate, &up])?;
    /// let gradients = Gated::REGLU.backward([&gate, &up], &y)?; // y as the upstream gradient
    /// // Another batch, into the same memory.
    /// gate.write(&[4.0f32, 5.0])?;
    /// Gated::REGLU.forward_into([&gate, &up], &y)?;
    /// Gated::REGLU.backward_into([&gate, &up], &y, &gradients)?;
    /// assert_eq!(y.download::<f32>()?, [12.0, 5.0]);
    /// assert_eq!(gradients.dx[0].download::<f32>()?, [36.0, 5.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Gated::forward`], and where y does not serve.
    pub fn forward_into<'t>(&self, inputs: impl Into<Inputs<'t>>, y: &Tensor) -> Result<()> {
        let x = inputs.into().expect(self)?;
        recorder::submit(x[0].gpu(), |recorder| self.record_forward(recorder, &x, y))?;
        Ok(())
    }

    /// y in the place of the gate, which is a tensor of its own.
    ///
    /// # Errors
    ///
    /// As [`Gated::forward`].
    pub fn forward_in_place(&self, gate: &Tensor, up: &Tensor) -> Result<()> {
        self.forward_into([gate, up], gate)
    }

    /// The gradients with respect to gate and up, or to the one tensor that holds both, from the gradient `upstream` of
    /// the loss with respect to y; and those of f's parameters.
    ///
    /// # Errors
    ///
    /// As [`Gated::forward`], and where upstream is not like y.
    pub fn backward<'t>(
        &self,
        inputs: impl Into<Inputs<'t>>,
        upstream: &Tensor,
    ) -> Result<GatedGradients> {
        let x = inputs.into().expect(self)?;
        let dx = like(&x)?;
        let into: Vec<_> = dx.iter().collect();
        let parameters = recorder::submit(x[0].gpu(), |recorder| {
            self.record_backward(recorder, &x, &Saved::NOTHING, upstream, &into, true)
        })?;
        Ok(GatedGradients { dx, parameters })
    }

    /// The gradients into tensors of the shapes and types that [`Gated::backward`] gives them; that of the gate, where
    /// it is a tensor of its own, may take the place of `upstream`.
    ///
    /// # Errors
    ///
    /// As [`Gated::backward`], and where a tensor does not serve.
    pub fn backward_into<'t>(
        &self,
        inputs: impl Into<Inputs<'t>>,
        upstream: &Tensor,
        gradients: &GatedGradients,
    ) -> Result<()> {
        let x = inputs.into().expect(self)?;
        recorder::submit(x[0].gpu(), |recorder| {
            self.record_into(recorder, &x, upstream, gradients)
        })
    }

    /// Records [`Gated::forward_into`] into the caller's encoder. Submits nothing and waits for nothing; the tensors'
    /// buffers are kept until the caller's commands are done with them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{ElementType, Gated, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let (gate, up) = (gpu.upload(&[2.0f32, -1.0], [2])?, gpu.upload(&[3.0f32, 1.0], [2])?);
    /// let y = gpu.allocate([2], ElementType::F32)?;
    /// let gradients = Gated::REGLU.allocate_gradients([&gate, &up])?;
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// Gated::REGLU.encode_forward(&mut encoder, [&gate, &up], &y)?;
    /// Gated::REGLU.encode_backward(&mut encoder, [&gate, &up], &y, &gradients)?;
    /// Gated::REGLU.encode_forward_in_place(&mut encoder, &gate, &up)?; // last: backward needs the gate
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(y.download::<f32>()?, [6.0, 0.0]);
    /// assert_eq!(gate.download::<f32>()?, [6.0, 0.0]);
    /// assert_eq!(gradients.dx[1].download::<f32>()?, [12.0, 0.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Gated::forward_into`].
    pub fn encode_forward<'t>(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        inputs: impl Into<Inputs<'t>>,
        y: &Tensor,
    ) -> Result<()> {
        let x = inputs.into().expect(self)?;
        let tensors = x.iter().copied().chain([y]);
        calls::encode_over(encoder, tensors, |recorder| {
            self.record_forward(recorder, &x, y)
        })?;
        Ok(())
    }

    /// Records [`Gated::forward_in_place`]: see [`Gated::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Gated::forward_in_place`].
    pub fn encode_forward_in_place(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        gate: &Tensor,
        up: &Tensor,
    ) -> Result<()> {
        self.encode_forward(encoder, [gate, up], gate)
    }

    /// Records [`Gated::backward_into`]: see [`Gated::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Gated::backward_into`].
    pub fn encode_backward<'t>(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        inputs: impl Into<Inputs<'t>>,
        upstream: &Tensor,
        gradients: &GatedGradients,
    ) -> Result<()> {
        let x = inputs.into().expect(self)?;
        let GatedGradients { dx, parameters } = gradients;
        let others = [upstream].into_iter().chain(dx).chain(parameters);
        calls::encode_over(encoder, x.iter().copied().chain(others), |recorder| {
            self.record_into(recorder, &x, upstream, gradients)
        })
    }

    /// Tensors for the gradients of a pass over these inputs, their contents unspecified.
    ///
    /// # Errors
    ///
    /// As [`Gated::forward`].
    pub fn allocate_gradients<'t>(&self, inputs: impl Into<Inputs<'t>>) -> Result<GatedGradients> {
        let x = inputs.into().expect(self)?;
        let parameters = self.gradients(x[0].shape());
        Ok(GatedGradients {
            dx: like(&x)?,
            parameters: calls::allocate_parameters(x[0].gpu(), parameters)?,
        })
    }

    fn record_into(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        upstream: &Tensor,
        GatedGradients { dx, parameters }: &GatedGradients,
    ) -> Result<()> {
        calls::record_gradients(self, recorder, x, upstream, dx, parameters)
    }

    /// f with its parameter.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Gated, Math};
    ///
    /// let unit = Gated::GLU.interleaved(-1);
    /// assert_eq!(unit.f(), Activation::SIGMOID);
    /// assert_eq!((unit.axis(), unit.is_interleaved(), unit.get_gate_last()), (Some(-1), true, true));
    /// assert_eq!(Gated::SWIGLU_CLAMPED.limit(5.0)?.get_limit(), Some(5.0));
    /// assert_eq!((Gated::GLU.axis(), Gated::GLU.get_math()), (None, Math::Accurate));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub const fn f(&self) -> Activation {
        self.f
    }

    /// What [`Gated::limit`] sets, if the unit clamps.
    pub const fn get_limit(&self) -> Option<f32> {
        if self.unit.clamps() {
            Some(self.limit)
        } else {
            None
        }
    }

    /// Whether the one tensor holds gate and up in turn: [`Gated::interleaved`].
    pub const fn is_interleaved(&self) -> bool {
        matches!(self.form, Form::Interleaved(_))
    }

    /// What [`Gated::gate_last`] sets.
    pub const fn get_gate_last(&self) -> bool {
        self.gate_last
    }

    /// What [`Gated::math`] sets.
    pub const fn get_math(&self) -> Math {
        self.math
    }

    /// The axis that [`Gated::halves`] or [`Gated::interleaved`] sets; none where gate and up are two tensors.
    pub const fn axis(&self) -> Option<i64> {
        match self.form {
            Form::Apart => None,
            Form::Halves(axis) | Form::Interleaved(axis) => Some(axis),
        }
    }

    /// One tensor of this shape as blocks, where it is one.
    fn blocks(&self, shape: &[usize]) -> Result<Option<(usize, Blocks)>> {
        let Some(axis) = self.axis() else {
            return Ok(None);
        };
        let axis = axis_of(shape, axis)?;
        let View {
            outer,
            extent,
            inner,
        } = View::along(shape, axis);
        if !extent.is_multiple_of(2) {
            return Err(Error::OddAxis {
                op: self.unit.name().to_owned(),
                axis,
                shape: shape.to_vec(),
            });
        }
        let half = extent / 2;
        let blocks = match self.form {
            Form::Interleaved(_) => Blocks {
                rows: outer.saturating_mul(half),
                block: inner,
            },
            _ => Blocks {
                rows: outer,
                block: half.saturating_mul(inner),
            },
        };
        Ok(Some((axis, blocks)))
    }
}

/// New tensors of the shapes and types of these.
fn like(x: &[&Tensor]) -> Result<Vec<Tensor>> {
    let like = |x: &&Tensor| x.gpu().allocate(x.shape(), x.element());
    x.iter().map(like).collect()
}
