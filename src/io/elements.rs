//! Where elements come from and where they go: memory here, files and pipes beside it.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::{element::Element, error::Result};

/// Where the elements of an array come from. Several threads read at a time.
///
/// Elements are bytes in this machine's order, of the type that they are computed in.
///
/// ```
/// use wgpu_activations::io::{Slice, Source};
///
/// let mut bytes = Vec::new();
/// Slice(&[1.0f32, 2.0, 3.0]).read(1..3, &mut |piece| bytes.extend_from_slice(piece))?;
/// assert_eq!(bytes, [2.0f32.to_ne_bytes(), 3.0f32.to_ne_bytes()].concat());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
pub trait Source: Sync {
    /// Hands the bytes of `elements` to `put`, in order, in pieces of whole elements.
    ///
    /// # Errors
    ///
    /// What keeps them from being read.
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()>;

    /// The bytes of `elements` where they lie in memory, so that none are copied; nothing where they must be read.
    fn lend(&self, _elements: Range<usize>) -> Option<&[u8]> {
        None
    }

    /// Fails where more follows than was read, if it is read but once.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File).
    fn expect_end(&self) -> Result<()> {
        Ok(())
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        (**self).read(elements, put)
    }

    fn lend(&self, elements: Range<usize>) -> Option<&[u8]> {
        (**self).lend(elements)
    }

    fn expect_end(&self) -> Result<()> {
        (**self).expect_end()
    }
}

/// Where the elements of an array go. Several threads write at a time, each its own elements. See [`Shared`].
pub trait Sink: Sync {
    /// Takes the bytes of the elements from `first` on.
    ///
    /// # Errors
    ///
    /// What keeps them from being written.
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()>;

    /// Has `make` write the bytes of `elements` where they lie in memory, so that none are copied. `false` where it cannot,
    /// and `make` is not called.
    fn fill(&self, _elements: Range<usize>, _make: &mut dyn FnMut(&mut [u8])) -> bool {
        false
    }
}

/// Elements in memory. See [`Source`].
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a, T>(pub &'a [T]);

impl<T: Element> Source for Slice<'_, T> {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        put(bytemuck::cast_slice(&self.0[elements]));
        Ok(())
    }

    fn lend(&self, elements: Range<usize>) -> Option<&[u8]> {
        Some(bytemuck::cast_slice(&self.0[elements]))
    }
}

impl<T: Element> Source for Vec<T> {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        Slice(self).read(elements, put)
    }

    fn lend(&self, elements: Range<usize>) -> Option<&[u8]> {
        Some(bytemuck::cast_slice(&self[elements]))
    }
}

/// The first `len` elements of a source.
///
/// # Errors
///
/// What the source reports.
pub fn collect<T: Element>(source: &dyn Source, len: usize) -> Result<Vec<T>> {
    let mut values: Vec<T> = Vec::new();
    source.read(0..len, &mut |bytes| {
        values.extend(bytemuck::pod_collect_to_vec::<u8, T>(bytes));
    })?;
    Ok(values)
}

/// Bytes under one lock.
const BLOCK: usize = 1 << 20;

/// A slice that threads read and write at the same time, each its own part.
///
/// ```
/// use wgpu_activations::io::{Shared, Sink};
///
/// let mut values = [0.0f32; 3];
/// Shared::new(&mut values).write(1, bytemuck::bytes_of(&2.0f32))?;
/// assert_eq!(values, [0.0, 2.0, 0.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
pub struct Shared<'a> {
    blocks: Vec<Mutex<&'a mut [u8]>>,
    /// Bytes of each but the last.
    block: usize,
    element: usize,
}

impl<'a> Shared<'a> {
    /// All of `slice`.
    pub fn new<T: Element>(slice: &'a mut [T]) -> Self {
        Self::in_blocks(slice, BLOCK)
    }

    /// All of `slice`, for one thread at a time: a processor then computes its results where they belong.
    ///
    /// ```
    /// use wgpu_activations::io::{Shared, Sink};
    ///
    /// let mut values = [0.0f32; 3];
    /// let made = Shared::undivided(&mut values).fill(1..3, &mut |bytes| bytes.fill(0));
    /// assert!(made);
    /// ```
    pub fn undivided<T: Element>(slice: &'a mut [T]) -> Self {
        let all = size_of_val(slice).max(1);
        Self::in_blocks(slice, all)
    }

    fn in_blocks<T: Element>(slice: &'a mut [T], block: usize) -> Self {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(slice);
        Self {
            blocks: bytes.chunks_mut(block).map(Mutex::new).collect(),
            block,
            element: size_of::<T>(),
        }
    }

    fn bytes(&self, elements: Range<usize>) -> Range<usize> {
        elements.start * self.element..elements.end * self.element
    }

    /// Visits the parts that hold `bytes`, with the place of each within them.
    fn visit(&self, bytes: Range<usize>, mut work: impl FnMut(usize, &mut [u8])) {
        let mut at = bytes.start;
        while at < bytes.end {
            let within = at % self.block;
            let end = (at - within + self.block).min(bytes.end);
            let block = &self.blocks[at / self.block];
            // A thread that panicked left whole bytes.
            let mut block = block.lock().unwrap_or_else(PoisonError::into_inner);
            work(at - bytes.start, &mut block[within..within + end - at]);
            at = end;
        }
    }
}

impl Source for Shared<'_> {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.visit(self.bytes(elements), |_, part| put(part));
        Ok(())
    }
}

impl Sink for Shared<'_> {
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()> {
        let start = first * self.element;
        self.visit(start..start + bytes.len(), |at, part| {
            part.copy_from_slice(&bytes[at..at + part.len()]);
        });
        Ok(())
    }

    fn fill(&self, elements: Range<usize>, make: &mut dyn FnMut(&mut [u8])) -> bool {
        let bytes = self.bytes(elements);
        let in_one = bytes.start / self.block == (bytes.end.max(bytes.start + 1) - 1) / self.block;
        if in_one && !bytes.is_empty() {
            self.visit(bytes, |_, part| make(part));
        }
        in_one && !self.blocks.is_empty()
    }
}
