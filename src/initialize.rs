//! Random first weights of a layer.

use std::f64::consts::TAU;

use crate::{
    element::{Element, ElementType},
    error::{Error, Result},
    gpu::Gpu,
    random::{Random, Stream},
    tensor::Tensor,
    with_element,
};

/// Other streams of the same seed are drawn for other things.
const STREAM: Stream = Stream(2);

/// How the first weights of a layer are drawn, by the number of its inputs (`fan_in`) and outputs
/// (`fan_out`), so that what passes through it keeps its variance.
///
/// A weight follows from the seed and its place in C order alone. It is computed on the host in
/// f64 and rounded once to the element type: the same on every machine and adapter, and a seed
/// never changes its meaning. The same seed gives every layer the same numbers, up to their
/// scale: give each layer a seed of its own.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{ElementType, Gpu, Initializer};
///
/// let gpu = Gpu::new()?;
/// // For layers of SELU.
/// let weights = Initializer::LecunNormal { fan_in: 128 };
/// let tensor = weights.tensor(&gpu, [128, 64], ElementType::F16, 1)?;
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Initializer {
    /// Normal, truncated at 2 sigma, sigma = sqrt(1 / fan_in) / 0.87962566103423978, so that the
    /// variance that is left is 1 / fan_in: what SELU asks for. LeCun, Bottou, Orr and Müller,
    /// "Efficient BackProp" (1998), truncated as in TensorFlow and JAX.
    LecunNormal {
        /// Inputs of the layer.
        fan_in: usize,
    },
    /// Normal of variance 2 / fan_in, not truncated, as PyTorch's `kaiming_normal_`: for ReLU, which
    /// halves what passes. He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015).
    HeNormal {
        /// Inputs of the layer.
        fan_in: usize,
    },
    /// Uniform between +-sqrt(6 / (fan_in + fan_out)). Glorot and Bengio, "Understanding the
    /// difficulty of training deep feedforward neural networks" (2010).
    XavierUniform {
        /// Inputs of the layer.
        fan_in: usize,
        /// Outputs of the layer.
        fan_out: usize,
    },
    /// Normal of variance 2 / (fan_in + fan_out), not truncated, as in PyTorch; Glorot and Bengio.
    XavierNormal {
        /// Inputs of the layer.
        fan_in: usize,
        /// Outputs of the layer.
        fan_out: usize,
    },
}

/// Standard deviation of the standard normal distribution truncated at +-2.
const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// Standard deviations at which it is truncated.
const TRUNCATED_AT: f64 = 2.0;

impl Initializer {
    /// The name: `lecun-normal`, `he-normal`, `xavier-uniform`, `xavier-normal`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::LecunNormal { .. } => "lecun-normal",
            Self::HeNormal { .. } => "he-normal",
            Self::XavierUniform { .. } => "xavier-uniform",
            Self::XavierNormal { .. } => "xavier-normal",
        }
    }

    /// `len` weights.
    ///
    /// ```
    /// use wgpu_activations::Initializer;
    ///
    /// let weights: Vec<f32> = Initializer::HeNormal { fan_in: 128 }.values(128 * 64, 7)?;
    /// let variance = weights.iter().map(|w| w * w).sum::<f32>() / weights.len() as f32;
    /// assert!((variance - 2.0 / 128.0).abs() < 1e-3);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ParameterOutOfRange`] if a fan is 0.
    pub fn values<T: Element>(&self, len: usize, seed: u64) -> Result<Vec<T>> {
        let distribution = self.distribution()?;
        let random = Random::new(seed, STREAM);
        Ok((0..len as u64)
            .map(|index| T::from_f64(distribution.draw(&random, index)))
            .collect())
    }

    /// A tensor of weights: those of [`Initializer::values`].
    ///
    /// # Errors
    ///
    /// As [`Initializer::values`] and [`Gpu::allocate`].
    pub fn tensor(
        &self,
        gpu: &Gpu,
        shape: impl Into<Vec<usize>>,
        element: ElementType,
        seed: u64,
    ) -> Result<Tensor> {
        self.distribution()?;
        let tensor = gpu.allocate(shape, element)?;
        with_element!(element, T => tensor.write(&self.values::<T>(tensor.len(), seed)?))?;
        Ok(tensor)
    }

    fn distribution(&self) -> Result<Distribution> {
        let fan = |parameter: &'static str, fan: usize| {
            if fan == 0 {
                return Err(Error::ParameterOutOfRange {
                    op: self.name().to_owned(),
                    parameter,
                    value: 0.0,
                    rule: "at least 1",
                });
            }
            Ok(fan as f64)
        };
        let both = |fan_in, fan_out| Ok(fan("fan_in", fan_in)? + fan("fan_out", fan_out)?);
        Ok(match *self {
            Self::LecunNormal { fan_in } => {
                let deviation = fan("fan_in", fan_in)?.recip().sqrt();
                Distribution::TruncatedNormal(deviation / TRUNCATED_DEVIATION)
            }
            Self::HeNormal { fan_in } => {
                Distribution::Normal((2.0 / fan("fan_in", fan_in)?).sqrt())
            }
            Self::XavierUniform { fan_in, fan_out } => {
                Distribution::Uniform((6.0 / both(fan_in, fan_out)?).sqrt())
            }
            Self::XavierNormal { fan_in, fan_out } => {
                Distribution::Normal((2.0 / both(fan_in, fan_out)?).sqrt())
            }
        })
    }
}

/// What a weight is drawn from.
#[derive(Clone, Copy)]
enum Distribution {
    /// Between minus and plus this.
    Uniform(f64),
    /// Of mean 0 and this standard deviation.
    Normal(f64),
    /// The same, drawn again until it is within 2 standard deviations.
    TruncatedNormal(f64),
}

impl Distribution {
    fn draw(self, random: &Random, index: u64) -> f64 {
        match self {
            Self::Uniform(limit) => {
                let [uniform, _] = uniforms(random.block(index, 0));
                limit * (2.0 * uniform - 1.0)
            }
            Self::Normal(deviation) => deviation * normal(random.block(index, 0)),
            Self::TruncatedNormal(deviation) => {
                let mut draw = 0;
                loop {
                    let normal = normal(random.block(index, draw));
                    if normal.abs() <= TRUNCATED_AT {
                        return deviation * normal;
                    }
                    draw += 1;
                }
            }
        }
    }
}

/// A standard normal number, by Box and Muller. With libm's functions, since those of the standard
/// library differ from system to system.
fn normal(block: [u32; 4]) -> f64 {
    let [radius, angle] = uniforms(block);
    (-2.0 * libm::log(radius)).sqrt() * libm::cos(TAU * angle)
}

/// Two numbers between 0 and 1, neither of which they reach: the middles of 2^52 intervals, each as
/// long as f64's epsilon, which f64 holds exactly.
fn uniforms([a, b, c, d]: [u32; 4]) -> [f64; 2] {
    [(a, b), (c, d)].map(|(low, high)| {
        let interval = (u64::from(high) << 32 | u64::from(low)) >> 12;
        (interval as f64 + 0.5) * f64::EPSILON
    })
}
