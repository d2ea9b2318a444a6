//! What result files say: written, compared and shown.

pub(crate) mod compare;
pub(crate) mod differences;
pub mod report;

use std::path::Path;

use crate::{file_error, temporary};
use wgpu_activations::{Result, bench::record::Run};

/// Writes a result file, whole or not at all.
///
/// # Errors
///
/// [`Error::File`](wgpu_activations::Error::File) if it cannot be written.
pub fn write(run: &Run, path: &Path) -> Result<()> {
    // The kind alone: the error itself may name the temporary file, which the user does not know.
    let failed =
        |error: std::io::Error| file_error(path, format!("cannot be written: {}", error.kind()));
    temporary::remove_abandoned(path);
    let mut file = temporary::beside(path).map_err(failed)?;
    run.write_to(&mut file).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
