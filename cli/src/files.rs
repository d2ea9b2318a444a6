//! Outputs that appear whole or not at all.

use std::{
    collections::HashSet,
    fs::File,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::NamedTempFile;

use super::{Failure, Result};
use wgpu_activations::{
    Error,
    io::{self, Endian, Format, NewArray, Number, Order, Output, Sink, Storage, Target},
    offload::Progress,
};

/// Temporary files to remove when the user interrupts.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// How far a stream has come, for who interrupts it.
static DONE: AtomicU64 = AtomicU64::new(0);
static OF: AtomicU64 = AtomicU64::new(0);

/// Keeps how far a stream has come.
pub(super) fn note_progress(progress: Progress) {
    DONE.fetch_max(progress.done, Ordering::Relaxed);
    OF.store(progress.of, Ordering::Relaxed);
}

/// What a file will hold.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// An array in C order, its elements in this machine's byte order.
    Array {
        shape: Vec<usize>,
        storage: Storage,
        elements: Vec<u8>,
    },
    Bytes(Vec<u8>),
}

impl Content {
    /// float32 in C order.
    pub(super) fn numbers(shape: Vec<usize>, values: Vec<f32>) -> Self {
        let storage = Storage {
            number: Number::F32,
            endian: Endian::NATIVE,
        };
        let elements = bytemuck::cast_slice(&values).to_vec();
        Self::Array {
            shape,
            storage,
            elements,
        }
    }
}

/// How indices are stored.
pub(super) const INDICES: Storage = Storage {
    number: Number::U32,
    endian: Endian::Little,
};

/// The files that a command will write.
pub(super) struct Outputs<'a> {
    /// Each as the user calls it, and where that leads.
    paths: Vec<(&'a Path, PathBuf)>,
    force: bool,
}

impl<'a> Outputs<'a> {
    /// Refuses early what could only fail at the end: a file that is there without `force`, what
    /// is no file, one file for two results.
    pub(super) fn plan(paths: Vec<&'a Path>, force: bool) -> Result<Self> {
        let mut seen = HashSet::new();
        let mut planned = Vec::new();
        for path in paths {
            let destination = destination(path, force)?;
            if !seen.insert(destination.clone()) {
                return Err(Failure::Usage(format!(
                    "{} is named for two outputs",
                    path.display()
                )));
            }
            planned.push((path, destination));
        }
        Ok(Self {
            paths: planned,
            force,
        })
    }

    /// Begins all files, each beside its destination.
    pub(super) fn begin(&self) -> Result<Vec<Unfinished<'a>>> {
        remove_unfinished_on_interrupt();
        let begin = |(path, destination): &(&'a Path, PathBuf)| {
            let file = begin_beside(destination).map_err(|error| fail(path, reason(&error)))?;
            Ok(Unfinished { path, file })
        };
        self.paths.iter().map(begin).collect()
    }

    /// Renames files that are complete to where they belong.
    pub(super) fn finish(&self, files: Vec<Unfinished<'_>>) -> Result {
        for ((path, destination), Unfinished { file, .. }) in self.paths.iter().zip(files) {
            let renamed = if self.force {
                file.persist(destination)
            } else {
                file.persist_noclobber(destination)
            };
            renamed.map_err(|error| fail(path, reason(&error.error)))?;
        }
        Ok(())
    }
}

/// A file that is not yet where it belongs; it goes when dropped.
pub(super) struct Unfinished<'a> {
    /// As the user calls it.
    pub(super) path: &'a Path,
    file: NamedTempFile,
}

impl Unfinished<'_> {
    pub(super) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Begins the one array of the file, in the format that its name asks for.
    pub(super) fn begin(&self, array: &NewArray<'_>) -> Result<Output> {
        self.begin_as(io::format_of(self.path), array)
    }

    /// Begins an array of the file.
    pub(super) fn begin_as(&self, format: &dyn Format, array: &NewArray<'_>) -> Result<Output> {
        let file = self.file().try_clone();
        let file = file.map_err(|error| fail(self.path, reason(&error)))?;
        Ok(format.begin(Target::File(file), self.path, array)?)
    }

    pub(super) fn fill(&mut self, content: &Content) -> Result {
        match content {
            Content::Array {
                shape,
                storage,
                elements,
            } => {
                let output = self.begin(&NewArray {
                    name: "",
                    shape,
                    order: Order::C,
                    storage: *storage,
                    place: None,
                })?;
                output.write(0, elements)?;
                Ok(output.finish()?)
            }
            Content::Bytes(bytes) => {
                let written = self.file.write_all(bytes);
                written.map_err(|error| fail(self.path, reason(&error)))
            }
        }
    }
}

/// Where `path` leads, through symbolic links, so that a link stays one.
fn destination(path: &Path, force: bool) -> Result<PathBuf> {
    let refuse = |reason: &str| Err(fail(path, reason.to_owned()));
    let unreachable = |error| fail(path, reason(&error));
    let folder = folder(path);
    if !folder.is_dir() {
        return refuse(&format!("there is no folder {}", folder.display()));
    }
    match path.metadata() {
        Ok(found) if found.is_dir() => refuse("is a directory; an output file is needed"),
        // A device or a pipe would be replaced, too.
        Ok(found) if !found.is_file() => {
            refuse("is a device, pipe or socket; an output file is needed")
        }
        Ok(_) if !force => refuse("exists; add --force to replace it"),
        Ok(_) => path.canonicalize().map_err(unreachable),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unreachable(error)),
        Err(_) if path.is_symlink() => {
            refuse("is a symbolic link to a file that is not there; name that file")
        }
        Err(_) => match path.file_name() {
            Some(name) if !path.to_string_lossy().ends_with(std::path::is_separator) => {
                Ok(folder.canonicalize().map_err(unreachable)?.join(name))
            }
            _ => refuse("there is no such folder; an output file is needed"),
        },
    }
}

/// A temporary file in the folder of `path`.
fn begin_beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".activations-").suffix(".tmp");
    // As any new file: readable to whom the user's mask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // Locked, lest an interrupt come between the file and its entry.
    let mut unfinished = lock();
    let file = builder
        .tempfile_in(folder(path))
        // The error itself names the temporary file, which the user does not know.
        .map_err(|error| error.kind())?;
    unfinished.push(file.path().to_owned());
    Ok(file)
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
        // Locked to the end: no other file begins.
        let unfinished = lock();
        for path in unfinished.iter() {
            let _ = std::fs::remove_file(path);
        }
        let (done, of) = (DONE.load(Ordering::Relaxed), OF.load(Ordering::Relaxed));
        if of > 0 {
            super::text::note(&format!(
                "interrupted after {done} of {of} elements; nothing was written"
            ));
        }
        std::process::exit(130);
    });
}
