//! Arrays in files and pipes, found but not read yet.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{
    FileSource, Format, NewArray, Order, PipeSource, Source, Storage, collect, file,
    format::those_that,
    format_of, rearrange,
    stream::{cannot_read, cannot_write},
};
use crate::{
    element::{Element, ElementType, count},
    error::{Error, Result},
    with_element,
};

/// Bytes copied at a time.
const BLOCK: usize = 1 << 18;

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
    /// Those that a pattern names and that cannot be computed on, each with the reason.
    pub passed_over: Vec<(String, String)>,
    /// All else that a file with other values in the arrays has.
    pub rest: Box<dyn Rest>,
}

/// What a file holds beside the arrays that were chosen.
pub trait Rest: fmt::Debug + Send + Sync {
    /// Begins a file, which is empty, with it.
    ///
    /// # Errors
    ///
    /// What keeps it from being copied.
    fn copy(&self, from: &File, to: &File) -> io::Result<()>;
}

/// Bytes that keep their places.
impl Rest for Vec<Range<u64>> {
    fn copy(&self, mut from: &File, mut to: &File) -> io::Result<()> {
        for range in self {
            to.seek(SeekFrom::Start(range.start))?;
            copy_range(&mut from, range, &mut to)?;
        }
        Ok(())
    }
}

/// Copies bytes to where the other file is.
pub(super) fn copy_range(from: &mut &File, range: &Range<u64>, to: &mut &File) -> io::Result<()> {
    from.seek(SeekFrom::Start(range.start))?;
    let bytes = range.end - range.start;
    if io::copy(&mut from.take(bytes), to)? != bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
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
    /// Those that a pattern names and that cannot be computed on, each with the reason.
    pub passed_over: Vec<(String, String)>,
    pub(super) rest: Box<dyn Rest>,
    /// The file as it was found, where it is one.
    pub(super) found: Option<Found>,
}

/// A file, and what it was like when it was opened.
#[derive(Debug)]
pub(super) struct Found {
    file: File,
    then: Metadata,
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
    /// Its place in a file that is the input's with this array replaced, as the format counts places.
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

impl Found {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        Ok(Self {
            file: file.try_clone()?,
            then: file.metadata()?,
        })
    }

    fn is_unchanged(&self) -> io::Result<bool> {
        let now = self.file.metadata()?;
        Ok(now.len() == self.then.len() && now.modified()? == self.then.modified()?)
    }
}

impl Input {
    /// What was chosen of a file.
    pub(super) fn of(format: &'static dyn Format, path: &Path, selection: Selection) -> Self {
        let Selection {
            arrays,
            passed_over,
            rest,
        } = selection;
        let path = path.to_owned();
        Self {
            format,
            path,
            arrays,
            passed_over,
            rest,
            found: None,
        }
    }

    /// Fails where the file has another size or time than when it was opened: what was read of it may
    /// be partly of before and partly of after.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn expect_unchanged(&self) -> Result<()> {
        let unchanged = self.found.as_ref().map_or(Ok(true), Found::is_unchanged);
        if unchanged.map_err(|error| cannot_read(&self.path, &error))? {
            return Ok(());
        }
        Err(file::of(&self.path)(
            "was changed while it was read: it has another size or time; run it again".to_owned(),
        ))
    }

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
    /// [`Error::FileFormat`] where one of the two keeps the layout of files and the other does not, or several
    /// arrays would go to a file of one.
    pub fn output_format(&self, path: &Path) -> Result<&'static dyn Format> {
        let format = format_of(path);
        if self.arrays.len() > 1 && !format.holds_several() {
            let (path, count, noun) = (path.display(), self.arrays.len(), format.noun());
            let name = self.format.name();
            return Err(Error::FileFormat(format!(
                "{path}: {noun} holds one array, {count} are chosen; name a .{name} file, or one array by --tensor"
            )));
        }
        let (fits, rule) = if self.format.keeps_layout() {
            let name = self.format.name();
            let rule = format!("tensors of a .{name} file go to another .{name} file");
            (self.format == format, rule)
        } else {
            let names = those_that(|format| !format.keeps_layout());
            let rule = format!("an array of an {names} file goes to an {names} file");
            (!format.keeps_layout(), rule)
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
        if !format.keeps_layout() || result == array.shape {
            return Ok(());
        }
        let name = format.name();
        Err(file::of(&self.path)(format!(
            "tensor `{}` of shape {:?} would become {result:?}; only what keeps the shape goes from .{name} \
             to .{name}",
            array.name, array.shape
        )))
    }

    /// Begins a file of `format` that holds the chosen arrays and nothing else. Errors call it `path`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the format cannot hold them or writing fails.
    pub fn begin_alone(&mut self, format: &dyn Format, mut to: &File, path: &Path) -> Result<()> {
        let arrays = self.arrays.iter();
        let arrays: Vec<_> = arrays
            .map(|array| array.like(&array.shape, array.order))
            .collect();
        let begun = format.alone(&arrays).and_then(|(start, places)| {
            to.write_all(&start)?;
            Ok(places)
        });
        let places = begun.map_err(|error| cannot_write(path, &error))?;
        for (index, array) in self.arrays.iter_mut().enumerate() {
            array.place = places.get(index).copied();
        }
        Ok(())
    }

    /// Begins a file of the same format that is this one with the chosen arrays replaced: copies all else.
    /// Errors call the new file `path`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where reading or writing fails.
    pub fn copy_rest(&self, to: &File, path: &Path) -> Result<()> {
        // A pipe has no other arrays, and cannot be opened again.
        if !self.format.holds_several() {
            return Ok(());
        }
        let copied = File::open(&self.path).and_then(|from| self.rest.copy(&from, to));
        copied.map_err(|error| {
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
    let mut file = file::temporary()?;
    let mut reader = reader.take(bytes.saturating_add(1));
    let mut copied = 0;
    let mut block = vec![0; BLOCK];
    loop {
        let count =
            file::fill(&mut reader, &mut block).map_err(|error| cannot_read(path, &error))?;
        if count == 0 {
            break;
        }
        file.write_all(&block[..count])
            .map_err(file::cannot_spool)?;
        copied += count as u64;
    }
    if copied != bytes {
        let more = if copied > bytes { " or more" } else { "" };
        return Err(file::of(path)(format!(
            "header claims {bytes} bytes of data, but there are {copied}{more}; they must match"
        )));
    }
    Ok(file)
}
