//! Alpha dropout: dropout for networks of SELU, which keeps mean 0 and variance 1.

mod entry;
mod operation;
pub mod reference;
mod shader;

pub(crate) use entry::ALPHA_DROPOUT;
use shader::shaders;

use crate::kernel::{
    Window, expect_alike, expect_apart,
    tiles::{self, Tiles},
};
use crate::{
    error::{Error, Result},
    family::alpha_dropout::reference::{Mask, Transform},
    gpu::{
        Binding::{self, Read, Write},
        Kernel,
    },
    tensor::Tensor,
};
use shader::DropoutArguments;

/// Lanes of a vector.
const LANES: u64 = 4;

const NAME: &str = "alpha-dropout";

/// Alpha dropout of Klambauer et al., "Self-Normalizing Neural Networks" (2017), as it is in
/// training; in inference it is the identity, so leave it out there.
///
/// Each element is dropped with probability p. A kept x becomes a x + b, a dropped one
/// a alpha' + b, with alpha' = -1.7581 what SELU gives at -inf,
/// a = ((1 - p) (1 + p alpha'^2))^(-1/2) and b = -a alpha' p. With p = 0 every bit stays.
///
/// Which elements are dropped follows from the seed and the element's place in C order alone: it is
/// the same for every element type, adapter and pass, so that nothing is stored for the backward
/// pass. Give every layer and every step a seed of its own. What a dropped element held does not
/// count, NaN included; a kept NaN stays NaN.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{AlphaDropout, Gpu};
///
/// let gpu = Gpu::new()?;
/// let x = gpu.upload(&[0.5f32; 1000], [10, 100])?;
/// let dropout = AlphaDropout::new(0.05, 1)?;
/// let y = dropout.forward(&x)?;
/// let dx = dropout.backward(&y)?; // y as the upstream gradient
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlphaDropout {
    p: f32,
    seed: u64,
    /// Vectors of four elements before the first one.
    start: u64,
}

/// What a dispatch computes, by the tensors it touches.
#[derive(Clone, Copy)]
enum Pass<'a> {
    Forward {
        x: &'a Tensor,
        y: &'a Tensor,
    },
    ForwardInPlace {
        x: &'a Tensor,
    },
    Backward {
        upstream: &'a Tensor,
        dx: &'a Tensor,
    },
    BackwardInPlace {
        upstream: &'a Tensor,
    },
}

impl AlphaDropout {
    /// Drops each element with probability `p`.
    ///
    /// ```
    /// use wgpu_activations::{AlphaDropout, Error};
    ///
    /// assert_eq!(AlphaDropout::new(0.05, 1)?.p(), 0.05);
    /// assert!(matches!(AlphaDropout::new(1.0, 1), Err(Error::ParameterOutOfRange { .. })));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ParameterOutOfRange`] unless 0 <= p < 1.
    pub fn new(p: f32, seed: u64) -> Result<Self> {
        if !(0.0..1.0).contains(&p) {
            return Err(Error::ParameterOutOfRange {
                op: NAME.to_owned(),
                parameter: "p",
                value: p,
                rule: "at least 0 and less than 1",
            });
        }
        Ok(Self { p, seed, start: 0 })
    }

    /// The probability of an element to be dropped.
    pub const fn p(&self) -> f32 {
        self.p
    }

