//! Arrays in files and pipes, found but not read yet.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{
    FileSource, Format, NewArray, Order, PipeSource, Source, Storage, collect, file,
    format::those_that, format_of, rearrange, stream::cannot_read,
};
use crate::{
    element::{Element, ElementType, count},
    error::{Error, Result},
    with_element,
};

/// A file or a pipe at its beginning.
pub enum Opened {
    /// A file with positions to go to.
    File {
        /// The file.
        file: File,
        /// Its bytes.
        length: u64,
    },
    /// What comes one after another.
    Pipe(Box<dyn Read + Send>),
}

/// What was chosen of a file.
#[derive(Debug)]
pub struct Selection {
    /// The arrays that were named.
    pub arrays: Vec<StoredArray>,
    /// Bytes of all else that a file with other values in these arrays has, in the same places.
    pub rest: Vec<Range<u64>>,
}

/// Arrays of one file, as [`open`](super::open) finds them.
#[derive(Debug)]
pub struct Input {
    /// The file's format.
    pub format: &'static dyn Format,
    /// Its path.
    pub path: PathBuf,
    /// The arrays that were named.
    pub arrays: Vec<StoredArray>,
    pub(super) rest: Vec<Range<u64>>,
}

/// An array in a file or pipe, to be read.
#[derive(Debug)]
pub struct StoredArray {
    /// Its name in a file of several; else nothing.
    pub name: String,
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// The order of its elements.
    pub order: Order,
    /// The type that its elements are computed in.
    pub element: ElementType,
    /// How they are stored.
    pub storage: Storage,
    /// Their type as the format writes it: `<f4`.
    pub dtype: String,
    /// The same in words: `float32`.
    pub type_name: &'static str,
    /// Where its data is to be in a file that is the input's with this array replaced.
    pub place: Option<u64>,
    pub(super) data: Data,
    pub(super) path: PathBuf,
}

/// Where an array's data is.
pub(super) enum Data {
    /// In a file from some byte on.
    File(Arc<File>, u64),
    /// In what comes one after another, which begins with it; with its bytes.
    #[cfg_attr(not(feature = "npy"), allow(dead_code))] // .safetensors files have positions.
    Pipe(Box<dyn Read + Send>, u64),
}

/// An array's elements, in a file, a pipe or memory.
pub type Elements = Box<dyn Source + Send>;

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_, start) => write!(f, "in a file from byte {start}"),
            Self::Pipe(_, bytes) => write!(f, "{bytes} bytes of a pipe"),
        }
    }
}

#[cfg(any(feature = "npz", feature = "safetensors"))]
impl Opened {
    /// The file and its length, where a format needs positions.
    pub(super) fn into_file(self, noun: &str) -> file::Reason<(File, u64)> {
        match self {
            Self::File { file, length } => Ok((file, length)),
            Self::Pipe(_) => Err(file::needs_positions(noun)),
        }
    }
}

impl Input {
    /// The array, where it is one.
    ///
    /// # Errors
    ///
    /// [`Error::FileFormat`] where there are several.
    pub fn into_only(self) -> Result<StoredArray> {
        let [array] = <[StoredArray; 1]>::try_from(self.arrays).map_err(|arrays| {
            let (path, found) = (self.path.display(), arrays.len());
            Error::FileFormat(format!("{path}: one array is needed, {found} are named"))
        })?;
        Ok(array)
    }

