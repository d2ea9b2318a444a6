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
        let refuse = |rule: String| {
            let name = shown(&tensor.name);
            Err(format!(
                "tensor {name} has data_offsets [{begin}, {end}]; {rule}"
            ))
        };
        if end < begin {
            return refuse("they must not run backwards".to_owned());
        }
        if end > available {
            return refuse(format!(
                "there are {available} bytes of data, so the file is not complete"
            ));
        }
        if begin < at {
            return refuse(format!(
                "they overlap the tensor before, which ends at {at}"
            ));
        }
        if begin > at {
            return refuse(format!(
                "the tensor before ends at {at}, and there must be no gap"
            ));
        }
        expect_size(tensor)?;
        at = end;
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
    match tensors.iter().find(|tensor| !names.insert(&tensor.name)) {
        Some(tensor) => Err(format!(
            "tensor {} is there twice; names must differ",
            shown(&tensor.name)
        )),
        None => Ok(()),
    }
}

/// Holds a tensor's shape against its place.
fn expect_size(tensor: &Tensor) -> Reason<()> {
    let Tensor {
        name,
        dtype,
        shape,
        offsets: (begin, end),
    } = tensor;
    let Some(bits) = bits(dtype) else {
        return Ok(());
    };
    let claim = || {
        let shape = dimensions(shape);
        format!("tensor {} claims shape {shape} of {dtype}", shown(name))
    };
    let found = end - begin;
    let claimed = shape
        .iter()
        .try_fold(1_u64, |count, &dimension| {
            count.checked_mul(dimension as u64)
        })
        .and_then(|count| count.checked_mul(bits))
        .ok_or_else(|| format!("{}, more than any file holds", claim()))?;
    if claimed % 8 != 0 {
        return Err(format!(
            "{}, {claimed} bits; they must be whole bytes",
            claim()
        ));
    }
    let claimed = claimed / 8;
    if claimed == found {
        return Ok(());
    }
    Err(format!(
        "{} = {claimed} bytes, but data_offsets [{begin}, {end}] hold {found}; they must match",
        claim()
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
