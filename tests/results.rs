//! The format of result files stands still: the example in docs/results.md is read, written again to the
//! letter, and every field of it is explained there. What is told of samples holds.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use serde_json::Value;
use wgpu_activations::{
    accuracy::inputs::words,
    bench::{
        record::{Run, SCHEMA},
        stats::{ratio_of_medians, summary},
    },
};

const DOCUMENT: &str = include_str!("../docs/results.md");

fn example() -> &'static str {
    let (_, rest) = DOCUMENT.split_once("```json\n").unwrap();
    rest.split_once("```").unwrap().0
}

fn read() -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    std::fs::write(&path, example()).unwrap();
    Run::read(&path).unwrap()
}

#[test]
fn the_example_is_read_and_written_to_the_letter() {
    let run = read();
    assert_eq!(run.schema, SCHEMA);
    let mut written = Vec::new();
    run.write_to(&mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), example());
}

#[test]
fn a_tuning_of_fewer_numbers_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let (before, rest) = example().split_once("\"tuning\":{").unwrap();
    let (_, after) = rest.split_once('}').unwrap();
    let earlier = r#""pointwise_threads":256,"reduction_rows":256,"softmax_vectors":16"#;
    std::fs::write(&path, format!("{before}\"tuning\":{{{earlier}}}{after}")).unwrap();
    let tuning = Run::read(&path).unwrap().devices[0].tuning.clone().unwrap();
    assert_eq!((tuning.reduction_rows, tuning.word_bits), (256, 32));
    assert_eq!(tuning.of_families["softmax_vectors"], 16);
}

#[test]
fn what_is_no_result_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let wide =
        |unit: fn(u16) -> [u8; 2]| -> Vec<u8> { example().encode_utf16().flat_map(unit).collect() };
    let marked = |mark: &[u8], text: Vec<u8>| [mark, &text].concat();
    for (content, text) in [
        (
            wide(u16::to_le_bytes),
            "it is text in UTF-16; save it again in UTF-8",
        ),
        (
            wide(u16::to_be_bytes),
            "it is text in UTF-16; save it again in UTF-8",
        ),
        (
            marked(b"\xff\xfe", wide(u16::to_le_bytes)),
            "it is text in UTF-16; save it again in UTF-8",
        ),
        (
            marked(b"\xef\xbb\xbf", example().into()),
            "it is text with a byte order mark; save it again without that",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1".to_vec(),
            "it is a Git LFS pointer; `git lfs pull` fetches the file",
        ),
        (b"PK\x03\x04\x14".to_vec(), "it is an .npz file"),
        (b"\x93NUMPY\x01\0".to_vec(), "it is an .npy file"),
        (b"\x1f\x8b\x08\0".to_vec(), "it is compressed by gzip"),
        (b"{\"schema\": \"\xff\"}".to_vec(), "it is no text in UTF-8"),
        (b"3".to_vec(), "invalid type"),
    ] {
        std::fs::write(&path, content).unwrap();
        let error = Run::read(&path).unwrap_err().to_string();
        let told = format!("is no result file of `activations bench`: {text}");
        assert!(error.contains(&told), "{error}\nlacks\n{told}");
    }
}

#[test]
fn every_field_is_explained() {
    fn names(value: &Value, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    all.insert(name.clone());
                    names(value, all);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| names(value, all)),
            _ => {}
        }
    }
    let mut all = BTreeSet::new();
    names(&serde_json::from_str(example()).unwrap(), &mut all);
    assert!(all.len() > 50, "{all:?}");
    for name in all {
        assert!(
            DOCUMENT.contains(&format!("`{name}`")),
            "{name} is not explained"
        );
    }
}

#[test]
fn summaries_follow_from_samples() {
    let run = read();
    let row = &run.rows[0];
    let measurement = row.measurement.as_ref().unwrap();
    let baseline = measurement.baseline.as_ref();
    let found = summary(row.moved_bytes, &measurement.rounds_ns, baseline);
    let expected = measurement.summary;
    assert_eq!(found.median_ns, expected.median_ns);
    assert!((found.fraction.unwrap() - expected.fraction.unwrap()).abs() < 1e-12);
    assert!((found.gb_per_s - expected.gb_per_s).abs() < 1e-12);
    assert!(
        (found.p10_ns - expected.p10_ns).abs() < 1e-6
            && (found.p90_ns - expected.p90_ns).abs() < 1e-6
    );
}

#[test]
fn a_field_that_is_not_known_or_missing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let told = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Run::read(&path).unwrap_err().to_string()
    };
    let error = told(&example().replace("\"complete\": true,", ""));
    assert!(error.contains("complete"), "{error}");
    let error = told(&example().replace("\"crashed\"", "\"exploded\""));
    assert!(error.contains("exploded"), "{error}");
    let error = told(&example().replace(SCHEMA, "bench/9"));
    assert!(
        error.contains("bench/9") && error.contains(SCHEMA),
        "{error}"
    );
    let error = told("[1, 2]");
    assert!(error.contains("no result file"), "{error}");
}

#[test]
fn an_interval_holds_what_is_the_same_and_not_what_is_slower() {
    let noise = |seed: u64, factor: f64| -> Vec<Vec<f64>> {
        let mut words = words(seed);
        let mut sample = || factor * (1.0 + f64::from(words.next().unwrap() >> 16) / 65536e1);
        (0..5).map(|_| (0..6).map(|_| sample()).collect()).collect()
    };
    let same = ratio_of_medians(&noise(1, 1.0), &noise(2, 1.0));
    assert!(same.low < 1.0 && 1.0 < same.high, "{same:?}");
    let slower = ratio_of_medians(&noise(1, 1.0), &noise(2, 1.2));
    assert!(slower.low > 1.1, "{slower:?}");
}

#[test]
fn rounds_that_differ_widen_the_interval() {
    let steady = vec![vec![1.0; 6]; 5];
    let drifting: Vec<_> = (0..5)
        .map(|round| vec![1.0 + round as f64 / 10.0; 6])
        .collect();
    let estimate = ratio_of_medians(&steady, &drifting);
    assert!(estimate.low <= 1.1 && estimate.high >= 1.3, "{estimate:?}");
}
