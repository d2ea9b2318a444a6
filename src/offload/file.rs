//! Files and pipes that chunks come from and go to, whatever their element type and byte order.

use std::{
    fs::File,
    io::{self, Read, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::host::{Sink, Source};
use crate::{
    error::{Error, Result},
    io::npy::{Dtype, Endian, Float},
};

/// Bytes converted at a time: they stay in the cache between reading and storing.
const BLOCK: usize = 1 << 18;

/// How elements are stored, beside how chunks have them: in this machine's byte order, float64 as
/// f32.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    width: usize,
    swapped: bool,
    wide: bool,
}

impl Format {
    pub fn of(dtype: Dtype) -> Self {
        Self {
            width: dtype.float.bytes() as usize,
            swapped: dtype.endian != Endian::NATIVE,
            wide: dtype.float == Float::F64,
        }
    }

    /// Two bytes an element in this order, which chunks have as they are: bf16.
    pub const fn halves(endian: Endian) -> Self {
        Self {
            width: 2,
            swapped: !matches!(
                (endian, Endian::NATIVE),
                (Endian::Big, Endian::Big) | (Endian::Little, Endian::Little)
            ),
            wide: false,
        }
    }

    /// u32, lowest byte first.
    pub const fn words() -> Self {
        Self {
            width: 4,
            swapped: cfg!(target_endian = "big"),
            wide: false,
        }
    }

    /// Bytes of an element of a chunk.
    const fn element(self) -> usize {
        if self.wide { 4 } else { self.width }
    }

    /// Hands on stored elements as chunks have them.
    fn decode(self, stored: &mut [u8], put: &mut dyn FnMut(&[u8])) {
        self.swap(stored);
        if !self.wide {
            return put(stored);
        }
        let mut narrow = Vec::with_capacity(stored.len() / 2);
        for element in stored.as_chunks::<8>().0 {
            // As the standard has it: to nearest, and beyond f32's range to infinity.
            narrow.extend((f64::from_ne_bytes(*element) as f32).to_ne_bytes());
        }
        put(&narrow);
    }

    /// Elements of a chunk as they are stored.
    fn encode(self, elements: &[u8]) -> Vec<u8> {
        let mut stored = if self.wide {
            let wide = |element: &[u8; 4]| f64::from(f32::from_ne_bytes(*element)).to_ne_bytes();
            elements.as_chunks().0.iter().flat_map(wide).collect()
        } else {
            elements.to_vec()
        };
        self.swap(&mut stored);
        stored
    }

    fn swap(self, stored: &mut [u8]) {
        if self.swapped {
            match self.width {
                2 => stored
                    .as_chunks_mut::<2>()
                    .0
                    .iter_mut()
                    .for_each(|x| x.reverse()),
                4 => stored
                    .as_chunks_mut::<4>()
                    .0
                    .iter_mut()
                    .for_each(|x| x.reverse()),
                _ => stored
                    .as_chunks_mut::<8>()
                    .0
                    .iter_mut()
                    .for_each(|x| x.reverse()),
            }
        }
    }
}

/// Elements in a file, from some byte on.
#[doc(hidden)]
pub struct FileSource {
    pub file: File,
    pub path: PathBuf,
    pub start: u64,
    pub format: Format,
}

impl Source for FileSource {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        let width = self.format.width;
        let mut buffer = vec![0; BLOCK.min(elements.len() * width)];
        let mut at = elements.start;
        while at < elements.end {
            let count = (elements.end - at).min(BLOCK / width);
            let block = &mut buffer[..count * width];
            let offset = self.start + at as u64 * width as u64;
            read_exact_at(&self.file, block, offset)
                .map_err(|error| cannot_read(&self.path, &error))?;
            self.format.decode(block, put);
            at += count;
        }
        Ok(())
    }
}

/// Elements that come one after another and only once.
#[doc(hidden)]
pub struct PipeSource<R> {
    reader: Mutex<(R, usize)>,
    path: PathBuf,
    format: Format,
}

impl<R: Read + Send> PipeSource<R> {
    pub fn new(reader: R, path: &Path, format: Format) -> Self {
        Self {
            reader: Mutex::new((reader, 0)),
            path: path.to_owned(),
            format,
        }
    }

