//! `.safetensors` files: tensors are found where the format's own reader finds them, and what is
//! wrong is named.
// Helpers of tests fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use ::safetensors::{Dtype as TheirDtype, SafeTensors, serialize, tensor::TensorView};
use wgpu_activations::io::{
    matches,
    safetensors::{self, Dtype, Listing},
};

#[path = "safetensors/shards.rs"]
mod shards;

/// A file as the format lays it out: the header's length, the header, data.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((0..data).map(|i| i as u8));
    bytes
}

/// An entry of a header.
fn entry(name: &str, dtype: &str, shape: &str, begin: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{begin},{end}]}}"#)
}

fn list(bytes: &[u8]) -> Listing {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    fs::write(&path, bytes).unwrap();
    let listing = safetensors::list(&path).unwrap();
    assert_eq!(
        safetensors::read(&mut &bytes[..], bytes.len() as u64).unwrap(),
        listing
    );
    listing
}

/// The reason why a file is refused; checks that the message names the file and is one line.
fn refusal(path: &Path) -> String {
    let message = safetensors::list(path).unwrap_err().to_string();
    assert!(!message.contains(char::is_control), "{message:?}");
    assert!(message.len() < 1000, "{message}");
    let name = format!("{}: ", path.display());
    message
        .strip_prefix(&name)
        .unwrap_or_else(|| panic!("{message:?} does not name {name}"))
        .to_owned()
}

fn refused(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    fs::write(&path, bytes).unwrap();
    refusal(&path)
}

/// The reason why a file of these entries is refused.
fn refused_entries(entries: &[String], data: usize) -> String {
    refused(&file(&format!("{{{}}}", entries.join(",")), data))
}

#[test]
fn tensors_are_listed_in_order_of_their_data() {
    let header = format!(
        r#"{{{},"__metadata__":{{"format":"pt"}},{},{},{}}}   "#,
        entry("z.weight", "F32", "[2,3]", 14, 38),
        entry("a", "BF16", "[]", 12, 14),
        entry("b", "F16", "[3,1,2]", 0, 12),
        entry("c", "I64", "[0,7]", 38, 38),
    );
    let bytes = file(&header, 38);
    let listing = list(&bytes);
    let start = 8 + header.len() as u64;
    assert_eq!(listing.header, bytes[..start as usize]);
    let found: Vec<_> = listing
        .entries
        .iter()
        .map(|x| {
            let data = x.data.start - start..x.data.end - start;
            (x.name.as_str(), x.dtype.name(), x.shape.as_slice(), data)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("b", "F16", [3, 1, 2].as_slice(), 0..12),
            ("a", "BF16", &[], 12..14),
            ("z.weight", "F32", &[2, 3], 14..38),
            ("c", "I64", &[0, 7], 38..38),
        ]
    );
    assert_eq!(listing.entries[3].dtype, Dtype::Other("I64".to_owned()));
}

#[test]
fn a_file_may_hold_no_tensors() {
    for header in ["{}", r#"{"__metadata__":{}}"#] {
        let bytes = file(header, 0);
        let listing = list(&bytes);
        assert_eq!((listing.entries, listing.header), (vec![], bytes));
    }
}

#[test]
fn unknown_types_are_taken_at_their_word() {
    let header = format!("{{{}}}", entry("a", "Q3_NEW", "[5]", 0, 2));
    let listing = list(&file(&header, 2));
    assert_eq!(listing.entries[0].dtype, Dtype::Other("Q3_NEW".to_owned()));
}

