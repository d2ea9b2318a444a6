//! Opening and reading files, with what is wrong in words.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A result whose error says what is wrong with a file, to be completed by its name.
pub(super) type Reason<T> = Result<T, String>;

/// Opens a file; returns its length as well, where it has one. `needed` says what it must be.
pub(super) fn open(path: &Path, needed: &str) -> Reason<(File, Option<u64>)> {
    if path.is_dir() {
        return Err(format!("is a directory; {needed} is needed"));
    }
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => format!("cannot be opened: {error}"),
    })?;
    let metadata = file.metadata().map_err(cannot_read)?;
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

#[cfg(any(feature = "npz", feature = "safetensors"))]
/// The same of a file with positions to go to.
pub(super) fn open_regular(path: &Path, needed: &str) -> Reason<(File, u64)> {
    let (file, length) = open(path, needed)?;
    Ok((file, length.ok_or_else(|| needs_positions(needed))?))
}

#[cfg(any(feature = "npz", feature = "safetensors"))]
/// Why a pipe does not do.
pub(super) fn needs_positions(needed: &str) -> String {
    format!("is a pipe or a device; {needed} must have positions to go to")
}

/// Reads until `buffer` is full or the input ends; returns the bytes read.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What a file holds is not right, in words.
pub(super) fn invalid_data(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// What is to be written is not right, in words.
pub(super) fn invalid_input(reason: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

pub(super) fn cannot_read(error: io::Error) -> String {
    format!("cannot be read: {error}")
}

/// A file without a name, for what must be read or written in another order than it comes.
pub(super) fn temporary() -> crate::Result<File> {
    tempfile::tempfile().map_err(cannot_spool)
}

/// Why it takes no more.
pub(super) fn cannot_spool(error: io::Error) -> crate::Error {
    of(&std::env::temp_dir())(format!(
        "cannot be written: {error}; it is the folder for temporary files, and TMPDIR can name another"
    ))
}

/// Completes a reason by the file's name.
pub(super) fn of(path: &Path) -> impl FnOnce(String) -> crate::Error {
    move |reason| crate::Error::File {
        path: path.to_owned(),
        reason,
    }
}
