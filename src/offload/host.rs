//! Host memory and files as chunks come from them and go to them.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::{element::Element, error::Result};

/// Where the elements of a tensor come from. Several threads read at a time.
#[doc(hidden)]
pub trait Source: Sync {
    /// Hands the bytes of `elements` to `put`, in order, in pieces of whole elements.
    ///
    /// # Errors
    ///
    /// What keeps them from being read.
    fn read(&self, elements: Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()>;
}

/// Where the elements of a tensor go. Several threads write at a time, each its own elements.
#[doc(hidden)]
pub trait Sink: Sync {
    /// Takes the bytes of the elements from `first` on.
    ///
    /// # Errors
    ///
    /// What keeps them from being written.
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()>;
}

/// Elements in memory.
pub(crate) struct Slice<'a, T>(pub(crate) &'a [T]);

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

/// Bytes under one lock.
const BLOCK: usize = 1 << 20;

/// A slice that threads read and write at the same time, each its own part.
pub(crate) struct Shared<'a> {
    blocks: Vec<Mutex<&'a mut [u8]>>,
    element: usize,
}

impl<'a> Shared<'a> {
    pub(crate) fn new<T: Element>(slice: &'a mut [T]) -> Self {
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
