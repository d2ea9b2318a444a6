//! The pointwise family: y = f(x) and dx = f'(x) upstream, element by element.

use super::{
    Window, columns::Columns, dispatch, expect_alike, expect_apart, fold_over, fold_within,
    largest_window,
};
use crate::{
    activation::Activation,
    element::ElementType,
    error::{Error, Result},
    gpu::{
        Binding::{self, Read, Write},
        Kernel, PipelineKey,
    },
    tensor::{Tensor, View},
    wgsl::{Math, ParameterSource},
};

/// Lanes of a vector.
const LANES: u64 = 4;

/// An activation ready to be applied to tensors.
///
/// ```no_run
/// use wgpu_activations::{Activation, Gpu, Math, Pointwise};
///
/// let gpu = Gpu::new()?;
/// let x = gpu.upload(&[-2.0f32, -1.0, 1.0, 2.0], [2, 2])?;
/// // PReLU: a learned slope per channel, here along the last axis.
/// let slopes = gpu.upload(&[0.25f32, 0.5], [2])?;
/// let prelu = Pointwise::new(Activation::PRELU).per_channel(&slopes, -1)?;
/// assert_eq!(prelu.forward(&x)?.download::<f32>()?, [-0.5, -0.5, 1.0, 2.0]);
/// // Builtin math in place of the crate's own.
/// let y = Pointwise::new(Activation::GELU).math(Math::Native).forward(&x)?;
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Pointwise<'a> {
    pub(super) activation: Activation,
    pub(super) channels: Option<(&'a Tensor, i64)>,
    pub(super) math: Math,
}

/// What a dispatch computes, by the tensors it touches.
#[derive(Clone, Copy)]
pub(super) enum Pass<'a> {
    Forward {
        x: &'a Tensor,
        y: &'a Tensor,
    },
    ForwardInPlace {
        x: &'a Tensor,
    },
    Backward {
        x: &'a Tensor,
        upstream: &'a Tensor,
        dx: &'a Tensor,
    },
    BackwardInPlace {
        x: &'a Tensor,
        upstream: &'a Tensor,
    },
}

impl<'a> Pointwise<'a> {
    /// The activation with its own parameter for the whole tensor.
    pub const fn new(activation: Activation) -> Self {
        Self {
            activation,
            channels: None,
            math: Math::Accurate,
        }
    }

