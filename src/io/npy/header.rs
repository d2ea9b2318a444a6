//! The header of an `.npy` file, read and written by npyz behind guards.
//!
//! npyz 0.9 trusts a header: it allocates the length that the file claims, multiplies dimensions
//! unchecked, and parses with recursion and backtracking. Each guard below says what it keeps away.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use npyz::{DType, NpyHeader, TypeChar, TypeStr, WriterBuilder};

use super::{
    Claim, Dtype, Endian, Float, NEEDED, Order, Reason, cannot_read, count,
    file::{self, fill},
    invalid_data, invalid_input,
};
use crate::error::Result;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy's own limits, on the header's bytes and on the dimensions.
const MAX_BYTES: u64 = 10_000;
const MAX_RANK: usize = 64;
/// What is wrong with bfloat16 whose header says big-endian: ml_dtypes converts arrays to that order, while numbers that
/// it puts into such an array are in the machine's.
const AMBIGUOUS: &str = "is bfloat16 of either byte order, as ml_dtypes has it; save .view(ml_dtypes.bfloat16), or \
    .view('uint16').byteswap().view(ml_dtypes.bfloat16), whichever has the right numbers";
const ACCEPTED: &str = "float16, float32, float64 and bfloat16 are accepted";

/// What an `.npy` file says of its data: for data that is streamed rather than held.
///
/// ```
/// use std::io::Read;
/// use wgpu_activations::io::npy::{Dtype, Endian, Float, Header, Order};
///
/// let header = Header {
///     shape: vec![1],
///     order: Order::C,
///     dtype: Dtype { float: Float::F32, endian: Endian::Little },
///     bytes: 0,
/// };
/// let mut file = Vec::new();
/// assert_eq!(header.write(&mut file)?, 128);
/// file.extend(1.0f32.to_le_bytes());
///
/// let mut reader = &file[..];
/// let header = Header::read(&mut reader)?;
/// assert_eq!((header.bytes, header.data_bytes()), (128, Some(4)));
/// assert_eq!(reader, [0, 0, 128, 63]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Length of each dimension; empty for a single number.
    pub shape: Vec<usize>,
    /// Order in which the data runs through the shape.
    pub order: Order,
    /// How an element is stored.
    pub dtype: Dtype,
    /// Where the data begins in the file that the header was read from. Writing takes no notice.
    pub bytes: u64,
}

impl Header {
    /// Opens a file whose data is to be read next: no more than the header has been read.
    ///
    /// The header's claim has been held against the file's length, so that data of
    /// [`Header::data_bytes`] is there. A pipe has no length to hold it against.
    ///
    /// # Errors
    ///
    /// As [`read`](super::read).
    pub fn open(path: &Path) -> Result<(Self, File)> {
        let open = || {
            let (mut file, length) = file::open(path, NEEDED)?;
            Ok((Self::held(&mut file, length)?.0, file))
        };
        open().map_err(file::of(path))
    }

    /// Reads a header and nothing beyond it. What it claims of the data is not held against anything.
    ///
    /// # Errors
    ///
    /// `InvalidData`, which says what is wrong.
    pub fn read(reader: &mut impl Read) -> io::Result<Self> {
        Self::parse(reader).map_err(invalid_data)
    }

    /// Reads a header and holds its claim against the file's length, where that is known.
    pub(super) fn held(reader: &mut impl Read, length: Option<u64>) -> Reason<(Self, Claim)> {
        let header = Self::parse(reader)?;
        let claim = Claim::of(&header)?;
        if let Some(length) = length {
            claim.hold(length.saturating_sub(header.bytes))?;
        }
        Ok((header, claim))
    }

    pub(in crate::io) fn parse(reader: &mut impl Read) -> Reason<Self> {
        let (text, bytes) = read_text(reader)?;
        interpret(&text, bytes)
    }

