//! Randomised leaky ReLU: a slope below 0 that is drawn for each element.

mod cpu;
mod entry;
mod operation;
pub mod reference;
mod shader;

pub(super) use entry::OfRrelu;
use reference::Slopes;
use shader::RreluArguments;

use crate::{
    error::{Error, Result},
    family::{Operation, calls},
    gpu::Binding::{self, Read, Write},
    kernel::{
        launch::Pass,
        tiles::{self, Tiles},
    },
    tensor::Tensor,
};

/// Lanes of a vector.
const LANES: u64 = 4;

const NAME: &str = "rrelu";

/// Randomised leaky ReLU of Xu et al., "Empirical Evaluation of Rectified Activations in Convolution Network" (2015):
/// x where it is above 0, else a x. In training each element draws an a from `lower` to `upper`; in inference, which is
/// where no seed is given, a is their mean.
///
/// Which slope an element draws follows from the seed and the element's place in C order alone: it is the same for every
/// element type, adapter and pass, so that nothing is stored for the backward pass. Give every layer and every step a seed
/// of its own.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, Rrelu};
///
/// let gpu = Gpu::new()?;
/// let x = gpu.upload(&[-8.0f32, 8.0], [2])?;
/// let y = Rrelu::new(0.125, 0.375)?.forward(&x)?;
/// assert_eq!(y.download::<f32>()?, [-2.0, 8.0]);
/// let y: Vec<f32> = Rrelu::new(0.125, 0.375)?.seed(7).forward(&x)?.download()?;
/// assert!((-3.0..=-1.0).contains(&y[0]) && y[1] == 8.0);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rrelu {
    lower: f32,
    upper: f32,
    seed: Option<u64>,
    /// Vectors of four elements before the first one.
    start: u64,
}

impl Rrelu {
    /// With slopes from `lower` to `upper`, in inference.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterOutOfRange`] unless both are finite and `lower` is at most `upper`.
    pub fn new(lower: f32, upper: f32) -> Result<Self> {
        let bad = |parameter, value, rule| Error::ParameterOutOfRange {
            op: NAME.to_owned(),
            parameter,
            value,
            rule,
        };
        if !lower.is_finite() {
            return Err(bad("lower", lower, "a finite number"));
        }
        if !upper.is_finite() || upper < lower {
            return Err(bad("upper", upper, "a finite number, at least lower"));
        }
        Ok(Self {
            lower,
            upper,
            seed: None,
            start: 0,
        })
    }

    /// In training: slopes are drawn.
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Self {
            seed: Some(seed),
            ..self
        }
    }

    /// The lowest and the highest slope.
    pub const fn bounds(&self) -> [f32; 2] {
        [self.lower, self.upper]
    }

    fn slopes(&self) -> Slopes {
        Slopes {
            lower: f64::from(self.lower),
            upper: f64::from(self.upper),
            seed: self.seed,
        }
    }

    /// The lowest slope and what is above it, as kernels take them.
    fn range(&self) -> (f32, f32) {
        match self.seed {
            None => (self.slopes().of(0) as f32, 0.0),
            Some(_) => (self.lower, self.upper - self.lower),
        }
    }

    /// Records the dispatches that `pass` takes: for each window that a binding holds, one for the
    /// whole tiles and one for what they leave over.
    fn record(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        let output = pass.output();
        if output.is_empty() {
            return Ok(());
        }
        let bindings: &'static [Binding] = match pass {
            Pass::Forward { .. } => &[Read(0), Write(2)],
            Pass::Backward { .. } => &[Read(0), Read(1), Write(2)],
            Pass::ForwardInPlace { .. } => &[Write(2)],
            Pass::BackwardInPlace { .. } => &[Read(0), Write(2)],
        };
        tiles::record(
            encoder,
            (output, output.element()),
            |remainder| {
                let of = (output.element(), remainder);
                let gpu = output.gpu();
                tiles::kernel(gpu, of, shader::shader, pass.entry_point(), bindings)
            },
            |window| {
                let tensors = pass.tensors().into_iter().flatten();
                tensors
                    .map(|(binding, tensor)| window.bind(binding, tensor))
                    .collect()
            },
            |tiles| self.arguments(tiles),
        )
    }

    fn arguments(&self, tiles: &Tiles) -> RreluArguments {
        let first = self.start + tiles.first / LANES;
        let seed = self.seed.unwrap_or_default();
        let (lower, span) = self.range();
        RreluArguments {
            length: tiles.length as u32,
            tiles: tiles.whole,
            lower,
            span,
            seed_low: seed as u32,
            seed_high: (seed >> 32) as u32,
            start_low: first as u32,
            start_high: (first >> 32) as u32,
        }
    }
}

calls!(Rrelu, "Rrelu::new(0.25, 0.5)?.seed(1)", in place);
