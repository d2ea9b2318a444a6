//! Outputs that appear whole or not at all.

use std::{
    collections::HashSet,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tempfile::NamedTempFile;

use super::{Failure, Result};
use crate::{error::Error, io::npy::Array};

/// Temporary files to remove when the user interrupts.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The files that a command will write.
pub(super) struct Outputs<'a> {
    paths: Vec<&'a Path>,
    force: bool,
}

impl<'a> Outputs<'a> {
    /// Refuses early what could only fail at the end: a file that is there without `force`, a
    /// directory, one path for two results.
    pub(super) fn plan(paths: Vec<&'a Path>, force: bool) -> Result<Self> {
        let mut seen = HashSet::new();
        for &path in &paths {
            if !seen.insert(path) {
                return Err(Failure::Usage(format!(
                    "{} is named for two outputs",
                    path.display()
                )));
            }
            if path.is_dir() {
                return Err(fail(
                    path,
                    "is a directory; an output file is needed".to_owned(),
                ));
            }
            if !force && path.symlink_metadata().is_ok() {
                return Err(fail(path, "exists; add --force to replace it".to_owned()));
            }
            let folder = folder(path);
            if !folder.is_dir() {
                return Err(fail(
                    path,
                    format!("there is no folder {}", folder.display()),
                ));
            }
        }
        Ok(Self { paths, force })
    }

    /// Writes all `arrays`, in the order of the paths: each beside its destination first, all
    /// renamed when all are complete.
    pub(super) fn write(&self, arrays: &[Array]) -> Result {
        remove_unfinished_on_interrupt();
        let mut finished = Vec::new();
        for (&path, array) in self.paths.iter().zip(arrays) {
            let file = write_beside(path, array).map_err(|error| fail(path, reason(&error)))?;
            finished.push((path, file));
        }
        for (path, file) in finished {
            let renamed = if self.force {
                file.persist(path)
            } else {
                file.persist_noclobber(path)
            };
            renamed.map_err(|error| fail(path, reason(&error.error)))?;
        }
        Ok(())
    }
}

fn write_beside(path: &Path, array: &Array) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".activations-").suffix(".tmp");
    // As any new file: readable to whom the user's mask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder(path))?;
    lock().push(file.path().to_owned());
    let mut writer = BufWriter::new(file);
    array.write_to(&mut writer)?;
    writer.flush()?;
    writer
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn reason(error: &std::io::Error) -> String {
    format!("cannot be written: {error}")
}

fn fail(path: &Path, reason: String) -> Failure {
    Failure::Error(Error::File {
        path: path.to_owned(),
        reason,
    })
}

fn lock() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove_unfinished_on_interrupt() {
    // Without a handler the system's default stands, which leaves the temporary file behind.
    let _ = ctrlc::try_set_handler(|| {
        for path in lock().iter() {
            let _ = std::fs::remove_file(path);
        }
        std::process::exit(130);
    });
}