    /// With one parameter per channel along `axis`, which counts from the end where negative.
    /// `parameters` is an f32 tensor of as many values as that axis is long.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if the activation has none, [`Error::ElementMismatch`] if
    /// `parameters` is not f32.
    pub fn per_channel<'b>(self, parameters: &'b Tensor, axis: i64) -> Result<Pointwise<'b>> {
        self.parameter_name()?;
        if parameters.element() != ElementType::F32 {
            return Err(Error::ElementMismatch {
                op: self.activation.name().to_owned(),
                left: "the parameter tensor",
                left_type: parameters.element().name(),
                right: "the kernel",
                right_type: ElementType::F32.name(),
            });
        }
        Ok(Pointwise {
            channels: Some((parameters, axis)),
            ..self
        })
    }

    /// With elementary functions from `math`.
    #[must_use]
    pub const fn math(self, math: Math) -> Self {
        Self { math, ..self }
    }

    /// The activation.
    pub const fn activation(&self) -> Activation {
        self.activation
    }

    /// y = f(x), a new tensor of x's shape and type.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`] and [`Error::ChannelMismatch`] where x does not fit the
    /// parameters, [`Error::TooLarge`] for more parameters than the device binds, and what the
    /// device reports.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        self.forward_into(x, &y)?;
        Ok(y)
    }

    /// y = f(x) into a tensor of x's shape and type.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::ElementMismatch`] or [`Error::Aliased`] if y does not
    /// serve, and as [`Pointwise::forward`].
    pub fn forward_into(&self, x: &Tensor, y: &Tensor) -> Result<()> {
        self.submit(Pass::Forward { x, y })
    }

    /// x = f(x).
    ///
    /// # Errors
    ///
    /// As [`Pointwise::forward`].
    pub fn forward_in_place(&self, x: &Tensor) -> Result<()> {
        self.submit(Pass::ForwardInPlace { x })
    }

    /// dx = f'(x) upstream, a new tensor of x's shape and type. `upstream` is the gradient of the
    /// loss with respect to y.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] or [`Error::ElementMismatch`] if upstream is not like x, and as
    /// [`Pointwise::forward`].
    pub fn backward(&self, x: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        let dx = x.gpu().allocate(x.shape(), x.element())?;
        self.backward_into(x, upstream, &dx)?;
        Ok(dx)
    }

    /// dx = f'(x) upstream into a tensor of x's shape and type.
    ///
    /// # Errors
    ///
    /// As [`Pointwise::backward`] and [`Pointwise::forward_into`].
    pub fn backward_into(&self, x: &Tensor, upstream: &Tensor, dx: &Tensor) -> Result<()> {
        self.submit(Pass::Backward { x, upstream, dx })
    }

    /// upstream = f'(x) upstream.
    ///
    /// # Errors
    ///
    /// As [`Pointwise::backward`], and [`Error::Aliased`] if both are one buffer.
    pub fn backward_in_place(&self, x: &Tensor, upstream: &Tensor) -> Result<()> {
        self.submit(Pass::BackwardInPlace { x, upstream })
    }

    /// Records y = f(x) into the caller's encoder. Submits nothing and waits for nothing; the
    /// tensors' buffers are kept until the caller's commands are done with them.
    ///
    /// # Errors
    ///
    /// As [`Pointwise::forward_into`].
    pub fn encode_forward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::Forward { x, y })
    }

    /// Records x = f(x): see [`Pointwise::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Pointwise::forward_in_place`].
    pub fn encode_forward_in_place(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::ForwardInPlace { x })
    }

    /// Records dx = f'(x) upstream: see [`Pointwise::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Pointwise::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::Backward { x, upstream, dx })
    }

    /// Records upstream = f'(x) upstream: see [`Pointwise::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`Pointwise::backward_in_place`].
    pub fn encode_backward_in_place(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        upstream: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::BackwardInPlace { x, upstream })
    }

    fn submit(&self, pass: Pass<'_>) -> Result<()> {
        let gpu = pass.x().gpu();
        gpu.submit(|encoder| self.encode(encoder, pass)).map(|_| ())
    }

    fn encode_exposed(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        pass.x().gpu().guarded(|| self.encode(encoder, pass))?;
        pass.tensors()
            .iter()
            .flatten()
            .for_each(|(_, tensor)| tensor.expose());
        if let Some((parameters, _)) = self.channels {
            parameters.expose();
        }
        Ok(())
    }

    fn encode(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        let op = self.activation.name();
        pass.expect_fit(op)?;
        let x = pass.x();
        let channels = self.channels_of(x)?;
        if x.is_empty() {
            return Ok(());
        }
        let source = match (self.activation.parameter(), channels) {
            (None, _) => ParameterSource::None,
            (Some(_), None) => ParameterSource::Scalar,
            (Some(_), Some(_)) => ParameterSource::Channel,
        };
        let launch = Launch {
            key: PipelineKey {
                kernel: Kernel::Pointwise(source),
                entry_point: pass.entry_point(),
                bindings: pass.bindings(source),
                activation: Some(op),
                element: x.element(),
                math: self.math,
                constants: Vec::new(),
            },
            parameter: self.activation.parameter().unwrap_or(0.0),
            parameters: self.channels.map(|(parameters, _)| parameters),
            view: channels.unwrap_or(View::ONE_CHANNEL),
        };
        launch.encode(encoder, pass)
    }

    /// How the parameters lie in x, if there is one per channel.
    pub(super) fn channels_of(&self, x: &Tensor) -> Result<Option<View>> {
        let Some((parameters, axis)) = self.channels else {
            return Ok(None);
        };
        if !parameters.gpu().same_device(x.gpu()) {
            return Err(Error::ForeignTensor {
                op: self.activation.name().to_owned(),
            });
        }
        let view = x.view(axis)?;
        let (axis, channels) = (x.axis(axis)?, view.extent);
        if parameters.len() != channels {
            return Err(Error::ChannelMismatch {
                op: self.activation.name(),
                parameter: self.parameter_name()?,
                found: parameters.len(),
                channels,
                axis,
                shape: x.shape().to_vec(),
            });
        }
        let limit = x.gpu().limits().max_storage_buffer_binding_size;
        if parameters.bytes().next_multiple_of(16) > limit {
            return Err(Error::TooLarge {
                what: format!("{}: one parameter per channel", self.activation.name()),
                bytes: parameters.bytes(),
                limit,
                advice: "split the tensor along its channels",
            });
        }
        Ok(Some(view))
    }

    pub(super) fn parameter_name(&self) -> Result<&'static str> {
        let parameter = self.activation.definition().parameter.as_ref();
        parameter
            .map(|parameter| parameter.name)
            .ok_or_else(|| Error::UnknownParameter {
                op: self.activation.name(),
                name: "one per channel".to_owned(),
                known: Vec::new(),
            })
    }
}

