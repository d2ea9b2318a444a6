//! The element types of tensors, on the host and on the device.

use half::{bf16, f16};

/// How the elements of a tensor are stored. They are computed in f32 whatever their type.
///
/// ```
/// use wgpu_activations::ElementType;
///
/// assert_eq!(ElementType::ALL.map(ElementType::name), ["f32", "f16", "bf16"]);
/// assert_eq!(ElementType::ALL.map(ElementType::size), [4, 2, 2]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "bench",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "lowercase")
)]
pub enum ElementType {
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 half precision, two to a word.
    F16,
    /// The upper half of an f32, two to a word.
    Bf16,
}

impl ElementType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// `f32`, `f16` or `bf16`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }

    /// Bytes per element.
    pub const fn size(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// Number of elements of a shape; `None` where `usize` cannot count them.
///
/// ```
/// use wgpu_activations::io::count;
///
/// assert_eq!(count(&[2, 3]), Some(6));
/// assert_eq!(count(&[]), Some(1));
/// assert_eq!(count(&[usize::MAX, 2]), None);
/// // The other axes of an empty array may be as long as they like.
/// assert_eq!(count(&[usize::MAX, 2, 0]), Some(0));
/// ```
pub fn count(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    let mut lengths = shape.iter();
    lengths.try_fold(1_usize, |count, &length| count.checked_mul(length))
}

/// Runs an expression with a name for the host type of an [`ElementType`].
///
/// ```
/// use wgpu_activations::{Element, ElementType, with_element};
///
/// let bytes = ElementType::ALL.map(|element| with_element!(element, T => size_of::<T>()));
/// assert_eq!(bytes, [4, 2, 2]);
/// ```
#[macro_export]
macro_rules! with_element {
    ($element:expr, $name:ident => $work:expr) => {
        match $element {
            $crate::ElementType::F32 => {
                type $name = f32;
                $work
            }
            $crate::ElementType::F16 => {
                type $name = $crate::half::f16;
                $work
            }
            $crate::ElementType::Bf16 => {
                type $name = $crate::half::bf16;
                $work
            }
        }
    };
}

/// A host type that a tensor can hold: `f32`, [`struct@f16`] and [`bf16`].
///
/// ```
/// use half::f16;
/// use wgpu_activations::Element;
///
/// fn bytes<T: Element>(x: &[T]) -> u64 {
///     x.len() as u64 * T::TYPE.size()
/// }
/// assert_eq!(bytes(&[1.0f32; 3]), 12);
/// assert_eq!(bytes(&[f16::ONE; 3]), 6);
/// assert_eq!(<f16 as Element>::from_f64(0.1).to_f32(), 0.099975586);
/// ```
pub trait Element: bytemuck::Pod + sealed::Sealed + Send + Sync {
    /// Its type on the device.
    const TYPE: ElementType;
    /// The value in f32, which is exact.
    fn to_f32(self) -> f32;
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for half::f16 {}
    impl Sealed for half::bf16 {}
}

impl Element for f32 {
    const TYPE: ElementType = ElementType::F32;
    fn to_f32(self) -> f32 {
        self
    }
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Element for f16 {
    const TYPE: ElementType = ElementType::F16;
    fn to_f32(self) -> f32 {
        Self::to_f32(self)
    }
    fn from_f64(value: f64) -> Self {
        Self::from_f64(value)
    }
}

impl Element for bf16 {
    const TYPE: ElementType = ElementType::Bf16;
    fn to_f32(self) -> f32 {
        Self::to_f32(self)
    }
    fn from_f64(value: f64) -> Self {
        Self::from_f64(value)
    }
}
