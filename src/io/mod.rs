//! File formats. No GPU in here.

pub mod npy;
