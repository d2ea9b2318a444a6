//! The data of an `.npy` file, moved in bulk.

use std::io::{self, Read, Write};

use bytemuck::Pod;

use super::{Claim, Endian, Reason, cannot_read, file::fill};
use crate::io::storage::swap_bytes;

/// Bytes converted at a time: they stay in the cache between reading and storing.
const CHUNK: usize = 1 << 18;

/// Reads all elements that a header claims, as the file's type `D`, converted. Memory is reserved for all of them
/// where the claim is `known` to be true.
pub(super) fn read<D: Pod, T>(
    reader: &mut impl Read,
    claim: &Claim,
    known: bool,
    endian: Endian,
    convert: impl Fn(D) -> T,
) -> Reason<Vec<T>> {
    let no_memory = |_| format!("not enough memory for {} bytes of data", claim.bytes);
    let mut values = Vec::new();
    if known {
        values.try_reserve_exact(claim.count).map_err(no_memory)?;
    }
    let mut buffer = vec![D::zeroed(); claim.count.min(CHUNK / size_of::<D>())];
    while values.len() < claim.count {
        let length = buffer.len().min(claim.count - values.len());
        let chunk = &mut buffer[..length];
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(chunk);
        let found = fill(reader, bytes).map_err(cannot_read)?;
        if found < bytes.len() {
            let found = values.len() * size_of::<D>() + found;
            return Err(claim.mismatch(found as u64, ""));
        }
        swap_bytes(bytes, size_of::<D>(), endian);
        values.try_reserve(length).map_err(no_memory)?;
        values.extend(chunk.iter().map(|&x| convert(x)));
    }
    Ok(values)
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
