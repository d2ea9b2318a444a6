//! NumPy's `.npy` format: one array with its shape, element type and memory order.
//!
//! The header goes through npyz, behind guards; the data is moved in bulk here. Format:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

mod claim;
mod data;
mod format;
mod header;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;

use half::{bf16, f16};

use super::{
    Number, Storage, count,
    file::{self, Reason, cannot_read, invalid_data, invalid_input},
    order::rearrange,
};
use crate::{
    element::ElementType,
    error::{Error, Result},
};

pub use super::{order::Order, storage::Endian};
pub(super) use claim::Claim;
pub(super) use format::Npy;
#[cfg(feature = "npz")]
pub(super) use format::header_of;
pub use header::Header;

/// What a path must lead to.
const NEEDED: &str = "an .npy file";

/// A floating-point format that a file can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Float {
    /// IEEE binary16, NumPy's `float16` or `f2`.
    F16,
    /// IEEE binary32, NumPy's `float32` or `f4`.
    F32,
    /// IEEE binary64, NumPy's `float64` or `f8`.
    F64,
    /// bfloat16, which NumPy has from ml_dtypes and stores as two bytes without a meaning, `V2`.
    Bf16,
}

/// How a file stores an element. Prints as NumPy's type string, for instance `<f4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dtype {
    /// The floating-point format.
    pub float: Float,
    /// The order of its bytes.
    pub endian: Endian,
}

/// Elements as this crate computes on them.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Of a `float16` file.
    F16(Vec<f16>),
    /// Of a `float32` file, or of a `float64` file, rounded to nearest.
    F32(Vec<f32>),
    /// Of a `bfloat16` file.
    Bf16(Vec<bf16>),
}

/// The content of an `.npy` file.
///
/// ```
/// use wgpu_activations::io::npy::{Array, Dtype, Endian, Float, Order, Values};
///
/// let array = Array {
///     shape: vec![2, 3],
///     order: Order::C,
///     dtype: Dtype { float: Float::F32, endian: Endian::Little },
///     values: Values::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
/// };
/// let mut file = Vec::new();
/// array.write_to(&mut file)?;
/// assert_eq!(file.len(), 128 + 6 * 4);
/// assert_eq!(Array::read_from(&mut &file[..])?, array);
///
/// let columns_first = array.to_order(Order::Fortran)?;
/// assert_eq!(columns_first.values, Values::F32(vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each dimension; empty for a single number.
    pub shape: Vec<usize>,
    /// Order in which `values` runs through the shape.
    pub order: Order,
    /// The file's element type. It may differ from that of `values`: writing converts.
    pub dtype: Dtype,
    /// The elements, in `order`.
    pub values: Values,
}

impl Float {
    /// NumPy's name for it: `float32`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::Bf16 => "bfloat16",
        }
    }

    /// The type that its elements are computed in.
    pub const fn element(self) -> ElementType {
        match self {
            Self::F16 => ElementType::F16,
            Self::F32 | Self::F64 => ElementType::F32,
            Self::Bf16 => ElementType::Bf16,
        }
    }

    /// Bytes of an element: 4.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.float {
            Float::Bf16 => 'V',
            Float::F16 | Float::F32 | Float::F64 => 'f',
        };
        write!(f, "{}{kind}{}", self.endian.sign(), self.float.bytes())
    }
}

impl From<Dtype> for Storage {
    fn from(Dtype { float, endian }: Dtype) -> Self {
        let number = match float {
            Float::F16 => Number::F16,
            Float::F32 => Number::F32,
            Float::F64 => Number::F64,
            Float::Bf16 => Number::Bf16,
        };
        Self { number, endian }
    }
}

impl Endian {
    /// NumPy's sign for it.
    const fn sign(self) -> char {
        match self {
            Self::Little => '<',
            Self::Big => '>',
        }
    }
}