/// The pointwise kernel with something to compute.
pub(super) struct Launch<'a> {
    pub(super) key: PipelineKey,
    /// The activation's parameter where it serves the whole tensor.
    pub(super) parameter: f32,
    /// One per channel.
    pub(super) parameters: Option<&'a Tensor>,
    pub(super) view: View,
}

impl Launch<'_> {
    /// Records the dispatches that `pass` takes: for each window that a binding holds, one for the
    /// whole tiles and one for what they leave over.
    pub(super) fn encode(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        if let Some(columns) = Columns::of(self, pass.x()) {
            return columns.encode(encoder, self, pass);
        }
        let x = pass.x();
        let gpu = x.gpu();
        let size = self.key.element.size();
        let mut compute = encoder.begin_compute_pass(&Default::default());
        let step = largest_window(gpu);
        for start in (0..x.bytes()).step_by(step as usize) {
            let window = Window {
                start,
                bytes: step.min(x.bytes() - start),
            };
            let bindings = self.bindings(pass, window);
            let length = window.bytes.div_ceil(size);
            for remainder in [false, true] {
                let mut key = self.key.clone();
                if remainder {
                    key.constants.push(("REMAINDER", 1));
                }
                let pipeline = gpu.pipeline(&key)?;
                let tile = 2 * LANES * u64::from(pipeline.workgroup);
                let (columns, rows) = fold_within(length / tile);
                let tiles = columns * rows;
                let groups = if remainder {
                    fold_over((length - u64::from(tiles) * tile).div_ceil(tile))
                } else {
                    (columns, rows)
                };
                if groups.0 > 0 {
                    let arguments = self.arguments(length, (start / size) as usize, tiles);
                    dispatch(gpu, &mut compute, &pipeline, &bindings, arguments, groups);
                }
            }
        }
        Ok(())
    }

    pub(super) fn bindings<'b>(
        &'b self,
        pass: Pass<'b>,
        window: Window,
    ) -> Vec<wgpu::BindGroupEntry<'b>> {
        let tensors = pass.tensors().into_iter().flatten();
        let mut bindings: Vec<_> = tensors
            .map(|(binding, tensor)| wgpu::BindGroupEntry {
                binding,
                resource: window.binding(tensor),
            })
            .collect();
        if let Some(parameters) = self.parameters {
            bindings.push(wgpu::BindGroupEntry {
                binding: 3,
                resource: Window::whole(parameters).binding(parameters),
            });
        }
        bindings
    }

    /// The shader's `Arguments` for a window of `length` elements from element `first` on.
    fn arguments(&self, length: u64, first: usize, tiles: u32) -> [u32; 8] {
        let View {
            extent: channels,
            inner,
            ..
        } = self.view;
        [
            length as u32,
            self.parameter.to_bits(),
            channels as u32,
            inner as u32,
            (first / inner % channels) as u32,
            (first % inner) as u32,
            tiles,
            0,
        ]
    }
}

