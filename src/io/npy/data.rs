//! The data of an `.npy` file, moved in bulk.

use std::io::{self, Read, Write};

use bytemuck::Pod;

use super::{Endian, file::fill};
use crate::io::storage::swap_bytes;

/// Bytes converted at a time: they stay in the cache between reading and storing.
const CHUNK: usize = 1 << 18;

/// The data of a file, ahead of the reader.
pub(super) struct Source<'a, R> {
    pub(super) reader: &'a mut R,
    pub(super) count: usize,
    /// Whether the count is known to be true, so that memory can be reserved for all of it.
    pub(super) reserve: bool,
    pub(super) endian: Endian,
}

/// Why the data could not be read.
pub(super) enum Stop {
    /// It ended after so many bytes.
    Short(u64),
    Memory,
    Io(io::Error),
}

impl<R: Read> Source<'_, R> {
    /// Reads them all as the file's type `D`, converted.
    pub(super) fn values<D: Pod, T>(&mut self, convert: impl Fn(D) -> T) -> Result<Vec<T>, Stop> {
        let mut values = Vec::new();
        if self.reserve {
            values
                .try_reserve_exact(self.count)
                .map_err(|_| Stop::Memory)?;
        }
        let mut buffer = vec![D::zeroed(); self.count.min(CHUNK / size_of::<D>())];
        while values.len() < self.count {
            let length = buffer.len().min(self.count - values.len());
            let chunk = &mut buffer[..length];
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(chunk);
            let found = fill(self.reader, bytes).map_err(Stop::Io)?;
            if found < bytes.len() {
                return Err(Stop::Short((values.len() * size_of::<D>() + found) as u64));
            }
            swap_bytes(bytes, size_of::<D>(), self.endian);
            values.try_reserve(length).map_err(|_| Stop::Memory)?;
            values.extend(chunk.iter().map(|&x| convert(x)));
        }
        Ok(values)
    }
}

/// Writes elements converted to those of a file.
pub(super) fn write<T: Copy, D: Pod>(
    writer: &mut impl Write,
    endian: Endian,
    values: &[T],
    convert: impl Fn(T) -> D,
) -> io::Result<()> {
    let length = CHUNK / size_of::<D>();
    let mut buffer: Vec<D> = Vec::with_capacity(length.min(values.len()));
    for chunk in values.chunks(length) {
        buffer.clear();
        buffer.extend(chunk.iter().map(|&x| convert(x)));
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut buffer);
        swap_bytes(bytes, size_of::<D>(), endian);
        writer.write_all(bytes)?;
    }
    Ok(())
}
