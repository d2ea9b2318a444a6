//! How files store elements, whatever they are computed in.

use crate::element::ElementType;

/// Order of the bytes within an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endian {
    /// Lowest byte first, NumPy's `<`.
    Little,
    /// Highest byte first, NumPy's `>`.
    Big,
}

/// A type of number that a file can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// IEEE binary16.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// IEEE binary32.
    F32,
    /// IEEE binary64, computed as f32.
    F64,
    /// Places, such as those of winners.
    U32,
}

/// How a file stores an element: which number, in which order of bytes.
///
/// ```
/// use wgpu_activations::io::{Endian, Number, Storage};
///
/// let storage = Storage { number: Number::F64, endian: Endian::Little };
/// let stored = storage.encode(&1.5f32.to_ne_bytes());
/// assert_eq!(stored, 1.5f64.to_le_bytes());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Storage {
    /// The type of the number.
    pub number: Number,
    /// The order of its bytes.
    pub endian: Endian,
}

impl Endian {
    /// This machine's byte order.
    pub const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };
}

impl Number {
    /// Bytes of one.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 | Self::U32 => 4,
            Self::F64 => 8,
        }
    }
}

impl From<ElementType> for Number {
    fn from(element: ElementType) -> Self {
        match element {
            ElementType::F32 => Self::F32,
            ElementType::F16 => Self::F16,
            ElementType::Bf16 => Self::Bf16,
        }
    }
}

impl Storage {
    /// Bytes of an element in memory: f64 is f32 there.
    pub(super) const fn in_memory(self) -> usize {
        match self.number {
            Number::F64 => 4,
            number => number.bytes(),
        }
    }

    /// Hands on stored elements, the first of which is number `first`, as memory has them: in this machine's byte order,
    /// f64 rounded to f32.
    ///
    /// # Errors
    ///
    /// In words, where an f64 lies beyond f32's range.
    pub fn decode(
        self,
        first: usize,
        stored: &mut [u8],
        put: &mut dyn FnMut(&[u8]),
    ) -> Result<(), String> {
        swap_bytes(stored, self.number.bytes(), self.endian);
        if self.number != Number::F64 {
            put(stored);
            return Ok(());
        }
        let mut narrow = Vec::with_capacity(stored.len() / 2);
        for (element, index) in stored.as_chunks::<8>().0.iter().zip(first..) {
            let wide = f64::from_ne_bytes(*element);
            let rounded = wide as f32;
            if rounded.is_infinite() && wide.is_finite() {
                return Err(format!(
                    "element {index} is {wide:e}, but float64 is computed as float32, which ends at {:e}; scale the data",
                    f32::MAX
                ));
            }
            narrow.extend(rounded.to_ne_bytes());
        }
        put(&narrow);
        Ok(())
    }

    /// Elements in memory as they are stored.
    pub fn encode(self, elements: &[u8]) -> Vec<u8> {
        let mut stored = if self.number == Number::F64 {
            let wide = |element: &[u8; 4]| f64::from(f32::from_ne_bytes(*element)).to_ne_bytes();
            elements.as_chunks().0.iter().flat_map(wide).collect()
        } else {
            elements.to_vec()
        };
        swap_bytes(&mut stored, self.number.bytes(), self.endian);
        stored
    }
}

/// Reverses the bytes of each number of `width` bytes, unless `endian` is this machine's own order.
fn swap_bytes(bytes: &mut [u8], width: usize, endian: Endian) {
    if endian == Endian::NATIVE {
        return;
    }
    match width {
        2 => reverse_each::<2>(bytes),
        4 => reverse_each::<4>(bytes),
        _ => reverse_each::<8>(bytes),
    }
}

/// With the length known to the compiler this is a byte-swap instruction.
fn reverse_each<const N: usize>(bytes: &mut [u8]) {
    for element in bytes.as_chunks_mut::<N>().0 {
        element.reverse();
    }
}
