//! A `.safetensors` file of any bytes is listed or refused; what is listed, the format's own reader
//! accepts, and finds in the same places.

use safetensors::SafeTensors;
use wgpu_activations::io::{matches, safetensors as ours};

/// The types of the format's own reader.
const KNOWN: [&str; 22] = [
    "BOOL",
    "F4",
    "F6_E2M3",
    "F6_E3M2",
    "U8",
    "I8",
    "F8_E5M2",
    "F8_E4M3",
    "F8_E8M0",
    "F8_E4M3FNUZ",
    "F8_E5M2FNUZ",
    "I16",
    "U16",
    "F16",
    "BF16",
    "I32",
    "U32",
    "F32",
    "C64",
    "F64",
    "I64",
    "U64",
];

/// Panics where that does not hold.
pub(crate) fn run(bytes: &[u8]) {
    // Pattern and name are whatever the bytes happen to be.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(64)]);
    if let Some((pattern, name)) = text.split_once('/') {
        matches(pattern, name);
    }

    let listing = match ours::read(&mut &bytes[..], bytes.len() as u64) {
        Ok(listing) => listing,
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
            return;
        }
    };
    assert!(bytes.starts_with(&listing.header));
    let mut at = listing.header.len() as u64;
    for entry in &listing.entries {
        assert_eq!(entry.data.start, at);
        assert!(entry.data.end >= at);
        at = entry.data.end;
    }
    assert_eq!(at, bytes.len() as u64);

    let Ok(theirs) = SafeTensors::deserialize(bytes) else {
        // It knows no type but its own.
        assert!(
            listing
                .entries
                .iter()
                .any(|x| !KNOWN.contains(&x.dtype.name()))
        );
        return;
    };
    assert_eq!(theirs.len(), listing.entries.len());
    for entry in &listing.entries {
        let tensor = theirs.tensor(&entry.name).expect("names agree");
        assert_eq!(tensor.shape(), entry.shape);
        assert_eq!(tensor.dtype().to_string(), entry.dtype.name());
        let data = entry.data.start as usize..entry.data.end as usize;
        assert_eq!(tensor.data(), &bytes[data]);
    }
}
