//! NumPy's `.npz` format: arrays as `.npy` files in a zip archive, streamed one at a time.
//!
//! The archive's directory goes through zip, the data straight from the file or through flate2.

mod body;
mod directory;
mod entry;
mod writer;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::{
    Complete, Format, NewArray, Opened, Output, Selection, StoredArray, Target,
    choice::{self, Chosen, choose, expect_taken, patterns},
    file::{self, Reason, cannot_read, invalid_data, invalid_input},
    input::Data,
    npy::{Claim, Header},
    stream::{cannot_write, read_exact_at},
};
use crate::error::Result;

use body::Body;
use directory::Directory;
use entry::{Catalog, Entry};
pub use writer::Writer;

/// What a path must lead to.
const NEEDED: &str = "an .npz file";

/// One array of an archive, open at the beginning of its data.
///
/// Reading gives the data's bytes as they are in the array's file, [`Header::data_bytes`] of them,
/// and fails where the archive gives fewer, more, or others than its checksum says. The last is known
/// with the last byte: what was read before may be wrong.
///
/// ```
/// use std::io::{Cursor, Read, Seek, Write};
/// use wgpu_activations::io::npy::{Dtype, Endian, Float, Header, Order};
/// use wgpu_activations::io::npz::{Member, Writer};
///
/// let header = Header {
///     shape: vec![2],
///     order: Order::C,
///     dtype: Dtype { float: Float::F32, endian: Endian::Little },
///     bytes: 0,
/// };
/// let mut writer = Writer::new(Cursor::new(Vec::new()), "x", &header)?;
/// writer.write_all(&1.0f32.to_le_bytes())?;
/// writer.write_all(&2.0f32.to_le_bytes())?;
/// let mut archive = writer.finish()?;
///
/// archive.rewind()?;
/// let mut x = Member::new(archive, Some("x"))?;
/// assert_eq!(x.header().shape, [2]);
/// let mut data = Vec::new();
/// x.read_to_end(&mut data)?;
/// assert_eq!(data, [0, 0, 128, 63, 0, 0, 0, 64]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Member<R = File> {
    name: String,
    header: Header,
    body: Body<R>,
}

/// The names of an archive's arrays, in its order.
///
/// A name is that of the array's file without `.npy`, as NumPy has it. Other files are passed over.
///
/// # Errors
///
/// [`Error::File`](crate::Error::File) where the file cannot be read or is not an `.npz` file whose
/// names differ.
pub fn names(path: &Path) -> Result<Vec<String>> {
    let names = || {
        let (file, length) = file::open_regular(path, NEEDED)?;
        Ok(Directory::read(file, length)?.into_names())
    };
    names().map_err(file::of(path))
}

impl Member {
    /// Opens an array of an archive by its name, or the only one.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) where the file cannot be read; is not an `.npz` file; has
    /// no array of this name or, without a name, any number but one; or where the array is encrypted,
    /// compressed by other than deflate, or as long as its own header does not say.
    pub fn open(path: &Path, name: Option<&str>) -> Result<Self> {
        let find = || {
            let (file, length) = file::open_regular(path, NEEDED)?;
            Self::find(file, length, name)
        };
        find().map_err(file::of(path))
    }
}

impl<R: Read + Seek> Member<R> {
    /// As [`Member::open`], from any reader.
    ///
    /// # Errors
    ///
    /// What `reader` reports; and `InvalidData` where [`Member::open`] refuses a file.
    pub fn new(mut reader: R, name: Option<&str>) -> io::Result<Self> {
        let length = reader.seek(SeekFrom::End(0))?;
        Self::find(reader, length, name).map_err(invalid_data)
    }

    fn find(reader: R, length: u64, name: Option<&str>) -> Reason<Self> {
        let directory = Directory::read(reader, length)?;
        let (name, mut body) = directory.into_array(name)?;
        let of_array = |reason| format!("array {} {reason}", choice::shown(&name));
        let header = Header::parse(&mut body).map_err(of_array)?;
        let claim = Claim::of(&header).map_err(of_array)?;
        claim.hold(body.left()).map_err(of_array)?;
        Ok(Self { name, header, body })
    }
}

impl<R> Member<R> {
    /// The array's name, without `.npy`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the array's file says of the data.
    pub fn header(&self) -> &Header {
        &self.header
    }
}

impl<R: Read> Read for Member<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

/// Arrays in an archive, of which some are replaced.
pub(super) struct Npz;

impl Format for Npz {
    fn name(&self) -> &'static str {
        "npz"
    }

    fn noun(&self) -> &'static str {
        NEEDED
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["npz"]
    }

    fn recognises(&self, start: &[u8]) -> bool {
        start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
    }

    fn open(&self, file: Opened, path: &Path, names: &[String]) -> Result<Selection> {
        let select = || {
            let (file, length) = file.into_file(NEEDED)?;
            select(&Arc::new(file), length, path, names)
        };
        select().map_err(file::of(path))
    }

    fn begin(&self, target: Target, path: &Path, array: &NewArray<'_>) -> Result<Output> {
        let mut file = target.into_file(NEEDED).map_err(file::of(path))?;
        let begin = || {
            let catalog = Catalog::read(&mut file)?;
            Writer::begin(file, 0, array.name(), array, catalog)
        };
        let writer = begin().map_err(|error| cannot_write(path, &error))?;
        Ok(Output::in_order(writer, path, array.storage))
    }
}

/// The arrays that names or patterns name, or the only one, and all else of the archive.
fn select(file: &Arc<File>, length: u64, path: &Path, names: &[String]) -> Reason<Selection> {
    let reader = |at| Positioned {
        file: Arc::clone(file),
        at,
        length,
    };
    let mut directory = Directory::read(reader(0), length)?;
    let found: Vec<_> = directory.names().into_iter().map(str::to_owned).collect();
    let found: Vec<_> = found.iter().map(String::as_str).collect();
    let names = patterns(names, &found, "an .npz archive")?;
    let open = |array| {
        let (start, extent) = directory.extent(array)?;
        let mut body = Body::new(reader(start), extent);
        let header = Header::parse(&mut body)?;
        Claim::of(&header)?.hold(body.left())?;
        let bytes = body.left();
        let data = Data::Pipe(Box::new(body), bytes);
        Ok(StoredArray::of_header(path, found[array], &header, data))
    };
    let Chosen { taken, passed_over } = choose(&names, &found, |_| true, open)?;
    expect_taken(!taken.is_empty(), &passed_over)?;
    let placed = taken.into_iter().map(|(array, stored)| StoredArray {
        place: Some(directory.place(array) as u64),
        ..stored
    });
    let arrays: Vec<_> = placed.collect();
    let places = arrays.iter().filter_map(|array| array.place).collect();
    Ok(Selection {
        arrays,
        passed_over,
        rest: Box::new(directory.others(&places)?),
    })
}

/// A reader of a file that others read, too, with a place of its own.
#[derive(Debug)]
struct Positioned {
    file: Arc<File>,
    at: u64,
    length: u64,
}

impl Read for Positioned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.at);
        let count = left.min(buffer.len() as u64) as usize;
        read_exact_at(&self.file, &mut buffer[..count], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Positioned {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at =
            at.ok_or_else(|| invalid_input("there is nothing before the file's beginning"))?;
        Ok(self.at)
    }
}

impl<W: Write + Seek + Send> Complete for Writer<W> {
    fn complete(self: Box<Self>) -> io::Result<()> {
        self.finish().map(drop)
    }
}
