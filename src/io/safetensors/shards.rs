//! Models in shards: several `.safetensors` files, and an index in JSON that says which tensor is in which.

use std::collections::{BTreeMap, HashSet};
use std::io::BufReader;
use std::path::{Component, Path};

use serde::Deserialize;

use super::{MAX_HEADER, NEEDED, Safetensors, format::select_known, header::in_words, parse};
use crate::{
    error::Result,
    io::{
        Format, Input, Selection,
        choice::{expect_taken, patterns, shown},
        file::{self, Reason},
        format::{opened, recognise},
        stranger::is_json,
    },
};

/// What a path must lead to.
const INDEX: &str = "the index of a model in shards";

/// An index. What else it holds is of no concern here.
#[derive(Deserialize)]
struct Index {
    /// The file of each tensor.
    weight_map: BTreeMap<String, String>,
}

/// Opens the tensors that `names` name, by [pattern](crate::io::matches), in the shards of a model, given its index,
/// `model.safetensors.index.json`. Gives an [`Input`] for each shard, in the order of their names, and for the index as
/// the last; those without a chosen tensor hold no arrays. [`Input::copy_rest`] makes of each a new file that is
/// the old one but for the chosen tensors. `None` where the file is no JSON, and so no index.
///
/// # Errors
///
/// [`Error::File`](crate::Error::File) where the index or a shard cannot be read or is damaged, where a shard lacks a
/// tensor that it should have or is not beside the index, and where nothing matches.
pub fn open_shards(path: &Path, names: &[String]) -> Result<Option<Vec<Input>>> {
    // A pipe has no folder for shards, and would lose its beginning here.
    if !path.is_file() || !is_json(&opened(path)?.1.0) {
        return Ok(None);
    }
    let (index, length) = read(path).map_err(file::of(path))?;
    let mut shards: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tensor, shard) in &index.weight_map {
        shards.entry(shard).or_default().push(tensor);
    }
    let tensors: Vec<_> = index.weight_map.keys().map(String::as_str).collect();
    let names = patterns(names, &tensors, INDEX).map_err(file::of(path))?;
    let mut inputs = Vec::new();
    for (shard, tensors) in shards {
        expect_beside(shard).map_err(file::of(path))?;
        let path = path.with_file_name(shard);
        inputs.push(select(&path, &tensors, &names)?);
    }
    let chosen = inputs.iter().any(|input| !input.arrays.is_empty());
    let passed_over = inputs.iter().flat_map(|input| &input.passed_over);
    let passed_over: Vec<_> = passed_over.cloned().collect();
    expect_taken(chosen, &passed_over).map_err(file::of(path))?;
    let all: Vec<_> = std::iter::once(0..length).collect();
    let rest = Selection {
        arrays: Vec::new(),
        passed_over: Vec::new(),
        rest: Box::new(all),
    };
    inputs.push(Input::of(&Safetensors, path, rest));
    Ok(Some(inputs))
}

/// An index and its bytes.
fn read(path: &Path) -> Reason<(Index, u64)> {
    let (file, length) = file::open_regular(path, INDEX)?;
    if length > MAX_HEADER {
        return Err(format!(
            "has {length} bytes; {INDEX} has at most {MAX_HEADER}"
        ));
    }
    let index = serde_json::from_reader(BufReader::new(file));
    let index = index.map_err(|error| {
        format!(
            "is JSON, but not {INDEX}: {}; that has a weight_map with the file of each tensor",
            in_words(&error)
        )
    })?;
    Ok((index, length))
}

/// Fails where a shard is anywhere but in the folder of the index.
fn expect_beside(shard: &str) -> Reason<()> {
    let mut components = Path::new(shard).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) if name == shard => Ok(()),
        _ => Err(format!(
            "has a shard {}; shards must be files beside the index",
            shown(shard)
        )),
    }
}

/// Of a shard, those of its tensors that the index names, and `names`, too.
fn select(path: &Path, tensors: &[&str], names: &[String]) -> Result<Input> {
    let (was, (start, opened)) = opened(path)?;
    let format = recognise(&start, path)?;
    if format != &Safetensors as &dyn Format {
        // What it is may be known better.
        format.open(opened, path, &[])?;
        let reason = format!("is {}; a shard must be {NEEDED}", format.noun());
        return Err(file::of(path)(reason));
    }
    let select = || {
        let (mut file, length) = opened.into_file(NEEDED)?;
        let listing = parse(&mut file, length)?;
        let found: HashSet<_> = listing.entries.iter().map(|entry| &*entry.name).collect();
        if let Some(missing) = tensors.iter().find(|tensor| !found.contains(*tensor)) {
            let missing = shown(missing);
            return Err(format!(
                "has no tensor {missing}, which the index says it has"
            ));
        }
        let known: HashSet<_> = tensors.iter().copied().collect();
        select_known(file, &listing, path, names, |name| known.contains(name))
    };
    let selection = select().map_err(file::of(path))?;
    let input = Input::of(&Safetensors, path, selection);
    Ok(Input {
        found: was,
        ..input
    })
}
