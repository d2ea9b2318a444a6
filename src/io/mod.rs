//! Where elements come from and go to, and the formats of files that hold them. No GPU in here.
//!
//! [`Source`] and [`Sink`] are all that streaming asks for. A [`Format`] opens arrays in files and begins
//! new ones; [`FORMATS`] lists them. A file is opened by what it holds, not by what it is called; the
//! format of a new file follows from its name:
//!
#![cfg_attr(feature = "npy", doc = "```")]
#![cfg_attr(not(feature = "npy"), doc = "```ignore")]
//! use wgpu_activations::io::{self, Endian, NewArray, Number, Order, Sink, Storage, Target};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("x.npy");
//!
//! let x = NewArray {
//!     name: "x",
//!     shape: &[2],
//!     order: Order::C,
//!     storage: Storage { number: Number::F32, endian: Endian::Little },
//!     place: None,
//! };
//! let target = Target::File(std::fs::File::create(&path)?);
//! let file = io::format_of(&path).begin(target, &path, &x)?;
//! file.write(0, bytemuck::cast_slice(&[1.0f32, 2.0]))?;
//! file.finish()?;
//!
//! let array = io::open(&path, &[])?.into_only()?;
//! assert_eq!(array.shape, [2]);
//! assert_eq!(array.read::<f32>(Order::C)?, [1.0, 2.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(any(feature = "npz", feature = "safetensors"))]
mod choice;
mod elements;
#[cfg(any(feature = "npy", feature = "safetensors"))]
mod file;
#[cfg(any(feature = "npy", feature = "safetensors"))]
mod format;
#[cfg(any(feature = "npy", feature = "safetensors"))]
mod input;
#[cfg(feature = "npy")]
pub mod npy;
#[cfg(feature = "npz")]
pub mod npz;
mod order;
#[cfg(any(feature = "npy", feature = "safetensors"))]
mod output;
#[cfg(feature = "safetensors")]
pub mod safetensors;
mod storage;
#[cfg(any(feature = "npy", feature = "safetensors", feature = "bench"))]
mod stranger;
mod stream;

pub use crate::element::count;
#[cfg(any(feature = "npz", feature = "safetensors"))]
pub use choice::matches;
pub use elements::{Shared, Sink, Slice, Source, collect};
#[cfg(any(feature = "npy", feature = "safetensors"))]
pub use format::{FORMATS, Format, format_of, holds_several, open, open_pipe};
#[cfg(any(feature = "npy", feature = "safetensors"))]
pub use input::{Elements, Input, Opened, Rest, Selection, StoredArray};
pub use order::{Order, rearrange};
#[cfg(any(feature = "npy", feature = "safetensors"))]
pub use output::{Complete, NewArray, Output, Target};
pub use storage::{Endian, Number, Storage};
#[cfg(feature = "bench")]
pub(crate) use stranger::other_than_json;
pub use stream::{FileSink, FileSource, PipeSink, PipeSource};
