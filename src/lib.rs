//! Activation functions, forward and backward, as verified WGSL compute shaders on any GPU that
//! wgpu reaches.
//!
//! An [`Activation`] is a function of the [`CATALOGUE`] with its parameters. A [`Gpu`] is an open
//! device, a [`Tensor`] an array on it of [`f32`], `f16` or `bf16`:
//!
//! ```
//! # wgpu_activations::needs_adapter!();
//! use wgpu_activations::{Activation, Gpu};
//!
//! let gpu = Gpu::new()?;
//! let x = gpu.upload(&[-1.0f32, 0.0, 1.0, 2.0], [2, 2])?;
//! let y = Activation::GELU.forward(&x)?;
//! let dx = Activation::GELU.backward(&x, &y)?; // y as the upstream gradient
//! let host: Vec<f32> = dx.download()?;
//! # Ok::<(), wgpu_activations::Error>(())
//! ```
//!
//! [`Pointwise`] offers the rest: output in place or into a given tensor, parameters per channel,
//! their gradients, builtin math, and recording into a command encoder of the caller's
//! own, on a device ([`Gpu::from_wgpu`]) and buffers ([`Gpu::tensor_from_wgpu`]) of the caller's own.
//!
//! Without a GPU [`Cpu`] computes the same numbers on the processor. What takes a [`Device`] takes either;
//! [`Device::best`] is the GPU where there is one, else the processor.
//!
//! Results are held to 2.5 ULP of the definition for every finite f32 input on every adapter (Snake and dynamic tanh to
//! 4), and to 1 ULP in f16 and bf16; [`accuracy`] says what is asked and measures
//! it. Nothing panics on bad input or a failing device: see [`enum@Error`]. The library reads no
//! environment variables and sets up no logger.
//!
//! # Which one, and what it costs
//!
//! Start with [ReLU](Activation::RELU), weights from [`Initializer::HeNormal`] and a learning rate that is
//! not too high. Where units die, [leaky ReLU](Activation::LEAKY_RELU), then [PReLU](Activation::PRELU),
//! which learns the slope ([`Pointwise::gradients`]), then [`Maxout`], which learns the shape. Transformers
//! take [GELU](Activation::GELU) or [Swish](Activation::SWISH). Deep plain networks without normalisation
//! take [SELU](Activation::SELU) with [`Initializer::LecunNormal`] and [`AlphaDropout`]. Click-through
//! models take [`Dice`]. [Sigmoid](Activation::SIGMOID) and [`Softmax`] belong at the output.
#![cfg_attr(doc, doc = picture!("rectifiers"))]
#![cfg_attr(doc, doc = picture!("smooth"))]
#![cfg_attr(doc, doc = picture!("bounded"))]
//!
//! On a GPU all of them cost about the same: what a copy costs, 8 bytes per f32 element forward and 12
//! backward. [`Activation::course`] computes what a choice means for learning: range, turning points, and
//! where the slope is so small that little of a gradient passes.
//!
//! # From principle to implementation
//!
//! | to understand | read |
//! |---|---|
//! | what a function is, with its f64 reference | [`activation`], [`family`] |
//! | how a shader is put together from pieces | [`wgsl`], with the text of every piece |
//! | how elements, channels, rows and sums are spread over threads | [`kernel`] |
//! | how tensors larger than the device pass through it | [`offload`] |
//! | what is promised of results, and how it is checked | [`accuracy`] |
//!
//! The repository's `docs/` has a page for each activation and guides to choosing, to the kernels and to
//! accuracy.
//!
//! # In a browser
//!
//! Compiled to WebAssembly the library reaches the browser's GPU through WebGPU. Nothing may block there: what waits
//! has an asynchronous form ([`Gpu::new_async`], [`Tensor::download_async`], [`Gpu::wait_async`]), which is then the only
//! one. Errors that the browser tells of later come with the next call or await. There is no streaming.
//!
//! # Features
//!
//! None is on by default: the library brings wgpu, rayon and little else. [`check`] compares devices with the
//! reference, [`mod@bench`] measures kernels, `npy` reads and writes NumPy files, `npz` streams arrays of their
//! archives, `safetensors` finds tensors in files ([`io`]). The command `activations` is a package of its
//! own, `wgpu-activations-cli`.

// Parts of what streams, which nothing does in a browser.
#![cfg_attr(target_arch = "wasm32", allow(dead_code))]

/// A picture that `activations plot --all` draws, for the documentation.
#[cfg(doc)]
macro_rules! picture {
    ($name:literal) => {
        concat!(
            "<figure>",
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/docs/activations/",
                $name,
                ".svg"
            )),
            "</figure>"
        )
    };
}
pub mod accuracy;
pub mod activation;
#[cfg(feature = "bench")]
pub mod bench;
mod chain;
#[cfg(feature = "check")]
pub mod check;
pub mod cpu;
mod device;
mod element;
mod error;
pub mod family;
pub mod gpu;
mod initialize;
pub mod io;
pub mod kernel;
pub mod moments;
pub mod offload;
pub mod random;
mod tensor;
pub mod wgsl;

pub use activation::{Activation, CATALOGUE};
pub use chain::{Chain, ChainGradients, Layout, ParameterGradient};
pub use cpu::Cpu;
pub use device::Device;
pub use element::{Element, ElementType};
#[doc(hidden)]
pub use error::number;
pub use error::{Error, ErrorKind, Result};
pub use family::{
    Array, Family, Inputs, Operation,
    alpha_dropout::AlphaDropout,
    dice::{Dice, DiceGradients},
    gated::{Gated, GatedGradients},
    logsumexp::LogSumExp,
    maxout::{Maxout, MaxoutAffine, MaxoutGradients, Winners},
    pointwise::{Gradients, Pointwise},
    rrelu::Rrelu,
    softmax::Softmax,
    sparsemax::Sparsemax,
};
pub use gpu::{Adapter, Gpu, ShaderChecks};
pub use initialize::Initializer;
pub use kernel::moments::TensorMoments;
pub use moments::Moments;
#[cfg(not(target_arch = "wasm32"))]
pub use offload::Offload;
pub use tensor::{Tensor, View};
pub use wgsl::Math;

#[doc(hidden)]
pub use half;

/// Ends an example of the documentation where there is no adapter to run it on.
#[doc(hidden)]
#[macro_export]
macro_rules! needs_adapter {
    () => {
        if $crate::gpu::adapters().is_empty() {
            return Ok(());
        }
    };
}

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// And the page's that trains with Dice.
#[cfg(doctest)]
#[doc = include_str!("../docs/activations/dice.md")]
struct DicePage;
