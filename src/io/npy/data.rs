//! The data of an `.npy` file, moved in bulk.

use std::io::{self, Read, Write};

use bytemuck::Pod;

use super::{Claim, Reason, Storage, cannot_read, file::fill};

/// Bytes converted at a time: they stay in the cache between reading and storing.
const CHUNK: usize = 1 << 18;

/// Reads all elements that a header claims. Memory is reserved for all of them where the claim is `known` to be true.
pub(super) fn read<T: Pod>(
    reader: &mut impl Read,
    storage: Storage,
    claim: &Claim,
    known: bool,
) -> Reason<Vec<T>> {
    let no_memory = |_| format!("not enough memory for {} bytes of data", claim.bytes);
    let width = storage.number.bytes();
    let mut values = Vec::new();
    if known {
        values.try_reserve_exact(claim.count).map_err(no_memory)?;
    }
    let mut buffer = vec![0; claim.bytes.min(CHUNK as u64) as usize];
    while values.len() < claim.count {
        let length = (claim.count - values.len()).min(CHUNK / width);
        let stored = &mut buffer[..length * width];
        let found = fill(reader, stored).map_err(cannot_read)?;
        if found < stored.len() {
            return Err(claim.mismatch((values.len() * width + found) as u64, ""));
        }
        values.try_reserve(length).map_err(no_memory)?;
        storage.decode(values.len(), stored, &mut |elements| {
            values.extend(bytemuck::pod_collect_to_vec::<u8, T>(elements));
        })?;
    }
    Ok(values)
}

/// Writes elements, converted to what memory has of those that the file stores.
pub(super) fn write<T: Copy, M: Pod>(
    writer: &mut impl Write,
    storage: Storage,
    values: &[T],
    convert: impl Fn(T) -> M,
) -> io::Result<()> {
    for chunk in values.chunks(CHUNK / size_of::<M>()) {
        let elements: Vec<_> = chunk.iter().map(|&x| convert(x)).collect();
        writer.write_all(&storage.encode(bytemuck::cast_slice(&elements)))?;
    }
    Ok(())
}
