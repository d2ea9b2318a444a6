//! Outputs that appear whole or not at all.

use std::{
    fs::File,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::NamedTempFile;

use super::{
    Failure, Result, file_error,
    temporary::{beside, folder, remove_abandoned},
    usage,
};
use wgpu_activations::{
    io::{self, Endian, Format, NewArray, Number, Order, Output, Storage, Target},
    offload::Progress,
};

/// The name of standard input and output.
pub(super) const PIPE: &str = "-";

/// What there is when the user interrupts.
struct Files {
    /// Temporary files, to be removed.
    unfinished: Vec<PathBuf>,
    /// What has its name, as the user calls it.
    written: Vec<String>,
}

static FILES: Mutex<Files> = Mutex::new(Files {
    unfinished: Vec::new(),
    written: Vec::new(),
});

/// How far a stream has come, for whoever interrupts it.
static DONE: AtomicU64 = AtomicU64::new(0);
static OF: AtomicU64 = AtomicU64::new(0);

pub(super) fn note_progress(progress: Progress) {
    DONE.fetch_max(progress.done, Ordering::Relaxed);
    OF.store(progress.of, Ordering::Relaxed);
}

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
        let mut planned = Vec::<(_, PathBuf)>::new();
        for path in paths {
            if path == Path::new(PIPE) {
                return usage(
                    "`-` is stdout, which takes nothing but the output of `run`; name a file (./- is one)",
                );
            }
            let destination = destination(path, force)?;
            if planned.iter().any(|(_, other)| *other == destination) {
                let path = path.display();
                return usage(format!("{path} is named for two outputs"));
            }
            planned.push((path, destination));
        }
        Ok(Self {
            paths: planned,
            force,
        })
    }

    pub(super) fn write(&self, contents: &[Vec<u8>]) -> Result {
        let mut files = self.begin()?;
        for (Unfinished { path, file }, content) in files.iter_mut().zip(contents) {
            file.write_all(content).map_err(cannot_write(path))?;
        }
        self.finish(files)
    }

    /// Begins all files, each beside its destination.
    pub(super) fn begin(&self) -> Result<Vec<Unfinished<'a>>> {
        remove_unfinished_on_interrupt();
        for (_, destination) in &self.paths {
            remove_abandoned(destination);
        }
        let begin = |(path, destination): &(&'a Path, PathBuf)| {
            // Locked, lest an interrupt come between the file and its entry.
            let mut files = lock();
            let file = beside(destination).map_err(cannot_write(path))?;
            files.unfinished.push(file.path().to_owned());
            Ok(Unfinished { path, file })
        };
        self.paths.iter().map(begin).collect()
    }

    /// Renames files that are complete to where they belong.
    pub(super) fn finish(&self, files: Vec<Unfinished<'_>>) -> Result {
        // Locked, so that an interrupt finds none of them renamed, or all.
        let mut state = lock();
        for ((path, destination), Unfinished { file, .. }) in self.paths.iter().zip(files) {
            let renamed = match self.force {
                true => file.persist(destination),
                false => file.persist_noclobber(destination),
            };
            renamed.map_err(|error| cannot_write(path)(error.error))?;
            state.written.push(path.display().to_string());
        }
        Ok(())
    }
}

/// A folder for files to come. One that was not there is made, and goes again if it stays empty.
pub(super) struct Folder<'a>(&'a Path);

impl<'a> Folder<'a> {
    pub(super) fn at(path: &'a Path) -> Result<Self> {
        if !path.is_dir() {
            remove_unfinished_on_interrupt();
            let mut files = lock();
            std::fs::create_dir(path).map_err(cannot_write(path))?;
            files.unfinished.push(path.to_owned());
        }
        Ok(Self(path))
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        if lock().unfinished.iter().any(|path| path == self.0) {
            // Fails where there is something in it.
            let _ = std::fs::remove_dir(self.0);
        }
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

    /// Begins an array of the file.
    pub(super) fn begin(&self, format: &dyn Format, array: &NewArray<'_>) -> Result<Output> {
        let file = self.file().try_clone().map_err(cannot_write(self.path))?;
        Ok(format.begin(Target::File(file), self.path, array)?)
    }

    /// Begins the one array of the file, in the format that its name asks for.
    pub(super) fn begin_only(
        &self,
        shape: &[usize],
        order: Order,
        number: Number,
    ) -> Result<Output> {
        let endian = Endian::Little;
        let array = NewArray {
            name: "",
            shape,
            order,
            storage: Storage { number, endian },
            place: None,
        };
        self.begin(io::format_of(self.path), &array)
    }
}

/// Where `path` leads, through symbolic links, so that a link stays one.
fn destination(path: &Path, force: bool) -> Result<PathBuf> {
    let refuse = |reason: &str| Err(file_error(path, reason).into());
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
        Ok(_) => path.canonicalize().map_err(cannot_write(path)),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot_write(path)(error)),
        Err(_) if path.is_symlink() => {
            refuse("is a symbolic link to a file that is not there; name that file")
        }
        Err(_) => match path.file_name() {
            Some(name) if !path.to_string_lossy().ends_with(std::path::is_separator) => Ok(folder
                .canonicalize()
                .map_err(cannot_write(path))?
                .join(name)),
            _ => refuse("there is no such folder; an output file is needed"),
        },
    }
}

fn cannot_write(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    move |error| file_error(path, format!("cannot be written: {error}")).into()
}

fn lock() -> std::sync::MutexGuard<'static, Files> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove_unfinished_on_interrupt() {
    // Without a handler the system's default stands, which leaves the temporary file behind.
    let _ = ctrlc::try_set_handler(|| {
        // Locked to the end: no other file begins, and none gets its name.
        let files = lock();
        // A folder after what is in it; it stays where there is more.
        for path in files.unfinished.iter().rev() {
            let removed = std::fs::remove_file(path);
            let _ = removed.or_else(|_| std::fs::remove_dir(path));
        }
        let (done, of) = (DONE.load(Ordering::Relaxed), OF.load(Ordering::Relaxed));
        if !files.written.is_empty() {
            let written = files.written.join(" and ");
            super::text::note(&format!("interrupted, but {written} had been written"));
        } else if of > 0 {
            let how_far = format!("interrupted after {done} of {of} elements");
            super::text::note(&format!("{how_far}; no file was written"));
        }
        std::process::exit(130);
    });
}
