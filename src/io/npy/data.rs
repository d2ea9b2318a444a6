//! The data of an `.npy` file, moved in bulk.

use std::io::{self, Read, Write};

use bytemuck::Pod;

use super::{Claim, Dtype, Reason, Storage, cannot_read, file::fill};
use crate::{element::Element, with_element};

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

/// Writes elements, as those that the file stores are in memory.
pub(super) fn write<T: Element>(
    writer: &mut impl Write,
    dtype: Dtype,
    values: &[T],
) -> io::Result<()> {
    let storage = Storage::from(dtype);
    with_element!(dtype.float.element(), M => {
        for chunk in values.chunks(CHUNK / size_of::<M>()) {
            let stored = match T::TYPE == M::TYPE {
                // To the bit: a NaN's own are lost on the way through another type.
                true => storage.encode(bytemuck::cast_slice(chunk)),
                false => {
                    let narrow = |x: &T| M::from_f64(f64::from(x.to_f32()));
                    let elements: Vec<M> = chunk.iter().map(narrow).collect();
                    storage.encode(bytemuck::cast_slice(&elements))
                }
            };
            writer.write_all(&stored)?;
        }
        Ok(())
    })
}