    /// Writes the header, version 1.0, padded to a multiple of 64 bytes; returns how many.
    ///
    /// # Errors
    ///
    /// What `writer` reports; and `InvalidInput` where NumPy would refuse the shape.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<u64> {
        let header = of(&self.shape, self.order, &self.dtype.to_string())?;
        writer.write_all(&header)?;
        Ok(header.len() as u64)
    }

    /// Number of elements; `None` where `usize` cannot count them.
    pub fn elements(&self) -> Option<usize> {
        count(&self.shape)
    }

    /// Bytes of data; `None` where `u64` cannot count them.
    pub fn data_bytes(&self) -> Option<u64> {
        (self.elements()? as u64).checked_mul(self.dtype.float.bytes())
    }
}

/// A header of version 1.0, padded so that the data begins at a multiple of 64 bytes.
pub(super) fn of(shape: &[usize], order: Order, dtype: &str) -> io::Result<Vec<u8>> {
    let type_str: TypeStr = dtype.parse().map_err(io::Error::other)?;
    if dtype == ">V2" {
        let reason = "bfloat16 is written in little-endian order; that of '>V2' would be ambiguous";
        return Err(invalid_input(reason));
    }
    // npyz multiplies the lengths unchecked.
    expect_rank(shape)
        .and_then(|()| expect_countable(shape, type_str.size_field()))
        .map_err(invalid_input)?;
    let dimensions: Vec<u64> = shape.iter().map(|&dimension| dimension as u64).collect();
    let order = match order {
        Order::C => npyz::Order::C,
        Order::Fortran => npyz::Order::Fortran,
    };
    let mut header = Vec::new();
    npyz::WriteOptions::new_header_only()
        .dtype(DType::Plain(type_str))
        .shape(&dimensions)
        .order(order)
        .writer(&mut header)
        .write_header_only()?;
    Ok(header)
}

fn expect_rank(shape: &[usize]) -> Reason<()> {
    match shape.len() {
        0..=MAX_RANK => Ok(()),
        rank => Err(format!(
            "shape has {rank} dimensions; NumPy allows {MAX_RANK}"
        )),
    }
}

/// Fails where NumPy has no such array of elements of `bytes`: it counts their bytes in an i64, even where a length is 0.
fn expect_countable(shape: &[usize], bytes: u64) -> Reason<()> {
    let lengths = shape.iter().map(|&length| length as u64);
    let mut lengths = lengths.filter(|&length| length != 0);
    let product = lengths.try_fold(bytes, u64::checked_mul);
    match product.is_some_and(|bytes| i64::try_from(bytes).is_ok()) {
        true => Ok(()),
        false => Err(format!(
            "shape {shape:?} is beyond what NumPy accepts, even with a 0 in it"
        )),
    }
}

/// The header's dictionary as text, and the bytes up to where the data begins.
fn read_text(reader: &mut impl Read) -> Reason<(String, u64)> {
    let truncated = || "header is cut short; the file is not complete".to_owned();
    let mut start = [0; 8];
    let found = fill(reader, &mut start).map_err(cannot_read)?;
    let start = &start[..found];
    if start.is_empty() {
        return Err("is empty; an .npy file is needed".to_owned());
    }
    if start.starts_with(b"PK\x03\x04") {
        return Err("is an .npz archive; save one array with numpy.save".to_owned());
    }
    if !start.starts_with(MAGIC) && !MAGIC.starts_with(start) {
        let found = start.escape_ascii();
        return Err(format!(
            "is not an .npy file: begins with `{found}`, must begin with `\\x93NUMPY`"
        ));
    }
    let width = match start.get(MAGIC.len()..) {
        Some([1, 0]) => 2,
        Some([2 | 3, 0]) => 4,
        Some([major, minor]) => {
            let version = format!("is .npy version {major}.{minor}");
            return Err(format!("{version}; 1.0, 2.0 and 3.0 are accepted"));
        }
        _ => return Err(truncated()),
    };
    let mut size = [0; 4];
    if fill(reader, &mut size[..width]).map_err(cannot_read)? < width {
        return Err(truncated());
    }
    // npyz would allocate whatever the length field says, up to 4 GiB.
    let size = u64::from(u32::from_le_bytes(size));
    if size > MAX_BYTES {
        return Err(format!(
            "header claims {size} bytes; NumPy allows {MAX_BYTES}"
        ));
    }
    let mut text = Vec::new();
    let found = reader.take(size).read_to_end(&mut text);
    if (found.map_err(cannot_read)? as u64) < size {
        return Err(truncated());
    }
    let header_bytes = (MAGIC.len() + 2 + width) as u64 + size;
    Ok((String::from_utf8_lossy(&text).into_owned(), header_bytes))
}

