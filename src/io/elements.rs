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
}

/// Elements in memory. See [`Source`].
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a, T>(pub &'a [T]);

impl<T: Element> Source for Slice<'_, T> {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        put(bytemuck::cast_slice(&self.0[elements]));
        Ok(())
    }
}

impl<T: Element> Source for Vec<T> {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        Slice(self).read(elements, put)
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
    element: usize,
}

impl<'a> Shared<'a> {
    /// All of `slice`.
    pub fn new<T: Element>(slice: &'a mut [T]) -> Self {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(slice);
        Self {
            blocks: bytes.chunks_mut(BLOCK).map(Mutex::new).collect(),
            element: size_of::<T>(),
        }
    }

    /// Visits the parts that hold `bytes`, with the place of each within them.
    fn visit(&self, bytes: Range<usize>, mut work: impl FnMut(usize, &mut [u8])) {
        let mut at = bytes.start;
        while at < bytes.end {
            let within = at % BLOCK;
            let end = (at - within + BLOCK).min(bytes.end);
            let block = &self.blocks[at / BLOCK];
            // A thread that panicked left whole bytes.
            let mut block = block.lock().unwrap_or_else(PoisonError::into_inner);
            work(at - bytes.start, &mut block[within..within + end - at]);
            at = end;
        }
    }
}

impl Source for Shared<'_> {
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        let bytes = elements.start * self.element..elements.end * self.element;
        self.visit(bytes, |_, part| put(part));
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
}
