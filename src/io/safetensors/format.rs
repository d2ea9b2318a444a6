//! `.safetensors` among the formats.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::{Dtype, Listing, MAX_HEADER, NEEDED, PREFIX, parse};
use crate::{
    element::ElementType,
    error::Result,
    io::{
        Endian, FileSink, Format, NewArray, Number, Opened, Order, Output, Selection, Storage,
        StoredArray, Target,
        choice::{Chosen, choose, expect_taken, patterns},
        file::{self, Reason, invalid_input},
        input::Data,
        stream::cannot_write,
    },
};

/// Tensors by their names, of which some are replaced.
pub(in crate::io) struct Safetensors;

impl Format for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn noun(&self) -> &'static str {
        NEEDED
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["safetensors"]
    }

    /// A length that a header can have, then JSON.
    fn recognises(&self, start: &[u8]) -> bool {
        match start.split_first_chunk::<{ PREFIX as usize }>() {
            Some((size, [b'{', ..])) => u64::from_le_bytes(*size) <= MAX_HEADER,
            _ => false,
        }
    }

    fn keeps_layout(&self) -> bool {
        true
    }

    fn open(&self, file: Opened, path: &Path, names: &[String]) -> Result<Selection> {
        let select = || {
            let (mut file, length) = file.into_file(NEEDED)?;
            let listing = parse(&mut file, length)?;
            let found: Vec<_> = listing.entries.iter().map(|entry| &*entry.name).collect();
            let names = patterns(names, &found, NEEDED)?;
            let selection = select_known(file, &listing, path, &names, |_| true)?;
            expect_taken(!selection.arrays.is_empty(), &selection.passed_over)?;
            Ok(selection)
        };
        select().map_err(file::of(path))
    }

    fn alone(&self, arrays: &[NewArray<'_>]) -> io::Result<(Vec<u8>, Vec<u64>)> {
        let mut tensors = serde_json::Map::new();
        let (mut places, mut at) = (Vec::new(), 0);
        for array in arrays {
            if array.order == Order::Fortran && array.shape.len() > 1 {
                return Err(invalid_input(format!("{NEEDED} holds tensors in C order")));
            }
            let dtype = match array.storage.number {
                Number::F16 => "F16",
                Number::Bf16 => "BF16",
                Number::F32 => "F32",
                Number::F64 => "F64",
                Number::U32 => "U32",
            };
            let end = array.data_bytes().and_then(|bytes| bytes.checked_add(at));
            let end = end.ok_or_else(|| {
                let shape = array.shape;
                invalid_input(format!("shape {shape:?} is more than any file holds"))
            })?;
            let tensor = serde_json::json!({
                "dtype": dtype,
                "shape": array.shape,
                "data_offsets": [at, end],
            });
            tensors.insert(array.name().to_owned(), tensor);
            places.push(at);
            at = end;
        }
        let mut text = serde_json::Value::from(tensors).to_string();
        // So that the data is aligned, blanks follow, as the format allows.
        let padded = text.len().next_multiple_of(PREFIX as usize);
        text.extend(std::iter::repeat_n(' ', padded - text.len()));
        let header = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        let start = header.len() as u64;
        let places = places.iter().map(|place| start + place).collect();
        Ok((header, places))
    }

    fn begin(&self, target: Target, path: &Path, array: &NewArray<'_>) -> Result<Output> {
        let mut file = target.into_file(NEEDED).map_err(file::of(path))?;
        let begin = || {
            let (header, places) = self.alone(&[*array])?;
            file.write_all(&header)?;
            Ok(places[0])
        };
        let start = array.place.map_or_else(begin, Ok);
        Ok(Output::places(FileSink {
            file,
            path: path.to_owned(),
            start: start.map_err(|error| cannot_write(path, &error))?,
            storage: Storage {
                endian: Endian::Little,
                ..array.storage
            },
        }))
    }
}

/// The tensors that names or patterns name of those that are known. There may be none.
pub(super) fn select_known(
    file: File,
    listing: &Listing,
    path: &Path,
    names: &[String],
    known: impl Fn(&str) -> bool,
) -> Reason<Selection> {
    let found: Vec<_> = listing.entries.iter().map(|entry| &*entry.name).collect();
    let stored = |index: usize| stored(&listing.entries[index].dtype);
    let Chosen { taken, passed_over } = choose(names, &found, known, stored)?;
    let file = Arc::new(file);
    let array = |&(index, (number, element)): &(usize, (Number, ElementType))| {
        let entry = &listing.entries[index];
        StoredArray {
            name: entry.name.clone(),
            shape: entry.shape.clone(),
            order: Order::C,
            element,
            storage: Storage {
                number,
                endian: Endian::Little,
            },
            dtype: entry.dtype.to_string(),
            type_name: match number {
                Number::F64 => "f64",
                _ => element.name(),
            },
            place: Some(entry.data.start),
            data: Data::File(Arc::clone(&file), entry.data.start),
            path: path.to_owned(),
        }
    };
    let arrays = taken.iter().map(array).collect();
    let taken: HashSet<_> = taken.iter().map(|(index, _)| *index).collect();
    let others = listing.entries.iter().enumerate();
    let others = others.filter(|(index, _)| !taken.contains(index));
    let header = 0..listing.header.len() as u64;
    let rest: Vec<_> = std::iter::once(header)
        .chain(others.map(|(_, entry)| entry.data.clone()))
        .collect();
    Ok(Selection {
        arrays,
        passed_over,
        rest: Box::new(rest),
    })
}

/// How a tensor is stored and what it is computed in.
fn stored(dtype: &Dtype) -> Reason<(Number, ElementType)> {
    Ok(match dtype {
        Dtype::F32 => (Number::F32, ElementType::F32),
        Dtype::F64 => (Number::F64, ElementType::F32),
        Dtype::F16 => (Number::F16, ElementType::F16),
        Dtype::BF16 => (Number::Bf16, ElementType::Bf16),
        Dtype::Other(name) => {
            let name = name.escape_debug();
            return Err(format!("holds {name}; F32, F16, BF16 and F64 are accepted"));
        }
    })
}