    /// The seed.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// For each element of a tensor of `len` elements, whether it is kept: what the passes do on the
    /// device, computed on the host.
    ///
    /// ```
    /// use wgpu_activations::AlphaDropout;
    ///
    /// let kept = AlphaDropout::new(0.25, 1)?.kept(10_000);
    /// let dropped = kept.iter().filter(|kept| !**kept).count();
    /// assert!((2_300..2_700).contains(&dropped));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn kept(&self, len: usize) -> Vec<bool> {
        self.mask().kept().take(len).collect()
    }

    /// y, a new tensor of x's shape and type.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{AlphaDropout, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[0.5f32; 1000], [10, 100])?;
    /// let dropout = AlphaDropout::new(0.05, 1)?;
    /// let y: Vec<f32> = dropout.forward(&x)?.download()?;
    /// // All that is dropped becomes one number.
    /// let dropped = dropout.kept(1000).iter().position(|kept| !kept);
    /// assert!(dropped.is_some_and(|place| y[place] < -1.0));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the device reports.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.gpu().allocate(x.shape(), x.element())?;
        self.forward_into(x, &y)?;
        Ok(y)
    }

    /// y into a tensor of x's shape and type.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{AlphaDropout, ElementType, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[0.5f32, -0.5], [2])?;
    /// let y = gpu.allocate([2], ElementType::F32)?;
    /// AlphaDropout::new(0.0, 1)?.forward_into(&x, &y)?;
    /// assert_eq!(y.download::<f32>()?, [0.5, -0.5]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::ElementMismatch`], [`Error::ForeignTensor`] or
    /// [`Error::Aliased`] if y does not serve, and what the device reports.
    pub fn forward_into(&self, x: &Tensor, y: &Tensor) -> Result<()> {
        self.submit(Pass::Forward { x, y })
    }

    /// y in the place of x.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{AlphaDropout, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[f32::NAN; 1000], [1000])?;
    /// let dropout = AlphaDropout::new(0.5, 1)?;
    /// dropout.forward_in_place(&x)?;
    /// let still_nan = x.download::<f32>()?.iter().map(|y| y.is_nan()).collect::<Vec<_>>();
    /// assert_eq!(still_nan, dropout.kept(1000)); // where x was NaN throughout
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the device reports.
    pub fn forward_in_place(&self, x: &Tensor) -> Result<()> {
        self.submit(Pass::ForwardInPlace { x })
    }

    /// dx, a new tensor of upstream's shape and type: a upstream where x was kept, 0 where it was
    /// dropped. `upstream` is the gradient of the loss with respect to y.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{AlphaDropout, Gpu};
    /// # let gpu = Gpu::new()?;
    /// let upstream = gpu.upload(&[1.0f32; 1000], [1000])?;
    /// let dropout = AlphaDropout::new(0.5, 1)?;
    /// let dx: Vec<f32> = dropout.backward(&upstream)?.download()?;
    /// assert!(dx.iter().map(|dx| *dx > 0.0).eq(dropout.kept(1000)));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the device reports.
    pub fn backward(&self, upstream: &Tensor) -> Result<Tensor> {
        let dx = upstream
            .gpu()
            .allocate(upstream.shape(), upstream.element())?;
        self.backward_into(upstream, &dx)?;
        Ok(dx)
    }

    /// dx into a tensor of upstream's shape and type.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{AlphaDropout, ElementType, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let upstream = gpu.upload(&[1.0f32, 0.5], [2])?;
    /// let dx = gpu.allocate([2], ElementType::F32)?;
    /// AlphaDropout::new(0.0, 1)?.backward_into(&upstream, &dx)?;
    /// assert_eq!(dx.download::<f32>()?, [1.0, 0.5]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::ElementMismatch`], [`Error::ForeignTensor`] or
    /// [`Error::Aliased`] if dx does not serve, and what the device reports.
    pub fn backward_into(&self, upstream: &Tensor, dx: &Tensor) -> Result<()> {
        self.submit(Pass::Backward { upstream, dx })
    }

    /// dx in the place of upstream.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{AlphaDropout, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let upstream = gpu.upload(&[1.0f32, 0.5], [2])?;
    /// AlphaDropout::new(0.0, 1)?.backward_in_place(&upstream)?;
    /// assert_eq!(upstream.download::<f32>()?, [1.0, 0.5]); // dx by now
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the device reports.
    pub fn backward_in_place(&self, upstream: &Tensor) -> Result<()> {
        self.submit(Pass::BackwardInPlace { upstream })
    }

    /// Records [`AlphaDropout::forward_into`] into the caller's encoder. Submits nothing and waits
    /// for nothing; the tensors' buffers are kept until the caller's commands are done with them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{AlphaDropout, Gpu};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[0.5f32; 1000], [1000])?;
    /// # let y = gpu.upload(&[0.0f32; 1000], [1000])?;
    /// # let upstream = gpu.upload(&[1.0f32; 1000], [1000])?;
    /// let dropout = AlphaDropout::new(0.05, 1)?;
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// dropout.encode_forward(&mut encoder, &x, &y)?;
    /// dropout.encode_backward_in_place(&mut encoder, &upstream)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// let dx: Vec<f32> = upstream.download()?;
    /// assert!(dx.iter().map(|dx| *dx > 0.0).eq(dropout.kept(1000)));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`AlphaDropout::forward_into`].
    pub fn encode_forward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::Forward { x, y })
    }

    /// Records [`AlphaDropout::forward_in_place`]: see [`AlphaDropout::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`AlphaDropout::forward_in_place`].
    pub fn encode_forward_in_place(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::ForwardInPlace { x })
    }

    /// Records [`AlphaDropout::backward_into`]: see [`AlphaDropout::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`AlphaDropout::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        upstream: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::Backward { upstream, dx })
    }

    /// Records [`AlphaDropout::backward_in_place`]: see [`AlphaDropout::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`AlphaDropout::backward_in_place`].
    pub fn encode_backward_in_place(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        upstream: &Tensor,
    ) -> Result<()> {
        self.encode_exposed(encoder, Pass::BackwardInPlace { upstream })
    }

    fn mask(&self) -> Mask {
        Mask::new(self.p, self.seed)
    }

    fn submit(&self, pass: Pass<'_>) -> Result<()> {
        let gpu = pass.output().gpu();
        gpu.submit(|encoder| self.encode(encoder, pass)).map(|_| ())
    }

    fn encode_exposed(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        let output = pass.output();
        output.gpu().guarded(|| self.encode(encoder, pass))?;
        output.expose();
        if let Some((_, input)) = pass.input() {
            input.expose();
        }
        Ok(())
    }

    /// Records the dispatches that `pass` takes: for each window that a binding holds, one for the
    /// whole tiles and one for what they leave over.
    fn encode(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        pass.expect_fit()?;
        let output = pass.output();
        if output.is_empty() {
            return Ok(());
        }
        tiles::record(
            encoder,
            (output, output.element()),
            |remainder| pass.kernel(remainder),
            |window| pass.bound(window),
            |tiles| self.arguments(tiles),
        )
    }

    fn arguments(&self, tiles: &Tiles) -> DropoutArguments {
        let Transform { a, b, dropped } = Transform::new(f64::from(self.p));
        let first = self.start + tiles.first / LANES;
        DropoutArguments {
            length: tiles.length as u32,
            tiles: tiles.whole,
            threshold: self.mask().threshold(),
            a: a as f32,
            b: b as f32,
            dropped: dropped as f32,
            seed_low: self.seed as u32,
            seed_high: (self.seed >> 32) as u32,
            start_low: first as u32,
            start_high: (first >> 32) as u32,
        }
    }
}

