//! Alpha dropout: dropout for networks of SELU, which keeps mean 0 and variance 1.

mod cpu;
mod entry;
mod operation;
pub mod reference;
mod shader;

pub(super) use entry::OfAlphaDropout;
use shader::{DropoutArguments, shaders};

use crate::{
    error::{Error, Result},
    family::{
        Operation,
        alpha_dropout::reference::{Mask, Transform},
        calls,
    },
    gpu::Binding::{self, Read, Write},
    kernel::{
        launch::Pass,
        tiles::{self, Tiles},
    },
    tensor::Tensor,
};

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
/// let dx = dropout.backward(&x, &y)?; // y as the upstream gradient
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlphaDropout {
    p: f32,
    seed: u64,
    /// Vectors of four elements before the first one.
    start: u64,
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

    fn mask(&self) -> Mask {
        Mask::new(self.p, self.seed)
    }

    /// Records the dispatches that `pass` takes: for each window that a binding holds, one for the
    /// whole tiles and one for what they leave over.
    fn record(&self, encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
        let output = pass.output();
        if output.is_empty() {
            return Ok(());
        }
        // x is not needed on the way back.
        let (input, bindings): (_, &'static [Binding]) = match pass {
            Pass::Forward { x, .. } => (Some((0, x)), &[Read(0), Write(2)]),
            Pass::Backward { upstream, .. } => (Some((1, upstream)), &[Read(1), Write(2)]),
            Pass::ForwardInPlace { .. } | Pass::BackwardInPlace { .. } => (None, &[Write(2)]),
        };
        tiles::record(
            encoder,
            (output, output.element()),
            |remainder| {
                let of = (output.element(), remainder);
                tiles::kernel(
                    output.gpu(),
                    of,
                    shader::shader,
                    pass.entry_point(),
                    bindings,
                )
            },
            |window| {
                let bound = input.into_iter().chain([(2, output)]);
                bound
                    .map(|(binding, tensor)| window.bind(binding, tensor))
                    .collect()
            },
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

calls!(AlphaDropout, "AlphaDropout::new(0.0, 1)?", in place);
