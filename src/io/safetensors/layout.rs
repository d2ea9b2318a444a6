//! Where the data of tensors lies, held against the file and against their shapes.

use std::collections::HashSet;

use super::{Dtype, Entry, Reason, header::Tensor};

/// The tensors in order of their data in a file of `length` bytes whose data begins at `start`.
pub(super) fn place(mut tensors: Vec<Tensor>, start: u64, length: u64) -> Reason<Vec<Entry>> {
    expect_names_once(&tensors)?;
    tensors.sort_by_key(|tensor| tensor.offsets);
    let available = length.saturating_sub(start);
    let mut at = 0;
    for tensor in &tensors {
        let (begin, end) = tensor.offsets;
        let rule = if end < begin {
            "they must not run backwards".to_owned()
        } else if end > available {
            format!("there are {available} bytes of data, so the file is not complete")
        } else if begin < at {
            format!("they overlap the tensor before, which ends at {at}")
        } else if begin > at {
            format!("the tensor before ends at {at}, and there must be no gap")
        } else {
            expect_size(tensor)?;
            at = end;
            continue;
        };
        let name = shown(&tensor.name);
        return Err(format!(
            "tensor {name} has data_offsets [{begin}, {end}]; {rule}"
        ));
    }
    if at != available {
        return Err(format!(
            "tensors take {at} bytes of data, but there are {available}; they must match"
        ));
    }
    let entry = |tensor: Tensor| Entry {
        name: tensor.name,
        dtype: Dtype::new(tensor.dtype),
        shape: tensor.shape,
        data: start + tensor.offsets.0..start + tensor.offsets.1,
    };
    Ok(tensors.into_iter().map(entry).collect())
}

fn expect_names_once(tensors: &[Tensor]) -> Reason<()> {
    let mut names = HashSet::new();
    let twice = tensors.iter().find(|tensor| !names.insert(&tensor.name));
    twice.map_or(Ok(()), |tensor| {
        let name = shown(&tensor.name);
        Err(format!("tensor {name} is there twice; names must differ"))
    })
}

/// Holds a tensor's shape against its place.
fn expect_size(tensor: &Tensor) -> Reason<()> {
    let Some(bits) = bits(&tensor.dtype) else {
        return Ok(());
    };
    let (begin, end) = tensor.offsets;
    let found = end - begin;
    let mut lengths = tensor.shape.iter();
    let count = lengths.try_fold(1_u64, |count, &length| count.checked_mul(length as u64));
    let wrong = match count.and_then(|count| count.checked_mul(bits)) {
        None => ", more than any file holds".to_owned(),
        Some(bits) if bits % 8 != 0 => format!(", {bits} bits; they must be whole bytes"),
        Some(bits) if bits / 8 == found => return Ok(()),
        Some(bits) => {
            let bytes = bits / 8;
            format!(
                " = {bytes} bytes, but data_offsets [{begin}, {end}] hold {found}; they must match"
            )
        }
    };
    let (name, shape) = (shown(&tensor.name), dimensions(&tensor.shape));
    Err(format!(
        "tensor {name} claims shape {shape} of {}{wrong}",
        tensor.dtype
    ))
}

/// Bits of an element; `None` of a type that is not known.
fn bits(dtype: &str) -> Option<u64> {
    match dtype {
        "F4" => Some(4),
        "F6_E2M3" | "F6_E3M2" => Some(6),
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" | "F8_E4M3FNUZ"
        | "F8_E5M2FNUZ" => Some(8),
        "I16" | "U16" | "F16" | "BF16" => Some(16),
        "I32" | "U32" | "F32" => Some(32),
        "I64" | "U64" | "F64" | "C64" => Some(64),
        _ => None,
    }
}

/// A name in quotes, cut where it is too long for a line.
fn shown(name: &str) -> String {
    let start: String = name.chars().take(100).collect();
    let more = if start.len() < name.len() { "..." } else { "" };
    format!("{start:?}{more}")
}

/// A shape, cut where it is too long for a line.
fn dimensions(shape: &[usize]) -> String {
    match shape.get(..8) {
        Some(start) if shape.len() > 8 => format!("{start:?}... of {} dimensions", shape.len()),
        _ => format!("{shape:?}"),
    }
}
