//! Files in the making: each lies beside the file that it becomes, and tells whether its writer lives.
//!
//! A writer holds a lock on its file, which the system lets go of when the process ends, however it ends. So a
//! file that can be locked is nobody's, and goes. Some network folders have locks that other machines do not see:
//! a file's name names its machine, and only that machine removes it.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata},
    io,
    path::Path,
};

use sysinfo::System;
use tempfile::NamedTempFile;

const SUFFIX: &str = ".tmp";

/// What names of this machine's files begin with.
fn prefix() -> String {
    let host = System::host_name().unwrap_or_default();
    // No dash, so that no machine's prefix begins with another's.
    let host = host.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!(".activations-{host}-")
}

/// A temporary file in the folder of `path`, to be renamed to it, with the permissions of what it replaces.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let replaced = fs::metadata(path).ok();
    loop {
        let file = create(path, replaced.as_ref())?;
        // Where there are no locks, nobody takes the file for abandoned either.
        let _ = file.as_file().lock();
        // It may have been taken for that before it was locked.
        if file.path().exists() {
            return Ok(file);
        }
    }
}

fn create(path: &Path, replaced: Option<&Metadata>) -> io::Result<NamedTempFile> {
    let prefix = prefix();
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    // The error itself names the temporary file, which the user does not know.
    let begin = |builder: &tempfile::Builder<'_, '_>| {
        let file = builder.tempfile_in(folder(path));
        file.map_err(|error| io::Error::from(error.kind()))
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

        // As any new file: readable to whom the user's mask allows.
        let mode = replaced.map_or(0o666, |replaced| replaced.mode() & 0o777);
        builder.permissions(PermissionsExt::from_mode(mode));
        let file = begin(&builder)?;
        if let Some(replaced) = replaced {
            // Only root can keep another owner.
            let _ = fchown(file.as_file(), Some(replaced.uid()), Some(replaced.gid()));
            // Whatever the mask.
            let permissions = PermissionsExt::from_mode(mode);
            file.as_file().set_permissions(permissions)?;
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    {
        let _ = replaced;
        begin(&builder)
    }
}

/// Removes what runs of this machine that were killed have left in the folder of `path`.
pub(crate) fn remove_abandoned(path: &Path) {
    let prefix = prefix();
    let is_ours = |name: &OsStr| {
        let name = name.to_string_lossy();
        name.starts_with(&prefix) && name.ends_with(SUFFIX)
    };
    // Whoever may not list the folder, or remove from it, leaves it as it is.
    let entries = fs::read_dir(folder(path)).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_ours(&entry.file_name())) {
        // A pipe would wait for a reader.
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        // A lock needs no more on Unix, and a file that replaces one that is read-only is read-only, too.
        let is_writable = !cfg!(unix);
        let mut options = File::options();
        let Ok(file) = options.read(true).write(is_writable).open(entry.path()) else {
            continue;
        };
        // Locked until it is gone: one who has just begun it waits for that, and begins another.
        if file.try_lock().is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
