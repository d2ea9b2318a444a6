//! `.safetensors` among the formats.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::{Dtype, Entry, Listing, MAX_HEADER, NEEDED, PREFIX, matches, parse};
use crate::{
    element::ElementType,
    error::Result,
    io::{
        Endian, FileSink, Format, NewArray, Number, Opened, Order, Output, Selection, Storage,
        StoredArray, Target,
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

    fn rewrites(&self) -> bool {
        true
    }

    fn open(&self, file: Opened, path: &Path, names: &[String]) -> Result<Selection> {
        let select = || {
            let (mut file, length) = file.into_file(NEEDED)?;
            let listing = parse(&mut file, length)?;
            let chosen = choose(&listing, names)?;
            let file = Arc::new(file);
            let array = |&(entry, element): &(&Entry, ElementType)| StoredArray {
                name: entry.name.clone(),
                shape: entry.shape.clone(),
                order: Order::C,
                element,
                storage: Storage {
                    number: element.into(),
                    endian: Endian::Little,
                },
                dtype: entry.dtype.to_string(),
                type_name: element.name(),
                place: Some(entry.data.start),
                data: Data::File(Arc::clone(&file), entry.data.start),
                path: path.to_owned(),
            };
            let arrays = chosen.iter().map(array).collect();
            let taken: HashSet<_> = chosen.iter().map(|(entry, _)| &*entry.name).collect();
            let passes = |entry: &&Entry| !taken.contains(&*entry.name);
            let others = listing.entries.iter().filter(passes);
            let header = 0..listing.header.len() as u64;
            let others = others.map(|entry| entry.data.clone());
            let rest = std::iter::once(header).chain(others).collect();
            Ok(Selection { arrays, rest })
        };
        select().map_err(file::of(path))
    }

    fn begin(&self, target: Target, path: &Path, array: &NewArray<'_>) -> Result<Output> {
        let mut file = target.into_file(NEEDED).map_err(file::of(path))?;
        let begin = || {
            let header = header_of(array)?;
            file.write_all(&header)?;
            Ok(header.len() as u64)
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

/// The tensors that names or patterns name, in the order of these.
fn choose<'a>(listing: &'a Listing, names: &[String]) -> Reason<Vec<(&'a Entry, ElementType)>> {
    if names.is_empty() {
        let names = listing.entries.iter().map(|entry| &*entry.name);
        return Err(format!(
            "name tensors with --tensor NAME or a pattern such as '*.weight'; it has {}",
            some_of(names)
        ));
    }
    let mut chosen: Vec<(&Entry, ElementType)> = Vec::new();
    let mut taken = HashSet::new();
    for pattern in names {
        let before = chosen.len();
        for entry in &listing.entries {
            if taken.contains(&entry.name) || !matches(pattern, &entry.name) {
                continue;
            }
            if let Some(element) = element(&entry.dtype) {
                taken.insert(&entry.name);
                chosen.push((entry, element));
            } else if *pattern == entry.name {
                // A pattern takes what can be taken; a name says what is wanted.
                return Err(format!(
                    "tensor `{}` holds {}; F32, F16 and BF16 are accepted",
                    entry.name, entry.dtype
                ));
            }
        }
        if chosen.len() == before {
            let floats = |entry: &&Entry| element(&entry.dtype).is_some();
            let names = listing.entries.iter().filter(floats);
            return Err(format!(
                "no tensor of F32, F16 or BF16 matches `{pattern}`; it has {}",
                some_of(names.map(|entry| &*entry.name))
            ));
        }
    }
    Ok(chosen)
}

/// The element type, if it can be computed on.
fn element(dtype: &Dtype) -> Option<ElementType> {
    match dtype {
        Dtype::F32 => Some(ElementType::F32),
        Dtype::F16 => Some(ElementType::F16),
        Dtype::BF16 => Some(ElementType::Bf16),
        Dtype::Other(_) => None,
    }
}

/// Some names, and how many more there are.
fn some_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 8;
    let mut names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let names = names.join(", ");
    match more {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// The bytes up to the data of a file of one tensor.
fn header_of(array: &NewArray<'_>) -> io::Result<Vec<u8>> {
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
    let bytes = array.data_bytes().ok_or_else(|| {
        let shape = array.shape;
        invalid_input(format!("shape {shape:?} is more than any file holds"))
    })?;
    let tensor = serde_json::json!({
        "dtype": dtype,
        "shape": array.shape,
        "data_offsets": [0, bytes],
    });
    let mut text = serde_json::json!({ array.name(): tensor }).to_string();
    // So that the data is aligned, blanks follow, as the format allows.
    let padded = text.len().next_multiple_of(PREFIX as usize);
    text.extend(std::iter::repeat_n(' ', padded - text.len()));
    Ok([&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat())
}
