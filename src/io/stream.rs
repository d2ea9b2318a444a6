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
///
/// ```
/// use wgpu_activations::io::{Endian, FileSource, Number, Source, Storage};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("x.bin");
/// # std::fs::write(&path, [0, 0, 0, 0, 0, 0, 128, 63])?;
///
/// let source = FileSource {
///     file: std::fs::File::open(&path)?.into(),
///     path,
///     start: 4,
///     storage: Storage { number: Number::F32, endian: Endian::Little },
/// };
/// let mut found = Vec::new();
/// source.read(0..1, &mut |bytes| found.extend_from_slice(bytes))?;
/// assert_eq!(found, 1.0f32.to_ne_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
        let width = self.storage.number.bytes();
        let mut buffer = vec![0; BLOCK.min(elements.len() * width)];
        let mut at = elements.start;
        while at < elements.end {
            let count = (elements.end - at).min(BLOCK / width);
            let block = &mut buffer[..count * width];
            let offset = self.start + at as u64 * width as u64;
            read_exact_at(&self.file, block, offset)
                .map_err(|error| cannot_read(&self.path, &error))?;
            self.storage.decode(block, put);
            at += count;
        }
        Ok(())
    }
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

    /// Fails unless nothing follows.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where more follows or reading fails.
    pub fn expect_end(&self) -> Result<()> {
        match lock(&self.reader).0.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(fail(&self.path, "holds more data than its header claims")),
            Err(error) => Err(cannot_read(&self.path, &error)),
        }
    }
}

impl<R: Read + Send> Source for PipeSource<R> {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        let (reader, position) = &mut *lock(&self.reader);
        if *position != elements.start {
            return Err(fail(&self.path, "cannot be read again; store it in a file"));
        }
        let width = self.storage.number.bytes();
        let mut buffer = vec![0; BLOCK.min(elements.len() * width)];
        while *position < elements.end {
            let count = (elements.end - *position).min(BLOCK / width);
            let block = &mut buffer[..count * width];
            reader
                .read_exact(block)
                .map_err(|error| cannot_read(&self.path, &error))?;
            self.storage.decode(block, put);
            *position += count;
        }
        Ok(())
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
            write_all_at(&self.file, &stored, at)
                .map_err(|error| cannot_write(&self.path, &error))?;
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
    path: PathBuf,
    storage: Storage,
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

    #[cfg(any(feature = "npy", feature = "safetensors"))]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    #[cfg(any(feature = "npy", feature = "safetensors"))]
    pub(super) const fn storage(&self) -> Storage {
        self.storage
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
            return Err(fail(
                &self.path,
                "cannot be written out of order; name a file",
            ));
        }
        for block in bytes.chunks(BLOCK) {
            let stored = self.storage.encode(block);
            writer
                .write_all(&stored)
                .map_err(|error| cannot_write(&self.path, &error))?;
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
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_all_at(file: &File, buffer: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{Endian, Number};

    /// Elements come back as they went, whatever the format, from any place.
    #[test]
    fn elements_go_and_come_back() {
        let file = tempfile::tempfile().unwrap();
        let values: Vec<f32> = (0..200_000).map(|index| index as f32 / 8.0).collect();
        for endian in [Endian::Little, Endian::Big] {
            for number in [Number::F32, Number::F64] {
                let storage = Storage { number, endian };
                let sink = FileSink {
                    file: file.try_clone().unwrap(),
                    path: "file".into(),
                    start: 64,
                    storage,
                };
                let (left, right) = values.split_at(77_777);
                sink.write(77_777, bytemuck::cast_slice(right)).unwrap();
                sink.write(0, bytemuck::cast_slice(left)).unwrap();
                let source = FileSource {
                    file: file.try_clone().unwrap().into(),
                    path: "file".into(),
                    start: 64,
                    storage,
                };
                let mut found: Vec<f32> = Vec::new();
                let mut put =
                    |bytes: &[u8]| found.extend(bytemuck::pod_collect_to_vec::<_, f32>(bytes));
                source.read(5..150_000, &mut put).unwrap();
                assert!(found == values[5..150_000], "{number:?} {endian:?}");
            }
        }
    }

    #[test]
    fn a_file_that_shrinks_is_told_from_one_that_cannot_be_read() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(400).unwrap();
        let source = FileSource {
            file: file.try_clone().unwrap().into(),
            path: "file".into(),
            start: 0,
            storage: Storage {
                number: Number::F32,
                endian: Endian::Little,
            },
        };
        source.read(0..100, &mut |_| {}).unwrap();
        file.set_len(300).unwrap();
        let error = source.read(0..100, &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains("was cut short meanwhile"), "{error}");
    }

    #[test]
    fn a_pipe_is_read_once_and_in_order() {
        let storage = Storage {
            number: Number::F32,
            endian: Endian::NATIVE,
        };
        let source = PipeSource::new(&[0_u8; 40][..], Path::new("-"), storage);
        source.read(0..4, &mut |_| {}).unwrap();
        assert!(source.expect_end().is_err());
        assert!(source.read(0..4, &mut |_| {}).is_err());
    }
}
