//! Those who see every chunk on the host.

use super::{Chunk, Task};
use crate::error::Result;

/// What has come back to the host of a chunk.
pub struct Received<'a> {
    /// Bytes of the inputs, where they are kept.
    pub inputs: &'a [&'a [u8]],
    /// Bytes of the result, or of the gradients with respect to the inputs.
    pub outputs: &'a [&'a [u8]],
    /// Numbers beside it: what a survey found, or gradients of parameters.
    pub beside: Vec<Vec<f32>>,
    /// Indices that the last operation of a forward pass saved.
    pub indices: Option<Vec<u32>>,
}

/// One who sees every chunk on the host.
pub trait Observer: Sync {
    /// A chunk has come back from a pass.
    ///
    /// # Errors
    ///
    /// What is to end the job.
    fn observe(&self, task: Task, chunk: &Chunk, received: &Received<'_>) -> Result<()>;
}