/// What the header's dictionary says; the data begins at byte `bytes`.
fn interpret(text: &str, bytes: u64) -> Reason<Header> {
    let malformed = || {
        let found: String = text.trim_end().chars().take(160).collect();
        format!(
            "header {found:?} is not understood; it must be a dictionary of 'descr' (float16, float32, \
             float64 or bfloat16), 'fortran_order' (True or False) and 'shape' (a tuple of whole numbers)"
        )
    };
    let structured = || format!("dtype is structured; {ACCEPTED}, save one of its fields");
    if value_at(text, "descr").is_some_and(|at| text[at..].starts_with('[')) {
        return Err(structured());
    }
    // npyz multiplies the dimensions unchecked, for the strides even where one of them is zero, and
    // panics where overflow is checked. So the shape is read here, and npyz is shown `()` in its
    // place; without escapes, no second key can decode to `shape`.
    let at = value_at(text, "shape").ok_or_else(malformed)?;
    let (dimensions, rest) = text[at..]
        .strip_prefix('(')
        .and_then(|tuple| tuple.split_once(')'))
        .ok_or_else(malformed)?;
    let plain = with_code(&format!("{}(){rest}", &text[..at]));
    let escapes = !plain.is_ascii() || plain.contains('\\') || plain.matches("shape").count() > 1;
    // Its parser recurses per bracket and retries what it has read: sixteen `[` take seconds. A
    // header has `{`, `(` and, in the dtype of a date, `[`.
    if escapes || plain.matches(['{', '(', '[']).count() > 3 {
        return Err(malformed());
    }
    let shape = parse_shape(dimensions).ok_or_else(malformed)?;
    expect_rank(&shape)?;

    let length = u32::try_from(plain.len()).map_err(|_| malformed())?;
    let file = [MAGIC, &[2, 0], &length.to_le_bytes(), plain.as_bytes()].concat();
    // Its error would show the header over several lines.
    let header = NpyHeader::from_reader(&file[..]).map_err(|_| malformed())?;
    let order = match header.order() {
        npyz::Order::C => Order::C,
        npyz::Order::Fortran => Order::Fortran,
    };
    let DType::Plain(found) = header.dtype() else {
        return Err(structured());
    };
    let float = match (found.type_char(), found.size_field()) {
        (TypeChar::Float, 2) => Float::F16,
        (TypeChar::Float, 4) => Float::F32,
        (TypeChar::Float, 8) => Float::F64,
        (TypeChar::RawData, 2) if found.endianness() == npyz::Endianness::Big => {
            return Err(format!("dtype '{found}' {AMBIGUOUS}"));
        }
        // So NumPy stores the bfloat16 of ml_dtypes, whose only type of two bytes it is.
        (TypeChar::RawData, 2) => Float::Bf16,
        (kind, size) => {
            let (kind, advice) = in_words(kind, size);
            return Err(format!("dtype '{found}' is {kind}; {ACCEPTED}{advice}"));
        }
    };
    if shape.contains(&0) {
        // What is there of others tells.
        expect_countable(&shape, found.size_field())?;
    }
    let endian = match found.endianness() {
        npyz::Endianness::Big => Endian::Big,
        npyz::Endianness::Little | npyz::Endianness::Irrelevant => Endian::Little,
    };
    Ok(Header {
        shape,
        order,
        dtype: Dtype { float, endian },
        bytes,
    })
}

