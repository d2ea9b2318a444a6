//! Where a command streams results to: files of several formats, and pipes.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::input::{Item, Kind, PIPE};
use crate::{Failure, Result, files::Unfinished};

use wgpu_activations::{
    Error,
    io::{
        npy::{Dtype, Header, Order},
        npz::Writer,
    },
    offload::{
        Sink,
        file::{FileSink, PipeSink, cannot_write},
    },
};

/// The format of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Npz,
    Safetensors,
}

impl Format {
    /// That of `path`, if it can hold what an input of this kind gives.
    pub(super) fn of(path: &Path, kind: &Kind) -> Result<Self> {
        let ends_in = |extension: &str| {
            path.extension()
                .is_some_and(|found| found.eq_ignore_ascii_case(extension))
        };
        let format = if ends_in("safetensors") {
            Self::Safetensors
        } else if ends_in("npz") {
            Self::Npz
        } else {
            Self::Npy
        };
        let is_safetensors = matches!(kind, Kind::Safetensors(_));
        if is_safetensors != (format == Self::Safetensors) {
            let rule = if is_safetensors {
                "tensors of a .safetensors file go to another .safetensors file"
            } else {
                "an array of an .npy or .npz file goes to an .npy or .npz file"
            };
            return Err(Failure::Usage(format!("{}: {rule}", path.display())));
        }
        Ok(format)
    }
}

/// Where the elements of one array go.
pub(super) enum Elements<'a> {
    /// To their places in a file.
    File(FileSink<'a>),
    /// One after another.
    Npz(PipeSink<'a, Writer<&'a File>>),
    Stdout(PipeSink<'a, io::Stdout>),
    /// To a temporary file first, whose bytes go one after another when all are there.
    Spooled(FileSinkOfOwn, Box<Self>),
}

/// A sink over a temporary file.
pub(super) struct FileSinkOfOwn {
    file: File,
    format: wgpu_activations::offload::file::Format,
    path: std::path::PathBuf,
}

impl Sink for FileSinkOfOwn {
    fn write(&self, first: usize, bytes: &[u8]) -> wgpu_activations::Result<()> {
        let sink = FileSink {
            file: &self.file,
            path: &self.path,
            start: 0,
            format: self.format,
        };
        sink.write(first, bytes)
    }
}

impl<'a> Elements<'a> {
    /// Begins a file of `format`, or stdout where there is no file, for the result of `item`.
    /// `in_order` tells whether its elements will come one after another.
    pub(super) fn begin(
        (path, file): (&'a Path, Option<&'a Unfinished<'a>>),
        (format, kind): (Format, &Kind),
        item: &Item,
        (shape, order): (&[usize], Order),
        in_order: bool,
    ) -> Result<Self> {
        let wrong = |error: io::Error| Failure::from(cannot_write(path, &error));
        let Some(file) = file else {
            let header = header(item, shape, order)?;
            let written = header.write(&mut io::stdout());
            written.map_err(|error| cannot_write(Path::new(PIPE), &error))?;
            let sink = Self::Stdout(PipeSink {
                writer: Mutex::new((io::stdout(), 0)),
                path: Path::new(PIPE),
                format: item.format,
            });
            return sink.spooled(in_order, item, path);
        };
        let start = match format {
            Format::Safetensors => item.data.start,
            Format::Npy => {
                let header = header(item, shape, order)?;
                let mut file = file.file();
                header.write(&mut file).map_err(wrong)?
            }
            Format::Npz => {
                let name = match kind {
                    Kind::Npz(name) => name,
                    _ => "arr_0",
                };
                let header = header(item, shape, order)?;
                let writer = Writer::new(file.file(), name, &header).map_err(wrong)?;
                let sink = Self::Npz(PipeSink {
                    writer: Mutex::new((writer, 0)),
                    path,
                    format: item.format,
                });
                return sink.spooled(in_order, item, path);
            }
        };
        Ok(Self::File(FileSink {
            file: file.file(),
            path,
            start,
            format: item.format,
        }))
    }

    fn spooled(self, in_order: bool, item: &Item, path: &Path) -> Result<Self> {
        if in_order {
            return Ok(self);
        }
        let file = tempfile::tempfile().map_err(|error| cannot_write(path, &error))?;
        let own = FileSinkOfOwn {
            file,
            format: item.format,
            path: path.to_owned(),
        };
        Ok(Self::Spooled(own, Box::new(self)))
    }

    pub(super) fn sink(&self) -> &dyn Sink {
        match self {
            Self::File(sink) => sink,
            Self::Npz(sink) => sink,
            Self::Stdout(sink) => sink,
            Self::Spooled(sink, _) => sink,
        }
    }

    /// Completes what was written.
    pub(super) fn finish(self) -> Result {
        match self {
            Self::File(_) => Ok(()),
            Self::Npz(sink) => {
                let path = sink.path;
                let (writer, _) = into_inner(sink.writer);
                let finished = writer.finish().map(drop);
                finished.map_err(|error| cannot_write(path, &error).into())
            }
            Self::Stdout(sink) => {
                let (mut stdout, _) = into_inner(sink.writer);
                let flushed = stdout.flush();
                flushed.map_err(|error| cannot_write(sink.path, &error).into())
            }
            Self::Spooled(mut own, rest) => {
                let copied = (|| {
                    own.file.seek(SeekFrom::Start(0))?;
                    let mut block = vec![0; 1 << 18];
                    loop {
                        match own.file.read(&mut block)? {
                            0 => return Ok(()),
                            count => rest.write_stored(&block[..count])?,
                        }
                    }
                })();
                copied.map_err(|error| cannot_write(&own.path, &error))?;
                rest.finish()
            }
        }
    }

    /// Writes bytes as they are to be stored.
    fn write_stored(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Npz(sink) => lock(&sink.writer).0.write_all(bytes),
            Self::Stdout(sink) => lock(&sink.writer).0.write_all(bytes),
            Self::File(_) | Self::Spooled(..) => Ok(()),
        }
    }
}

/// A file of the same layout as the input: its header, and the tensors that pass through.
pub(super) fn copy_rest(
    input: &Path,
    output: &Unfinished<'_>,
    kind: &Kind,
    items: &[Item],
) -> Result {
    let Kind::Safetensors(listing) = kind else {
        return Ok(());
    };
    let copy = || -> io::Result<()> {
        let mut from = File::open(input)?;
        let mut to = output.file();
        to.write_all(&listing.header)?;
        for entry in &listing.entries {
            if items.iter().any(|item| item.name == entry.name) {
                continue;
            }
            from.seek(SeekFrom::Start(entry.data.start))?;
            to.seek(SeekFrom::Start(entry.data.start))?;
            let bytes = entry.data.end - entry.data.start;
            if io::copy(&mut (&from).take(bytes), &mut to)? != bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    };
    copy().map_err(|error| {
        Error::File {
            path: input.to_owned(),
            reason: format!("cannot be copied to {}: {error}", output.path.display()),
        }
        .into()
    })
}

fn header(item: &Item, shape: &[usize], order: Order) -> Result<Header> {
    let dtype = item.npy_dtype.unwrap_or(Dtype {
        float: wgpu_activations::io::npy::Float::F32,
        endian: wgpu_activations::io::npy::Endian::NATIVE,
    });
    Ok(Header {
        shape: shape.to_vec(),
        order,
        dtype,
        bytes: 0,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