impl Values {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F16(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::Bf16(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as f32, which is exact.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::F16(values) => values.into_iter().map(f16::to_f32).collect(),
            Self::F32(values) => values,
            Self::Bf16(values) => values.into_iter().map(bf16::to_f32).collect(),
        }
    }
}

impl Array {
    /// Writes the array as an `.npy` file of its shape, order and element type.
    ///
    /// Version 1.0, the data aligned to 64 bytes. Values are converted to [`Array::dtype`], rounded
    /// to nearest where it is the narrower.
    ///
    /// # Errors
    ///
    /// What `writer` reports; and `InvalidInput` where the shape and the number of values disagree or
    /// NumPy would refuse the shape.
    pub fn write_to(&self, writer: &mut impl Write) -> io::Result<()> {
        self.check().map_err(invalid_input)?;
        let dtype = self.dtype.to_string();
        writer.write_all(&header::of(&self.shape, self.order, &dtype)?)?;
        match &self.values {
            Values::F16(values) => data::write(writer, self.dtype, values),
            Values::F32(values) => data::write(writer, self.dtype, values),
            Values::Bf16(values) => data::write(writer, self.dtype, values),
        }
    }

    /// Reads what [`Array::write_to`] writes, up to the reader's end.
    ///
    /// # Errors
    ///
    /// `InvalidData`, which says what is wrong, where [`read`] refuses a file.
    pub fn read_from(reader: &mut impl Read) -> io::Result<Self> {
        parse(reader, None).map_err(invalid_data)
    }

    /// The same array with its values in the given order.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] where the shape and the number of values disagree.
    pub fn to_order(self, order: Order) -> Result<Self> {
        self.check()?;
        let (shape, from) = (&self.shape, self.order);
        let values = match self.values {
            Values::F16(values) => Values::F16(rearrange(values, shape, from, order)),
            Values::F32(values) => Values::F32(rearrange(values, shape, from, order)),
            Values::Bf16(values) => Values::Bf16(rearrange(values, shape, from, order)),
        };
        Ok(Self {
            values,
            order,
            ..self
        })
    }

    /// Fails where the shape and the number of values disagree.
    fn check(&self) -> Result<()> {
        let (expected, found) = (count(&self.shape), self.values.len());
        if expected == Some(found) {
            return Ok(());
        }
        Err(Error::LengthMismatch {
            shape: self.shape.clone(),
            expected: expected.unwrap_or(usize::MAX),
            found,
        })
    }
}

/// Reads the array in a file.
///
/// The elements keep the file's order; `float64` is rounded to `f32`. Memory is reserved only after
/// the header's claim has been held against the file's length. A pipe, whose length is not known,
/// is read as far as the header says.
///
/// # Errors
///
/// [`Error::File`] where the file cannot be read, is not an `.npy` file of a [`Float`], or holds more or
/// fewer bytes than its header claims.
pub fn read(path: &Path) -> Result<Array> {
    let read = || {
        let (mut file, length) = file::open(path, NEEDED)?;
        parse(&mut file, length)
    };
    read().map_err(file::of(path))
}

/// Reads a whole file from `reader`; `length` is its length in bytes, where known.
fn parse(reader: &mut impl Read, length: Option<u64>) -> Reason<Array> {
    let (header, claim) = Header::held(reader, length)?;
    let (dtype, known) = (header.dtype, length.is_some());
    let values = match dtype.float {
        Float::F16 => Values::F16(data::read(reader, dtype.into(), &claim, known)?),
        Float::F32 | Float::F64 => Values::F32(data::read(reader, dtype.into(), &claim, known)?),
        Float::Bf16 => Values::Bf16(data::read(reader, dtype.into(), &claim, known)?),
    };
    if file::fill(reader, &mut [0]).map_err(cannot_read)? > 0 {
        return Err(claim.mismatch(claim.bytes, " and more"));
    }
    Ok(Array {
        shape: header.shape,
        order: header.order,
        dtype,
        values,
    })
}