/// With the dtype's code in place of the other names that NumPy takes for it, too.
fn with_code(text: &str) -> String {
    let replaced = || {
        let at = value_at(text, "descr")?;
        let quote = text[at..]
            .chars()
            .next()
            .filter(|quote| ['\'', '"'].contains(quote))?;
        let (name, rest) = text[at + 1..].split_once(quote)?;
        let code = type_code(name);
        Some(format!("{}{quote}{code}{quote}{rest}", &text[..at]))
    };
    replaced().unwrap_or_else(|| text.to_owned())
}

/// The code of a dtype that a file names: with a sign of its byte order, which is this machine's where none is said.
fn type_code(name: &str) -> String {
    let bits = |kind: &str, prefix: &str| {
        let bits = name.strip_prefix(prefix)?.parse::<u64>().ok()?;
        (bits % 8 == 0).then(|| format!("{kind}{}", bits / 8))
    };
    let whole = [
        ("f", "float"),
        ("i", "int"),
        ("u", "uint"),
        ("c", "complex"),
    ];
    let whole = whole.iter().find_map(|(kind, prefix)| bits(kind, prefix));
    let name = whole.as_deref().unwrap_or(name);
    let (sign, code) = match name.split_at_checked(1) {
        Some((sign @ ("<" | ">" | "=" | "|"), code)) => (sign, code),
        _ => ("=", name),
    };
    let code = match (code, sign) {
        ("e", _) | ("half", "=") => "f2",
        ("f", _) | ("single", "=") => "f4",
        ("d", _) | ("double" | "float", "=") => "f8",
        ("?", _) | ("bool", "=") => "b1",
        ("bfloat16", "=") => "V2",
        ("object", "=") => "O",
        _ => code,
    };
    let sign = match sign {
        "<" | ">" => sign,
        "|" if format!("|{code}").parse::<TypeStr>().is_ok() => sign,
        _ if cfg!(target_endian = "little") => "<",
        _ => ">",
    };
    format!("{sign}{code}")
}

/// Where the value of a dictionary's key begins.
fn value_at(text: &str, key: &str) -> Option<usize> {
    let (_, rest) = text.split_once(key)?;
    let value = rest
        .strip_prefix(['\'', '"'])?
        .trim_start()
        .strip_prefix(':')?
        .trim_start();
    Some(text.len() - value.len())
}

/// The inside of a tuple: nothing, `3,` or `3, 4` with or without a last comma. Files of Python 2
/// may say `3L`.
fn parse_shape(text: &str) -> Option<Vec<usize>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Vec::new());
    }
    let several = text.contains(',').then_some(text);
    let dimensions = text
        .strip_suffix(',')
        .or(several)?
        .split(',')
        .map(str::trim);
    let parse = |text: &str| text.strip_suffix('L').unwrap_or(text).parse().ok();
    dimensions.map(parse).collect()
}

/// What a type is, and how its arrays become ones that are accepted.
fn in_words(kind: TypeChar, size: u64) -> (&'static str, &'static str) {
    const CONVERT: &str = ", convert with .astype('float32')";
    match kind {
        TypeChar::Bool => ("boolean", CONVERT),
        TypeChar::Int => ("integer", CONVERT),
        TypeChar::Uint => ("unsigned integer", CONVERT),
        TypeChar::Float => ("long double", CONVERT),
        TypeChar::Complex => ("complex", ", save its .real and .imag"),
        TypeChar::TimeDelta => ("a span of time", CONVERT),
        TypeChar::DateTime => ("a date", ""),
        TypeChar::ByteStr | TypeChar::UnicodeStr => ("a string", ""),
        TypeChar::Object => ("a Python object", ", save its arrays one by one"),
        // NumPy cannot convert these before they have a type again.
        TypeChar::RawData if size == 1 => (
            "raw bytes, perhaps an 8-bit float",
            ", convert with .view(ml_dtypes.float8_e4m3fn) or the type it had, then .astype('float32')",
        ),
        TypeChar::RawData => ("raw bytes", ", give them their type with .view(..)"),
        _ => ("unknown", ""),
    }
}
