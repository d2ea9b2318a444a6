//! What a file format is, and the list of them.

use std::io::{self, Cursor, Read, Seek};
use std::path::Path;

use super::{
    file::{self, Reason, cannot_read, fill},
    input::{Found, Input, Opened, Selection},
    output::{NewArray, Output, Target},
    stranger::stranger,
};
use crate::error::{Error, Result};

/// All formats. The first is that of files whose name says nothing.
pub static FORMATS: &[&dyn Format] = &[
    #[cfg(feature = "npy")]
    &super::npy::Npy,
    #[cfg(feature = "npz")]
    &super::npz::Npz,
    #[cfg(feature = "safetensors")]
    &super::safetensors::Safetensors,
];

/// A format of files that hold arrays. To add one, implement it and put it in [`FORMATS`].
pub trait Format: Sync {
    /// What it is called: `npy`.
    fn name(&self) -> &'static str;

    /// The same with its article: `an .npy file`.
    fn noun(&self) -> &'static str;

    /// What names of its files end in, after the dot.
    fn extensions(&self) -> &'static [&'static str];

    /// Whether a file that begins with `start`, 16 bytes where it has so many, is of this format.
    fn recognises(&self, start: &[u8]) -> bool;

    /// Whether its files hold several arrays, which have names.
    fn holds_several(&self) -> bool {
        true
    }

    /// Whether a new file has the layout of the input: tensors keep their places, and so their shapes.
    fn keeps_layout(&self) -> bool {
        false
    }

    /// Finds the arrays that `names` name, by [pattern](crate::io::matches), in the file's order; without names
    /// the only one. There are no names where a file holds but one. Errors call the file `path`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the file cannot be read, is damaged or does not hold what is named;
    /// [`Error::FileFormat`] where the format has no such choice.
    fn open(&self, file: Opened, path: &Path, names: &[String]) -> Result<Selection>;

    /// The bytes that a file of `arrays` and nothing else begins with, and the places of these, where they must be known
    /// before: nothing where a file takes arrays one after another.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where the format cannot hold the arrays.
    fn alone(&self, arrays: &[NewArray<'_>]) -> io::Result<(Vec<u8>, Vec<u64>)> {
        let _ = arrays;
        Ok((Vec::new(), Vec::new()))
    }

    /// Begins an array in a file that is empty, or that has what [`Input::copy_rest`] and arrays before have
    /// written; it can be read, too. The elements are then written to the output. Errors call the file `path`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] where the format cannot hold the array or writing fails.
    fn begin(&self, target: Target, path: &Path, array: &NewArray<'_>) -> Result<Output>;
}

impl PartialEq for dyn Format {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl std::fmt::Debug for dyn Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The format that the name of a file asks for, whatever the case; [`FORMATS`]' first where it asks for none.
pub fn format_of(path: &Path) -> &'static dyn Format {
    let extension = path.extension().unwrap_or_default();
    let is = |known: &&str| extension.eq_ignore_ascii_case(known);
    let mut formats = FORMATS.iter().copied();
    let named = formats.find(|format| format.extensions().iter().any(is));
    named.unwrap_or(FORMATS[0])
}

/// Opens the arrays of a file that `names` name, or without names the only one.
///
/// The format is that of the file's content, whatever its name. Where the content is of no format,
/// that of the name says what is wrong.
///
/// # Errors
///
/// As [`Format::open`].
pub fn open(path: &Path, names: &[String]) -> Result<Input> {
    let (found, opened) = opened(path)?;
    let input = select(opened, path, names)?;
    Ok(Input { found, ..input })
}

/// A file or pipe, and what it begins with.
type Begun = (Vec<u8>, Opened);

/// A file as it was found, and what it begins with.
pub(super) fn opened(path: &Path) -> Result<(Option<Found>, Begun)> {
    let opened = || {
        let (mut file, length) = file::open(path, format_of(path).noun())?;
        let found = Found::of(&file).map_err(cannot_read)?;
        let start = start_of(&mut file)?;
        let Some(length) = length else {
            return Ok((None, unread(start, file)));
        };
        file.rewind().map_err(cannot_read)?;
        Ok((Some(found), (start, Opened::File { file, length })))
    };
    opened().map_err(file::of(path))
}

/// Whether a file is of a format that holds several arrays. What is no file, or cannot be read, is not.
pub fn holds_several(path: &Path) -> bool {
    let start = path.is_file().then(|| opened(path));
    start.is_some_and(|opened| {
        opened.is_ok_and(|(_, (start, _))| found(&start).is_some_and(Format::holds_several))
    })
}

/// The format of a file that begins so.
fn found(start: &[u8]) -> Option<&'static dyn Format> {
    let mut formats = FORMATS.iter().copied();
    formats.find(|format| format.recognises(start))
}

/// The same of what a pipe brings; errors call it `path`.
///
/// # Errors
///
/// As [`Format::open`], and where the format needs a file.
pub fn open_pipe(
    mut reader: impl Read + Send + 'static,
    path: &Path,
    names: &[String],
) -> Result<Input> {
    let start = start_of(&mut reader).map_err(file::of(path))?;
    select(unread(start, reader), path, names)
}

fn select((start, opened): Begun, path: &Path, names: &[String]) -> Result<Input> {
    let format = recognise(&start, path)?;
    if !names.is_empty() && !format.holds_several() {
        return Err(Error::FileFormat(format!(
            "--tensor and @FILE:NAME name arrays of an {} file",
            those_that(|format| format.holds_several())
        )));
    }
    Ok(Input::of(format, path, format.open(opened, path, names)?))
}

/// The format of a file that begins so; where that is none, the one that its name asks for says what is wrong.
pub(super) fn recognise(start: &[u8], path: &Path) -> Result<&'static dyn Format> {
    match (found(start), stranger(start)) {
        (Some(format), _) => Ok(format),
        (None, Some(reason)) => Err(file::of(path)(reason.to_owned())),
        (None, None) => Ok(format_of(path)),
    }
}

/// The formats of which something is true: `.npy or .npz`.
pub(super) fn those_that(is: impl Fn(&dyn Format) -> bool) -> String {
    let formats = FORMATS.iter().filter(|format| is(**format));
    let names = formats.map(|format| format!(".{}", format.name()));
    names.collect::<Vec<_>>().join(" or ")
}

/// What a format is recognised by.
fn start_of(reader: &mut impl Read) -> Reason<Vec<u8>> {
    let mut start = vec![0; 16];
    let found = fill(reader, &mut start).map_err(cannot_read)?;
    start.truncate(found);
    Ok(start)
}

/// A reader whose start has been read, and is to be read again.
fn unread(start: Vec<u8>, reader: impl Read + Send + 'static) -> Begun {
    let whole = Cursor::new(start.clone()).chain(reader);
    (start, Opened::Pipe(Box::new(whole)))
}
