//! Measures kernels, keeps what was measured, compares and shows it.

pub mod record;
pub mod report;
pub mod stats;