#[test]
fn what_the_format_s_own_writer_writes_is_listed_as_its_own_reader_does() {
    let all = [
        (TheirDtype::BOOL, vec![3], 3),
        (TheirDtype::F4, vec![2, 3], 3),
        (TheirDtype::F6_E2M3, vec![4], 3),
        (TheirDtype::F6_E3M2, vec![4], 3),
        (TheirDtype::U8, vec![3], 3),
        (TheirDtype::I8, vec![3], 3),
        (TheirDtype::F8_E5M2, vec![3], 3),
        (TheirDtype::F8_E4M3, vec![3], 3),
        (TheirDtype::F8_E8M0, vec![3], 3),
        (TheirDtype::F8_E4M3FNUZ, vec![3], 3),
        (TheirDtype::F8_E5M2FNUZ, vec![3], 3),
        (TheirDtype::I16, vec![3], 6),
        (TheirDtype::U16, vec![3], 6),
        (TheirDtype::F16, vec![3, 2], 12),
        (TheirDtype::BF16, vec![3], 6),
        (TheirDtype::I32, vec![3], 12),
        (TheirDtype::U32, vec![3], 12),
        (TheirDtype::F32, vec![], 4),
        (TheirDtype::C64, vec![3], 24),
        (TheirDtype::F64, vec![3], 24),
        (TheirDtype::I64, vec![3], 24),
        (TheirDtype::U64, vec![0, 3], 0),
    ];
    let data: Vec<u8> = (0..100).collect();
    let tensors: Vec<(String, TensorView<'_>)> = all
        .into_iter()
        .enumerate()
        .map(|(i, (dtype, shape, bytes))| {
            let view = TensorView::new(dtype, shape, &data[i..i + bytes]).unwrap();
            (format!("block.{i}.{dtype}"), view)
        })
        .collect();
    let bytes = serialize(tensors, None).unwrap();
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    let ours = list(&bytes);
    assert_eq!(ours.entries.len(), theirs.len());
    for entry in ours.entries {
        let tensor = theirs.tensor(&entry.name).unwrap();
        assert_eq!(entry.dtype.to_string(), tensor.dtype().to_string());
        assert_eq!(entry.shape, tensor.shape());
        let data = entry.data.start as usize..entry.data.end as usize;
        assert_eq!(&bytes[data], tensor.data());
    }
}

#[test]
fn what_is_no_safetensors_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.safetensors");
    assert_eq!(refusal(&missing), "no such file");
    assert_eq!(
        refusal(folder.path()),
        "is a directory; a .safetensors file is needed"
    );
    assert_eq!(refused(b""), "is empty; a .safetensors file is needed");
    assert_eq!(
        refused(b"\x93NUMPY\x01\x00v\x00{'descr'"),
        "header claims 1533193259667 bytes; the format allows 100000000, so this is no .safetensors file"
            .replace("1533193259667", &u64::from_le_bytes(*b"\x93NUMPY\x01\x00").to_string())
    );
}

#[test]
fn a_file_that_is_cut_short_is_refused() {
    let whole = file(&format!("{{{}}}", entry("a", "F32", "[2]", 0, 8)), 8);
    let header = whole.len() - 16;
    for length in 1..whole.len() {
        let message = refused(&whole[..length]);
        let expected = if length < 8 {
            format!("is cut short after {length} bytes; a .safetensors file has its header")
        } else if length < 8 + header {
            format!(
                "header claims {header} bytes, but the file has {}; the file is not complete",
                length - 8
            )
        } else {
            format!(
                "tensor \"a\" has data_offsets [0, 8]; there are {} bytes of data, so the file is not \
                 complete",
                length - 8 - header
            )
        };
        assert_eq!(message, expected);
    }
    // A file that ends before the length that its folder tells.
    let error = safetensors::read(&mut &whole[..20], whole.len() as u64).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    assert_eq!(
        error.to_string(),
        "is cut short after 20 bytes; a .safetensors file has its header"
    );
}

#[test]
fn long_headers_are_refused_before_memory_is_taken() {
    for (claim, expected) in [
        (
            100_000_000,
            "header claims 100000000 bytes, but the file has 2; the file is not complete",
        ),
        (
            100_000_001,
            "header claims 100000001 bytes; the format allows 100000000, so this is no .safetensors file",
        ),
        (
            1 << 31,
            "header claims 2147483648 bytes; the format allows 100000000, so this is no .safetensors file",
        ),
        (
            u64::MAX,
            "header claims 18446744073709551615 bytes; the format allows 100000000, so this is no .safetensors file",
        ),
    ] {
        let mut bytes = claim.to_le_bytes().to_vec();
        bytes.extend(b"{}");
        assert_eq!(refused(&bytes), expected);
    }
}