impl<'a> Pass<'a> {
    pub(super) const fn x(self) -> &'a Tensor {
        match self {
            Self::Forward { x, .. }
            | Self::ForwardInPlace { x }
            | Self::Backward { x, .. }
            | Self::BackwardInPlace { x, .. } => x,
        }
    }

    pub(super) const fn entry_point(self) -> &'static str {
        match self {
            Self::Forward { .. } => "forward",
            Self::ForwardInPlace { .. } => "forward_in_place",
            Self::Backward { .. } => "backward_pass",
            Self::BackwardInPlace { .. } => "backward_in_place",
        }
    }

    /// The tensors under the bindings that the entry point gives them.
    const fn tensors(self) -> [Option<(u32, &'a Tensor)>; 3] {
        match self {
            Self::Forward { x, y } => [Some((0, x)), Some((2, y)), None],
            Self::ForwardInPlace { x } => [Some((2, x)), None, None],
            Self::Backward { x, upstream, dx } => {
                [Some((0, x)), Some((1, upstream)), Some((2, dx))]
            }
            Self::BackwardInPlace { x, upstream } => [Some((0, x)), Some((2, upstream)), None],
        }
    }

    pub(super) const fn bindings(self, source: ParameterSource) -> &'static [Binding] {
        let channel = matches!(source, ParameterSource::Channel);
        match (self, channel) {
            (Self::Forward { .. } | Self::BackwardInPlace { .. }, false) => &[Read(0), Write(2)],
            (Self::Forward { .. } | Self::BackwardInPlace { .. }, true) => {
                &[Read(0), Write(2), Read(3)]
            }
            (Self::ForwardInPlace { .. }, false) => &[Write(2)],
            (Self::ForwardInPlace { .. }, true) => &[Write(2), Read(3)],
            (Self::Backward { .. }, false) => &[Read(0), Read(1), Write(2)],
            (Self::Backward { .. }, true) => &[Read(0), Read(1), Write(2), Read(3)],
        }
    }

    fn expect_fit(self, op: &str) -> Result<()> {
        match self {
            Self::Forward { x, y } => {
                expect_alike(op, ("y", y), ("x", x))?;
                expect_apart(op, ("x", x), ("y", y), "forward_in_place")
            }
            Self::ForwardInPlace { .. } => Ok(()),
            Self::Backward { x, upstream, dx } => {
                expect_alike(op, ("upstream", upstream), ("x", x))?;
                expect_alike(op, ("dx", dx), ("x", x))?;
                expect_apart(op, ("x", x), ("dx", dx), "a tensor of its own for dx")?;
                expect_apart(op, ("upstream", upstream), ("dx", dx), "backward_in_place")
            }
            Self::BackwardInPlace { x, upstream } => {
                expect_alike(op, ("upstream", upstream), ("x", x))?;
                expect_apart(
                    op,
                    ("x", x),
                    ("upstream", upstream),
                    "backward with a tensor of its own for dx",
                )
            }
        }
    }
}

impl Activation {
    /// y = f(x): see [`Pointwise::forward`].
    ///
    /// # Errors
    ///
    /// What the device reports.
    pub fn forward(self, x: &Tensor) -> Result<Tensor> {
        Pointwise::new(self).forward(x)
    }

    /// dx = f'(x) upstream: see [`Pointwise::backward`].
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] or [`Error::ElementMismatch`] if upstream is not like x.
    pub fn backward(self, x: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        Pointwise::new(self).backward(x, upstream)
    }
}