impl<'a> Pass<'a> {
    /// What is read, and the binding that the shader gives it.
    const fn input(self) -> Option<(u32, &'a Tensor)> {
        match self {
            Self::Forward { x, .. } => Some((0, x)),
            Self::Backward { upstream, .. } => Some((1, upstream)),
            Self::ForwardInPlace { .. } | Self::BackwardInPlace { .. } => None,
        }
    }

    const fn output(self) -> &'a Tensor {
        match self {
            Self::Forward { y: output, .. }
            | Self::ForwardInPlace { x: output }
            | Self::Backward { dx: output, .. }
            | Self::BackwardInPlace { upstream: output } => output,
        }
    }

    fn kernel(self, remainder: bool) -> Kernel {
        let bindings: &'static [Binding] = match self {
            Self::Forward { .. } => &[Read(0), Write(2)],
            Self::Backward { .. } => &[Read(1), Write(2)],
            Self::ForwardInPlace { .. } | Self::BackwardInPlace { .. } => &[Write(2)],
        };
        let entry_point = match self {
            Self::Forward { .. } => "forward",
            Self::ForwardInPlace { .. } => "forward_in_place",
            Self::Backward { .. } => "backward_pass",
            Self::BackwardInPlace { .. } => "backward_in_place",
        };
        let output = self.output();
        let of = (output.element(), remainder);
        tiles::kernel(output.gpu(), of, shader::shader, entry_point, bindings)
    }

    fn bound(self, window: Window) -> Vec<wgpu::BindGroupEntry<'a>> {
        self.input()
            .into_iter()
            .chain([(2, self.output())])
            .map(|(binding, tensor)| window.bind(binding, tensor))
            .collect()
    }

    fn expect_fit(self) -> Result<()> {
        match self {
            Self::Forward { x, y } => {
                expect_alike(NAME, ("y", y), ("x", x))?;
                expect_apart(NAME, ("x", x), ("y", y), "forward_in_place")
            }
            Self::Backward { upstream, dx } => {
                expect_alike(NAME, ("dx", dx), ("upstream", upstream))?;
                expect_apart(
                    NAME,
                    ("upstream", upstream),
                    ("dx", dx),
                    "backward_in_place",
                )
            }
            Self::ForwardInPlace { .. } | Self::BackwardInPlace { .. } => Ok(()),
        }
    }
}