    /// The format of a new file of this name, which must be able to hold what this one gives.
    ///
    /// # Errors
    ///
    /// [`Error::FileFormat`] where one of the two rewrites whole files and the other does not.
    pub fn output_format(&self, path: &Path) -> Result<&'static dyn Format> {
        let format = format_of(path);
        let (fits, rule) = if self.format.rewrites() {
            let name = self.format.name();
            let rule = format!("tensors of a .{name} file go to another .{name} file");
            (self.format == format, rule)
        } else {
            let names = those_that(|format| !format.rewrites());
            let rule = format!("an array of an {names} file goes to an {names} file");
            (!format.rewrites(), rule)
        };
        if fits {
            return Ok(format);
        }
        Err(Error::FileFormat(format!("{}: {rule}", path.display())))
    }

    /// Fails where a result of shape `result` cannot take the array's place in a file of `format`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the format keeps shapes and these differ.
    pub fn expect_fit(
        &self,
        array: &StoredArray,
        result: &[usize],
        format: &dyn Format,
    ) -> Result<()> {
        if !format.rewrites() || result == array.shape {
            return Ok(());
        }
        let name = format.name();
        Err(file::of(&self.path)(format!(
            "tensor `{}` of shape {:?} would become {result:?}; only what keeps the shape goes from .{name} \
             to .{name}",
            array.name, array.shape
        )))
    }

    /// Begins a file that is this one with the chosen arrays replaced: copies all else. Nothing where
    /// the format does not rewrite. Errors call the new file `path`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where reading or writing fails.
    pub fn copy_rest(&self, mut to: &File, path: &Path) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let mut copy = || -> io::Result<()> {
            let mut from = File::open(&self.path)?;
            for range in &self.rest {
                from.seek(SeekFrom::Start(range.start))?;
                to.seek(SeekFrom::Start(range.start))?;
                let bytes = range.end - range.start;
                if io::copy(&mut (&from).take(bytes), &mut to)? != bytes {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Ok(())
        };
        copy().map_err(|error| {
            file::of(&self.path)(format!("cannot be copied to {}: {error}", path.display()))
        })
    }
}

impl StoredArray {
    /// Number of elements.
    pub fn len(&self) -> usize {
        count(&self.shape).unwrap_or(usize::MAX)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A result of `shape` in `order` with all else as this array has it.
    pub fn like<'a>(&'a self, shape: &'a [usize], order: Order) -> NewArray<'a> {
        NewArray {
            name: &self.name,
            shape,
            order,
            storage: self.storage,
            place: self.place,
        }
    }

    /// Its elements, as they come where they are read `once` from beginning to end; else so that they
    /// can be read again and anywhere, for which those of a pipe go to a temporary file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where a pipe does not hold what it claims or there is no room for its elements.
    pub fn elements(self, once: bool) -> Result<Elements> {
        let (file, start) = match self.data {
            Data::File(file, start) => (file, start),
            Data::Pipe(reader, _) if once => {
                let source = PipeSource::new(reader, &self.path, self.storage);
                return Ok(Box::new(source));
            }
            Data::Pipe(reader, bytes) => (Arc::new(spool(&self.path, reader, bytes)?), 0),
        };
        let (path, storage) = (self.path, self.storage);
        Ok(Box::new(FileSource {
            file,
            path,
            start,
            storage,
        }))
    }

    /// All elements, in memory and in `order`.
    ///
    /// # Errors
    ///
    /// [`Error::ElementMismatch`] unless `T` is [`StoredArray::element`]; [`Error::File`] where reading
    /// fails.
    pub fn read<T: Element>(self, order: Order) -> Result<Vec<T>> {
        if T::TYPE != self.element {
            return Err(Error::ElementMismatch {
                op: "read".to_owned(),
                left: "the array",
                left_type: self.element.name(),
                right: "the slice",
                right_type: T::TYPE.name(),
            });
        }
        let (len, shape, from) = (self.len(), self.shape.clone(), self.order);
        let elements = self.elements(true)?;
        let values = collect(&elements, len)?;
        elements.expect_end()?;
        Ok(rearrange(values, &shape, from, order))
    }

    /// [`StoredArray::read`] for whatever type its elements have.
    ///
    /// # Errors
    ///
    /// As [`StoredArray::read`].
    pub fn in_memory(self, order: Order) -> Result<Elements> {
        with_element!(self.element, T => Ok(Box::new(self.read::<T>(order)?)))
    }

    /// [`StoredArray::read`] with each element as f32.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where reading fails.
    pub fn read_as_f32(self, order: Order) -> Result<Vec<f32>> {
        with_element!(self.element, T => {
            let values = self.read::<T>(order)?;
            Ok(values.into_iter().map(Element::to_f32).collect())
        })
    }
}

/// A temporary file with the bytes of a pipe.
fn spool(path: &Path, reader: impl Read, bytes: u64) -> Result<File> {
    let spool = || {
        let mut file = tempfile::tempfile()?;
        let copied = io::copy(&mut reader.take(bytes.saturating_add(1)), &mut file)?;
        Ok((file, copied))
    };
    let (file, copied) = spool().map_err(|error| cannot_read(path, &error))?;
    if copied != bytes {
        let more = if copied > bytes { " or more" } else { "" };
        return Err(file::of(path)(format!(
            "header claims {bytes} bytes of data, but there are {copied}{more}; they must match"
        )));
    }
    Ok(file)
}
