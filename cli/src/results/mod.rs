//! What result files say: written, compared and shown.

pub mod compare;
pub mod report;

use std::path::Path;

use wgpu_activations::{Error, Result, bench::record::Run};

/// Writes a result file, whole or not at all.
///
/// # Errors
///
/// [`Error::File`] if it cannot be written.
pub fn write(run: &Run, path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::File {
        path: path.to_owned(),
        // The kind alone: the error itself may name the temporary file, which the user does not know.
        reason: format!("cannot be written: {}", error.kind()),
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // As any new file: readable to whom the user's mask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder
        .prefix(".activations-")
        .tempfile_in(folder)
        .map_err(failed)?;
    run.write_to(&mut file).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
