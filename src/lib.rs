//! Activation functions, forward and backward, as verified WGSL compute shaders on any GPU.
//!
//! ```no_run
//! use wgpu_activations::{Activation, Gpu};
//!
//! let gpu = Gpu::new()?;
//! let x = gpu.upload(&[-1.0f32, 0.0, 1.0, 2.0], [2, 2])?;
//! let y = Activation::GELU.forward(&x)?;
//! let dx = Activation::GELU.backward(&x, &y)?;
//! let host: Vec<f32> = dx.download()?;
//! # Ok::<(), wgpu_activations::Error>(())
//! ```

pub mod accuracy;
pub mod activation;
#[cfg(feature = "cli")]
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
mod element;
mod error;
pub mod gpu;
#[cfg(feature = "npy")]
pub mod io;
pub mod ops;
mod tensor;
pub mod wgsl;

pub use activation::{Activation, CATALOGUE};
pub use element::{Element, ElementType};
pub use error::{Error, Result};
pub use gpu::{Adapter, Gpu, ShaderChecks};
pub use ops::pointwise::Pointwise;
pub use tensor::Tensor;
pub use wgsl::Math;
