//! New files, and pipes, that arrays are written to.

use std::fs::File;
use std::io::{self, BufReader, Seek, Write};
use std::path::Path;

#[cfg(any(feature = "npz", feature = "safetensors"))]
use super::count;
use super::{FileSink, Order, PipeSink, Sink, Storage, file, stream::cannot_write};
use crate::error::Result;

/// Bytes copied at a time.
const BLOCK: usize = 1 << 18;

/// An array to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewArray<'a> {
    /// Its name in a file of several. Without one it is called `arr_0`, as NumPy has it.
    pub name: &'a str,
    /// Length of each dimension.
    pub shape: &'a [usize],
    /// The order of its elements.
    pub order: Order,
    /// How they are stored.
    pub storage: Storage,
    /// Byte of its first element in a file that [`Input::copy_rest`](super::Input::copy_rest) has begun.
    pub place: Option<u64>,
}

/// Where a format writes to.
pub enum Target {
    /// A file that is empty, or was begun by [`Input::copy_rest`](super::Input::copy_rest).
    File(File),
    /// What takes bytes one after another.
    Pipe(Box<dyn Write + Send>),
}

/// Where the elements of a new array go. What is not finished is no whole file.
pub struct Output(Route);

enum Route {
    /// To their places in a file.
    Places(FileSink),
    /// One after another.
    InOrder(PipeSink<Box<dyn Complete>>),
    /// To a temporary file first, whose bytes go one after another when all are there.
    Spooled(FileSink, PipeSink<Box<dyn Complete>>),
}

/// A writer that must be told when all is written.
pub trait Complete: Write + Send {
    /// Completes what was written.
    ///
    /// # Errors
    ///
    /// What keeps it from being complete.
    fn complete(self: Box<Self>) -> io::Result<()>;
}

#[cfg(any(feature = "npz", feature = "safetensors"))]
impl Target {
    /// The file, where a format needs positions.
    pub(super) fn into_file(self, needed: &str) -> file::Reason<File> {
        match self {
            Self::File(file) => Ok(file),
            Self::Pipe(_) => Err(file::needs_positions(needed)),
        }
    }
}

impl Complete for Box<dyn Write + Send> {
    fn complete(mut self: Box<Self>) -> io::Result<()> {
        self.flush()
    }
}

#[cfg(any(feature = "npz", feature = "safetensors"))]
impl NewArray<'_> {
    /// Its name, or NumPy's where it has none.
    pub(super) fn name(&self) -> &str {
        match self.name {
            "" => "arr_0",
            name => name,
        }
    }

    /// Bytes of its data; `None` where `usize` cannot count them.
    pub(super) fn data_bytes(&self) -> Option<u64> {
        let bytes = count(self.shape)?.checked_mul(self.storage.number.bytes());
        bytes.map(|bytes| bytes as u64)
    }
}

impl Output {
    /// Elements that go to their places in a file, in any order.
    pub fn places(sink: FileSink) -> Self {
        Self(Route::Places(sink))
    }

    /// Elements that go to a writer one after another; errors call it `path`.
    pub fn in_order(writer: impl Complete + 'static, path: &Path, storage: Storage) -> Self {
        let writer: Box<dyn Complete> = Box::new(writer);
        Self(Route::InOrder(PipeSink::new(writer, path, storage)))
    }

    /// The same for elements that come in any order: where the file takes them one after another, they go
    /// to a temporary file first.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) where there can be no temporary file.
    pub fn in_any_order(self) -> Result<Self> {
        let Route::InOrder(sink) = self.0 else {
            return Ok(self);
        };
        let spool = FileSink {
            file: file::temporary()?,
            path: std::env::temp_dir(),
            start: 0,
            storage: sink.storage,
        };
        Ok(Self(Route::Spooled(spool, sink)))
    }

    /// Completes what was written.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) where elements are missing or writing fails.
    pub fn finish(self) -> Result<()> {
        let (spool, sink) = match self.0 {
            Route::Places(_) => return Ok(()),
            Route::InOrder(sink) => (None, sink),
            Route::Spooled(spool, sink) => (Some(spool.file), sink),
        };
        let path = sink.path.clone();
        let mut writer = sink.into_writer();
        let complete = || {
            if let Some(mut file) = spool {
                file.rewind()?;
                io::copy(&mut BufReader::with_capacity(BLOCK, file), &mut writer)?;
            }
            writer.complete()
        };
        complete().map_err(|error| cannot_write(&path, &error))
    }
}

impl Sink for Output {
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()> {
        match &self.0 {
            Route::Places(sink) | Route::Spooled(sink, _) => sink.write(first, bytes),
            Route::InOrder(sink) => sink.write(first, bytes),
        }
    }
}
