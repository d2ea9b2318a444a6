//! Files and pipes that elements come from and go to, however they are stored.

use std::{
    fs::File,
    io::{self, Read, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Sink, Source, storage::Storage};
use crate::error::{Error, Result};

/// Bytes converted at a time: they stay in the cache between reading and storing.
const BLOCK: usize = 1 << 18;

/// Elements in a file, from some byte on.
#[derive(Debug)]
pub struct FileSource {
    /// The file; several sources may share one.
    pub file: Arc<File>,
    /// As the user calls it, for errors.
    pub path: PathBuf,
    /// Byte of the first element.
    pub start: u64,
    /// How the file stores an element.
    pub storage: Storage,
}

impl Source for FileSource {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        let width = self.storage.number.bytes() as u64;
        let read = |first: usize, block: &mut [u8]| {
            read_exact_at(&self.file, block, self.start + first as u64 * width)
        };
        read_blocks(self.storage, elements, read, put)
            .map_err(|error| cannot_read(&self.path, &error))
    }
}

/// Hands on elements block by block; `read` fills the block that begins with an element.
fn read_blocks(
    storage: Storage,
    elements: Range<usize>,
    mut read: impl FnMut(usize, &mut [u8]) -> io::Result<()>,
    put: &mut dyn FnMut(&[u8]),
) -> io::Result<()> {
    let width = storage.number.bytes();
    let mut buffer = vec![0; BLOCK.min(elements.len() * width)];
    for first in elements.clone().step_by(BLOCK / width) {
        let count = (elements.end - first).min(BLOCK / width);
        let block = &mut buffer[..count * width];
        read(first, block)?;
        let decoded = storage.decode(first, block, put);
        decoded.map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))?;
    }
    Ok(())
}

/// Elements that come one after another and only once.
#[derive(Debug)]
pub struct PipeSource<R> {
    /// With the place of its next element.
    reader: Mutex<(R, usize)>,
    path: PathBuf,
    storage: Storage,
}

impl<R: Read + Send> PipeSource<R> {
    /// The elements that `reader` gives; errors call it `path`.
    pub fn new(reader: R, path: &Path, storage: Storage) -> Self {
        Self {
            reader: Mutex::new((reader, 0)),
            path: path.to_owned(),
            storage,
        }
    }
}

impl<R: Read + Send> Source for PipeSource<R> {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        let (reader, position) = &mut *lock(&self.reader);
        if *position != elements.start {
            return Err(fail(&self.path, "cannot be read again; store it in a file"));
        }
        let read = |first: usize, block: &mut [u8]| {
            reader.read_exact(block)?;
            *position = first + block.len() / self.storage.number.bytes();
            Ok(())
        };
        read_blocks(self.storage, elements, read, put)
            .map_err(|error| cannot_read(&self.path, &error))
    }

    fn expect_end(&self) -> Result<()> {
        match lock(&self.reader).0.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(fail(&self.path, "holds more data than its header claims")),
            Err(error) => Err(cannot_read(&self.path, &error)),
        }
    }
}

/// Elements that go to a file, from some byte on.
#[derive(Debug)]
pub struct FileSink {
    /// The file.
    pub file: File,
    /// As the user calls it, for errors.
    pub path: PathBuf,
    /// Byte of the first element.
    pub start: u64,
    /// How the file stores an element.
    pub storage: Storage,
}

impl Sink for FileSink {
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()> {
        let step = BLOCK / self.storage.number.bytes() * self.storage.in_memory();
        let mut at = self.start + first as u64 * self.storage.number.bytes() as u64;
        for block in bytes.chunks(step) {
            let stored = self.storage.encode(block);
            let written = write_all_at(&self.file, &stored, at);
            written.map_err(|error| cannot_write(&self.path, &error))?;
            at += stored.len() as u64;
        }
        Ok(())
    }
}

/// Elements that go one after another.
#[derive(Debug)]
pub struct PipeSink<W> {
    /// With the place of its next element.
    writer: Mutex<(W, usize)>,
    pub(super) path: PathBuf,
    pub(super) storage: Storage,
}

impl<W: Write + Send> PipeSink<W> {
    /// Hands the elements to `writer`; errors call it `path`.
    pub fn new(writer: W, path: &Path, storage: Storage) -> Self {
        Self {
            writer: Mutex::new((writer, 0)),
            path: path.to_owned(),
            storage,
        }
    }

    /// The writer, which has taken all elements so far.
    pub fn into_writer(self) -> W {
        let writer = self.writer.into_inner();
        writer.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl<W: Write + Send> Sink for PipeSink<W> {
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()> {
        let (writer, position) = &mut *lock(&self.writer);
        if *position != first {
            let rule = "cannot be written out of order; name a file";
            return Err(fail(&self.path, rule));
        }
        for block in bytes.chunks(BLOCK) {
            let written = writer.write_all(&self.storage.encode(block));
            written.map_err(|error| cannot_write(&self.path, &error))?;
        }
        *position += bytes.len() / self.storage.in_memory();
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fail(path: &Path, reason: &str) -> Error {
    Error::File {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

pub(super) fn cannot_read(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => fail(
            path,
            "ended before the data that its header claims; it is not complete, or was cut short meanwhile",
        ),
        _ => fail(path, &format!("cannot be read: {error}")),
    }
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Error {
    fail(path, &format!("cannot be written: {error}"))
}

#[cfg(unix)]
pub(super) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_all_at(file: &File, buffer: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, buffer, offset)
}

// A browser has no files.
#[cfg(not(any(unix, windows)))]
pub(super) fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(any(unix, windows)))]
fn write_all_at(_: &File, _: &[u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(windows)]
pub(super) fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                buffer = &mut buffer[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &File, mut buffer: &[u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => {
                buffer = &buffer[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}