    /// Fails unless nothing follows.
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
        let width = self.format.width;
        let mut buffer = vec![0; BLOCK.min(elements.len() * width)];
        while *position < elements.end {
            let count = (elements.end - *position).min(BLOCK / width);
            let block = &mut buffer[..count * width];
            reader
                .read_exact(block)
                .map_err(|error| cannot_read(&self.path, &error))?;
            self.format.decode(block, put);
            *position += count;
        }
        Ok(())
    }
}

/// Elements that go to a file, from some byte on.
#[doc(hidden)]
pub struct FileSink<'a> {
    pub file: &'a File,
    /// As the user calls it.
    pub path: &'a Path,
    pub start: u64,
    pub format: Format,
}

impl Sink for FileSink<'_> {
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()> {
        let step = BLOCK / self.format.width * self.format.element();
        let mut at = self.start + first as u64 * self.format.width as u64;
        for block in bytes.chunks(step) {
            let stored = self.format.encode(block);
            write_all_at(self.file, &stored, at)
                .map_err(|error| cannot_write(self.path, &error))?;
            at += stored.len() as u64;
        }
        Ok(())
    }
}

/// Elements that go one after another.
#[doc(hidden)]
pub struct PipeSink<'a, W> {
    pub writer: Mutex<(W, usize)>,
    pub path: &'a Path,
    pub format: Format,
}

impl<W: Write + Send> Sink for PipeSink<'_, W> {
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()> {
        let (writer, position) = &mut *lock(&self.writer);
        if *position != first {
            return Err(fail(
                self.path,
                "cannot be written out of order; name a file",
            ));
        }
        for block in bytes.chunks(BLOCK) {
            let stored = self.format.encode(block);
            writer
                .write_all(&stored)
                .map_err(|error| cannot_write(self.path, &error))?;
        }
        *position += bytes.len() / self.format.element();
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

pub fn cannot_read(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => fail(
            path,
            "ended before the data that its header claims; it is not complete, or was cut short meanwhile",
        ),
        _ => fail(path, &format!("cannot be read: {error}")),
    }
}

pub fn cannot_write(path: &Path, error: &io::Error) -> Error {
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

    fn dtype(float: Float, endian: Endian) -> Dtype {
        Dtype { float, endian }
    }

    /// Elements come back as they went, whatever the format, from any place.
    #[test]
    fn elements_go_and_come_back() {
        let file = tempfile::tempfile().unwrap();
        let values: Vec<f32> = (0..200_000).map(|index| index as f32 / 8.0).collect();
        for endian in [Endian::Little, Endian::Big] {
            for float in [Float::F32, Float::F64] {
                let format = Format::of(dtype(float, endian));
                let sink = FileSink {
                    file: &file,
                    path: Path::new("file"),
                    start: 64,
                    format,
                };
                let (left, right) = values.split_at(77_777);
                sink.write(77_777, bytemuck::cast_slice(right)).unwrap();
                sink.write(0, bytemuck::cast_slice(left)).unwrap();
                let source = FileSource {
                    file: file.try_clone().unwrap(),
                    path: "file".into(),
                    start: 64,
                    format,
                };
                let mut found: Vec<f32> = Vec::new();
                let mut put =
                    |bytes: &[u8]| found.extend(bytemuck::pod_collect_to_vec::<_, f32>(bytes));
                source.read(5..150_000, &mut put).unwrap();
                assert!(found == values[5..150_000], "{float:?} {endian:?}");
            }
        }
    }

    #[test]
    fn a_file_that_shrinks_is_told_from_one_that_cannot_be_read() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(400).unwrap();
        let source = FileSource {
            file: file.try_clone().unwrap(),
            path: "file".into(),
            start: 0,
            format: Format::of(dtype(Float::F32, Endian::Little)),
        };
        source.read(0..100, &mut |_| {}).unwrap();
        file.set_len(300).unwrap();
        let error = source.read(0..100, &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains("was cut short meanwhile"), "{error}");
    }

    #[test]
    fn a_pipe_is_read_once_and_in_order() {
        let format = Format::of(dtype(Float::F32, Endian::NATIVE));
        let source = PipeSource::new(&[0_u8; 40][..], Path::new("-"), format);
        source.read(0..4, &mut |_| {}).unwrap();
        assert!(source.expect_end().is_err());
        assert!(source.read(0..4, &mut |_| {}).is_err());
    }
}
