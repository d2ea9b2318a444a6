//! The `.safetensors` format: what tensors a file holds and where; no data is read.
//!
//! Eight bytes with the header's length, a header in JSON, data without gaps. Format:
//! <https://huggingface.co/docs/safetensors>.

mod format;
mod header;
mod layout;
mod shards;

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use super::file::{self, Reason, cannot_read};
use crate::error::Result;

pub(super) use format::Safetensors;
pub use shards::open_shards;

/// What a path must lead to.
const NEEDED: &str = "a .safetensors file";
/// Bytes that say how long the header is.
const PREFIX: u64 = 8;
/// The format's own limit on the header's bytes.
const MAX_HEADER: u64 = 100_000_000;

/// How a tensor stores an element. Prints as the format's name for it, for instance `BF16`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// IEEE binary32.
    F32,
    /// IEEE binary16.
    F16,
    /// bfloat16.
    BF16,
    /// IEEE binary64, computed as f32.
    F64,
    /// Any other, by its name.
    Other(String),
}

/// A tensor in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The tensor's name, such as `blocks.0.mlp.weight`.
    pub name: String,
    /// How it stores an element.
    pub dtype: Dtype,
    /// Length of each dimension, in C order; empty for a single number.
    pub shape: Vec<usize>,
    /// Where its data is, in bytes from the beginning of the file.
    pub data: Range<u64>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// The tensors in order of their data, which begins where the header ends and has no gaps.
    pub entries: Vec<Entry>,
    /// The file's bytes up to the data, so that a file of the same layout can begin with them.
    pub header: Vec<u8>,
}

impl Dtype {
    fn new(name: String) -> Self {
        match name.as_str() {
            "F32" => Self::F32,
            "F16" => Self::F16,
            "BF16" => Self::BF16,
            "F64" => Self::F64,
            _ => Self::Other(name),
        }
    }

    /// The format's name for it: `F32`.
    pub fn name(&self) -> &str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::F64 => "F64",
            Self::Other(name) => name,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Lists the tensors of a file.
///
/// Every tensor's place lies within the file, as long as its shape and type ask for; an element type
/// that is not known is taken at its word.
///
/// # Errors
///
/// [`Error::File`](crate::Error::File) where the file cannot be read or is not a whole and valid
/// `.safetensors` file.
pub fn list(path: &Path) -> Result<Listing> {
    let list = || {
        let (mut file, length) = file::open_regular(path, NEEDED)?;
        parse(&mut file, length)
    };
    list().map_err(file::of(path))
}

/// Lists the tensors of a file of `length` bytes, of which no more than the header is read.
///
/// ```
/// use wgpu_activations::io::safetensors::{self, Dtype};
///
/// let header = br#"{"bias":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#;
/// let file = [&(header.len() as u64).to_le_bytes(), &header[..], &[0; 4]].concat();
/// let listing = safetensors::read(&mut &file[..], file.len() as u64)?;
/// let bias = &listing.entries[0];
/// assert_eq!((bias.name.as_str(), &bias.dtype), ("bias", &Dtype::F16));
/// assert_eq!(bias.data, 65..69);
/// // A file of the same layout begins with the same bytes.
/// assert_eq!(listing.header, file[..65]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// `InvalidData`, which says what is wrong.
pub fn read(reader: &mut impl Read, length: u64) -> io::Result<Listing> {
    parse(reader, length).map_err(file::invalid_data)
}

fn parse(reader: &mut impl Read, length: u64) -> Reason<Listing> {
    let header = read_header(reader, length)?;
    let tensors = header::parse(&header[PREFIX as usize..])?;
    let entries = layout::place(tensors, header.len() as u64, length)?;
    Ok(Listing { entries, header })
}

/// The bytes up to the data.
fn read_header(reader: &mut impl Read, length: u64) -> Reason<Vec<u8>> {
    let cut_short =
        |found| format!("is cut short after {found} bytes; a .safetensors file has its header");
    let mut prefix = [0; PREFIX as usize];
    match file::fill(reader, &mut prefix).map_err(cannot_read)? {
        0 => return Err("is empty; a .safetensors file is needed".to_owned()),
        8 => {}
        found => return Err(cut_short(found)),
    }
    let size = u64::from_le_bytes(prefix);
    if size > MAX_HEADER {
        return Err(format!(
            "header claims {size} bytes; the format allows {MAX_HEADER}, so this is no .safetensors file"
        ));
    }
    let whole = PREFIX + size;
    if whole > length {
        return Err(format!(
            "header claims {size} bytes, but the file has {}; the file is not complete",
            length.saturating_sub(PREFIX)
        ));
    }
    let mut header = Vec::new();
    header
        .try_reserve_exact(whole as usize)
        .map_err(|_| format!("not enough memory for a header of {size} bytes"))?;
    header.extend(prefix);
    let read = reader.take(size).read_to_end(&mut header);
    read.map_err(cannot_read)?;
    if (header.len() as u64) < whole {
        return Err(cut_short(header.len()));
    }
    Ok(header)
}