#[test]
fn what_is_not_json_of_the_format_is_refused() {
    let deep = "[".repeat(100_000);
    let deep_field = format!(r#"{{"a":{{"dtype":{}"#, r#"{"a":"#.repeat(100_000));
    for text in ["", "[]", " {}", "\u{1b}[31m{}", &deep] {
        let message = refused(&file(text, 0));
        assert!(
            message.starts_with("header begins with `") && message.ends_with("must begin with `{`"),
            "{message}"
        );
    }
    for text in [
        "{",
        "{}{}",
        "{} x",
        "{1:2}",
        r#"{"a":1}"#,
        r#"{"a":null}"#,
        r#"{"a":{}}"#,
        r#"{"a":{"dtype":"F32","shape":[1]}}"#,
        r#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#,
        r#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"\u001b":0}}"#,
        r#"{"__metadata__":{"a":1}}"#,
        r#"{"__metadata__":{},"__metadata__":{}}"#,
        &format!(r#"{{"a":{deep}"#),
        &format!(r#"{{"a":{{"dtype":"F32","shape":[1],"data_offsets":[0,4],"b":{deep}"#),
        &format!(r#"{{"__metadata__":{{"a":{deep}"#),
        &deep_field,
    ] {
        let message = refused(&file(text, 4));
        assert!(
            message.starts_with("header is not understood: ")
                && message
                    .ends_with("must be JSON with dtype, shape and data_offsets of every tensor"),
            "{message}"
        );
    }
    let mut bytes = file(r#"{"aa":0}"#, 0);
    bytes[10..12].copy_from_slice(b"\xff\xfe");
    assert!(refused(&bytes).starts_with("header is not understood: invalid unicode"));
}

#[test]
fn names_must_differ() {
    let message = refused_entries(
        &[
            entry("a", "F32", "[1]", 0, 4),
            entry("b", "F32", "[1]", 4, 8),
            entry("\\u0061", "F32", "[1]", 8, 12),
        ],
        12,
    );
    assert_eq!(message, "tensor \"a\" is there twice; names must differ");
}

#[test]
fn data_must_be_in_the_file_without_gap_or_overlap() {
    let refused = |places: &[(u64, u64)], data| {
        let entries: Vec<String> = places
            .iter()
            .enumerate()
            .map(|(i, &(begin, end))| {
                let bytes = end.saturating_sub(begin);
                entry(&format!("t.{i}"), "U8", &format!("[{bytes}]"), begin, end)
            })
            .collect();
        refused_entries(&entries, data)
    };
    for (places, data, expected) in [
        (
            &[(0, 8), (8, 4)][..],
            8,
            "tensor \"t.1\" has data_offsets [8, 4]; they must not run backwards",
        ),
        (
            &[(0, 8), (8, 13)],
            12,
            "tensor \"t.1\" has data_offsets [8, 13]; there are 12 bytes of data, so the file is not complete",
        ),
        (
            &[(0, u64::MAX)],
            12,
            "tensor \"t.0\" has data_offsets [0, 18446744073709551615]; there are 12 bytes of data, so the \
             file is not complete",
        ),
        (
            &[(0, 8), (7, 12)],
            12,
            "tensor \"t.1\" has data_offsets [7, 12]; they overlap the tensor before, which ends at 8",
        ),
        (
            &[(0, 12), (0, 12)],
            12,
            "tensor \"t.1\" has data_offsets [0, 12]; they overlap the tensor before, which ends at 12",
        ),
        (
            &[(9, 12), (0, 8)],
            12,
            "tensor \"t.0\" has data_offsets [9, 12]; the tensor before ends at 8, and there must be no gap",
        ),
        (
            &[(1, 12)],
            12,
            "tensor \"t.0\" has data_offsets [1, 12]; the tensor before ends at 0, and there must be no gap",
        ),
        (
            &[(0, 8)],
            12,
            "tensors take 8 bytes of data, but there are 12; they must match",
        ),
        (
            &[],
            3,
            "tensors take 0 bytes of data, but there are 3; they must match",
        ),
    ] {
        assert_eq!(refused(places, data), expected);
    }
}

#[test]
fn shape_and_type_must_ask_for_the_data_there_is() {
    for (dtype, shape, expected) in [
        (
            "F32",
            "[2]",
            "tensor \"a\" claims shape [2] of F32 = 8 bytes, but data_offsets [0, 4] hold 4; they must match",
        ),
        (
            "F16",
            "[]",
            "tensor \"a\" claims shape [] of F16 = 2 bytes, but data_offsets [0, 4] hold 4; they must match",
        ),
        (
            "F32",
            "[1152921504606846976]",
            "tensor \"a\" claims shape [1152921504606846976] of F32, more than any file holds",
        ),
        (
            "BF16",
            "[4294967296,4294967296]",
            "tensor \"a\" claims shape [4294967296, 4294967296] of BF16, more than any file holds",
        ),
        (
            "F4",
            "[3]",
            "tensor \"a\" claims shape [3] of F4, 12 bits; they must be whole bytes",
        ),
        (
            "I8",
            "[1,1,1,1,1,1,1,1,1,5]",
            "tensor \"a\" claims shape [1, 1, 1, 1, 1, 1, 1, 1]... of 10 dimensions of I8 = 5 bytes, but \
             data_offsets [0, 4] hold 4; they must match",
        ),
    ] {
        assert_eq!(
            refused_entries(&[entry("a", dtype, shape, 0, 4)], 4),
            expected
        );
    }
}

#[test]
fn names_are_shown_on_one_line() {
    let mut name = String::from(r"\n\u001b[31m");
    for i in 0..1000 {
        write!(name, "layer{i}.").unwrap();
    }
    let message = refused_entries(&[entry(&name, "F32", "[1]", 0, 8)], 8);
    assert!(
        message.starts_with(r#"tensor "\n\u{1b}[31mlayer0."#),
        "{message}"
    );
}

#[cfg(unix)]
#[test]
fn pipes_are_refused() {
    assert_eq!(
        refusal(Path::new("/dev/null")),
        "is a pipe or a device; a .safetensors file must have positions to go to"
    );
}

#[test]
fn patterns_match_as_a_shell_does() {
    for (pattern, name, expected) in [
        ("", "", true),
        ("", "a", false),
        ("a", "", false),
        ("*", "", true),
        ("*", "blocks.0.weight", true),
        ("?", "", false),
        ("?", "\u{e9}", true),
        ("??", "\u{e9}", false),
        ("a.b", "a.b", true),
        ("a.b", "axb", false),
        ("*.weight", "blocks.0.weight", true),
        ("*.weight", "blocks.0.weight.scale", false),
        ("blocks.*.weight", "blocks.0.mlp.weight", true),
        ("blocks.?.weight", "blocks.10.weight", false),
        ("*a*b*c*", "xxaxbxxc", true),
        ("*a*b*c*", "xxbxaxxc", false),
        ("a*?", "a", false),
        ("a*?", "ab", true),
        ("*ab", "aab", true),
        ("a**b", "ab", true),
        ("[ab]", "a", false),
        ("[ab]", "[ab]", true),
        ("*?*?", "a", false),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
    // Quadratic at worst.
    let pattern = "a*".repeat(1000) + "b";
    assert!(!matches(&pattern, &"a".repeat(20_000)));
}

/// Every byte replaced by those that mean something, and by those that do not.
#[test]
fn mutated_files_never_panic() {
    let header = format!(
        r#"{{"__metadata__":{{"a":"b"}},{},{}}}"#,
        entry("a", "F32", "[1,2]", 0, 8),
        entry("b", "I8", "[]", 8, 9),
    );
    let original = file(&header, 9);
    let mut accepted = 0;
    for at in 0..original.len() {
        for byte in *b"\0\x01\x1b\x7f\x80\xff\"\\{}[],:09-e_ " {
            let mut bytes = original.clone();
            bytes[at] = byte;
            match safetensors::read(&mut &bytes[..], bytes.len() as u64) {
                Ok(_) => accepted += 1,
                Err(error) => assert!(!error.to_string().contains(char::is_control), "{error:?}"),
            }
        }
    }
    assert!(accepted > 100, "{accepted}: data may be any bytes");
}
