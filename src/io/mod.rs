//! File formats. No GPU in here.

mod file;
pub mod npy;
