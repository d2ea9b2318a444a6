//! Elements on the host, of any type, seen as f32 block by block.

use std::{borrow::Cow, ops::Range};

use half::{bf16, f16, slice::HalfFloatSliceExt};

use crate::element::{Element, ElementType};

/// Elements of a tensor on the host.
#[derive(Debug, Clone, Copy)]
pub enum Slice<'a> {
    /// Of [`ElementType::F32`].
    F32(&'a [f32]),
    /// Of [`ElementType::F16`].
    F16(&'a [f16]),
    /// Of [`ElementType::Bf16`].
    Bf16(&'a [bf16]),
}

/// The same, to be written to.
#[derive(Debug)]
pub enum SliceMut<'a> {
    /// Of [`ElementType::F32`].
    F32(&'a mut [f32]),
    /// Of [`ElementType::F16`].
    F16(&'a mut [f16]),
    /// Of [`ElementType::Bf16`].
    Bf16(&'a mut [bf16]),
}

/// The same work for elements of each type.
macro_rules! each_type {
    ($Slice:ident, $slice:expr, $elements:ident => $work:expr) => {
        match $slice {
            $Slice::F32($elements) => $Slice::F32($work),
            $Slice::F16($elements) => $Slice::F16($work),
            $Slice::Bf16($elements) => $Slice::Bf16($work),
        }
    };
}

impl<'a> Slice<'a> {
    /// That of these elements.
    pub fn of<T: Element>(elements: &'a [T]) -> Self {
        match T::TYPE {
            ElementType::F32 => Self::F32(bytemuck::cast_slice(elements)),
            ElementType::F16 => Self::F16(bytemuck::cast_slice(elements)),
            ElementType::Bf16 => Self::Bf16(bytemuck::cast_slice(elements)),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(elements) => elements.len(),
            Self::F16(elements) => elements.len(),
            Self::Bf16(elements) => elements.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their type.
    pub fn element(&self) -> ElementType {
        match self {
            Self::F32(_) => ElementType::F32,
            Self::F16(_) => ElementType::F16,
            Self::Bf16(_) => ElementType::Bf16,
        }
    }

    /// Some of them.
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Self {
        each_type!(Self, self, elements => &elements[range])
    }

    /// Them in f32, in `room` where they are of another type.
    pub fn widened<'b>(self, room: &'b mut Vec<f32>) -> &'b [f32]
    where
        'a: 'b,
    {
        match self {
            Self::F32(elements) => return elements,
            Self::F16(elements) => {
                room.resize(elements.len(), 0.0);
                elements.convert_to_f32_slice(room);
            }
            Self::Bf16(elements) => {
                room.resize(elements.len(), 0.0);
                elements.convert_to_f32_slice(room);
            }
        }
        room
    }
}

impl<'a> SliceMut<'a> {
    /// That of these elements.
    pub fn of<T: Element>(elements: &'a mut [T]) -> Self {
        match T::TYPE {
            ElementType::F32 => Self::F32(bytemuck::cast_slice_mut(elements)),
            ElementType::F16 => Self::F16(bytemuck::cast_slice_mut(elements)),
            ElementType::Bf16 => Self::Bf16(bytemuck::cast_slice_mut(elements)),
        }
    }

    /// To be read.
    pub fn as_slice(&self) -> Slice<'_> {
        match self {
            Self::F32(elements) => Slice::F32(elements),
            Self::F16(elements) => Slice::F16(elements),
            Self::Bf16(elements) => Slice::Bf16(elements),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of them.
    pub fn part(&mut self, range: Range<usize>) -> SliceMut<'_> {
        each_type!(SliceMut, self, elements => &mut elements[range])
    }

    /// In pieces of `length`, the last perhaps shorter.
    pub fn chunks(self, length: usize) -> Vec<Self> {
        match self {
            Self::F32(elements) => elements.chunks_mut(length).map(Self::F32).collect(),
            Self::F16(elements) => elements.chunks_mut(length).map(Self::F16).collect(),
            Self::Bf16(elements) => elements.chunks_mut(length).map(Self::Bf16).collect(),
        }
    }

    /// Lets `write` fill all of them in f32, and rounds where they are of another type.
    pub fn fill_with(&mut self, room: &mut Vec<f32>, write: impl FnOnce(&mut [f32])) {
        if let Self::F32(elements) = self {
            return write(elements);
        }
        room.resize(self.len(), 0.0);
        write(room);
        match self {
            Self::F32(elements) => elements.copy_from_slice(room),
            Self::F16(elements) => elements.convert_from_f32_slice(room),
            Self::Bf16(elements) => elements.convert_from_f32_slice(room),
        }
    }
}

/// Bytes as elements, copied where they do not begin as elements do.
pub(crate) fn elements<T: Element>(bytes: &[u8]) -> Cow<'_, [T]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(elements) => Cow::Borrowed(elements),
        Err(_) => Cow::Owned(bytemuck::pod_collect_to_vec(bytes)),
    }
}
