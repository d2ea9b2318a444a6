//! The header of a `.safetensors` file: JSON, an object per tensor.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::Reason;

/// What the header says of a tensor; nothing has been held against anything.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tensor {
    /// The key of its object.
    #[serde(skip)]
    pub(super) name: String,
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    /// Where its data begins and ends, in bytes from the beginning of all data.
    #[serde(rename = "data_offsets")]
    pub(super) offsets: (u64, u64),
}

/// The key of what the file's author noted: strings by strings.
const METADATA: &str = "__metadata__";

/// The tensors that the header names, in its order.
pub(super) fn parse(text: &[u8]) -> Reason<Vec<Tensor>> {
    if text.first() != Some(&b'{') {
        let start = text[..text.len().min(8)].escape_ascii();
        return Err(format!(
            "header begins with `{start}`, must begin with `{{`"
        ));
    }
    // Nesting is no danger: nothing but these objects is descended into.
    let mut json = serde_json::Deserializer::from_slice(text);
    let tensors = json
        .deserialize_map(Objects)
        .and_then(|tensors| json.end().map(|()| tensors));
    tensors.map_err(|error| {
        format!(
            "header is not understood: {}; it must be JSON with dtype, shape and data_offsets of every tensor",
            in_words(&error)
        )
    })
}

/// An error, which may quote the file, on one line.
pub(super) fn in_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Collects the header's objects. A map would keep one of two with the same name, and say nothing.
struct Objects;

impl<'de> Visitor<'de> for Objects {
    type Value = Vec<Tensor>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object per tensor")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Tensor>, A::Error> {
        let mut tensors = Vec::new();
        let mut metadata = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                if metadata {
                    return Err(Error::duplicate_field(METADATA));
                }
                metadata = true;
                map.next_value::<HashMap<String, String>>()?;
                continue;
            }
            let tensor = map.next_value()?;
            tensors.push(Tensor { name, ..tensor });
        }
        Ok(tensors)
    }
}
