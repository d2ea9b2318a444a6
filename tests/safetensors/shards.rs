//! Models in shards: an index and the files that it names.

use std::fs::{self, File};
use std::path::Path;

use wgpu_activations::io::{Input, Order, Sink, Target, safetensors::open_shards};

use super::{entry, file};

const INDEX: &str = "model.safetensors.index.json";

/// Three tensors in two shards, one in a third, and `lost`, which the index does not name.
fn model(folder: &Path) {
    let shards = [
        (
            "a.safetensors",
            16,
            vec![
                entry("x.gate", "F32", "[2]", 0, 8),
                entry("x.ids", "I64", "[1]", 8, 16),
            ],
        ),
        (
            "b.safetensors",
            10,
            vec![
                entry("y.gate", "BF16", "[3]", 0, 6),
                entry("lost.gate", "F32", "[1]", 6, 10),
            ],
        ),
        ("c.safetensors", 8, vec![entry("norm", "F64", "[1]", 0, 8)]),
    ];
    for (name, data, entries) in shards {
        let header = file(&format!("{{{}}}", entries.join(",")), 0);
        fs::write(folder.join(name), [header, (0..data).collect()].concat()).unwrap();
    }
    let map = r#"{"metadata": {"total_size": 30}, "weight_map": {"x.gate": "a.safetensors",
        "x.ids": "a.safetensors", "y.gate": "b.safetensors", "norm": "c.safetensors"}}"#;
    fs::write(folder.join(INDEX), map).unwrap();
}

fn open(folder: &Path, names: &[&str]) -> wgpu_activations::Result<Vec<Input>> {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    Ok(open_shards(&folder.join(INDEX), &names)?.unwrap())
}

#[test]
fn each_shard_comes_with_what_was_chosen_of_it_and_the_index_last() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path());
    let chosen = |names: &[&str]| -> Vec<Vec<String>> {
        let inputs = open(folder.path(), names).unwrap();
        let names = inputs.iter().map(|input| input.arrays.iter());
        names
            .map(|arrays| arrays.map(|array| array.name.clone()).collect())
            .collect()
    };
    assert_eq!(
        chosen(&["*.gate"]),
        [&["x.gate"][..], &["y.gate"], &[], &[]]
    );
    assert_eq!(chosen(&["norm"]), [&[][..], &[], &["norm"], &[]]);
    let inputs = open(folder.path(), &["x.*"]).unwrap();
    assert_eq!(inputs[0].passed_over[0].0, "x.ids");
    assert_eq!(inputs[3].path, folder.path().join(INDEX));
}

#[test]
fn copies_are_the_old_files_but_for_what_was_chosen() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path());
    let to = tempfile::tempdir().unwrap();
    for mut input in open(folder.path(), &["*.gate"]).unwrap() {
        let path = to.path().join(input.path.file_name().unwrap());
        let file = File::create(&path).unwrap();
        input.copy_rest(&file, &path).unwrap();
        let mut expected = fs::read(&input.path).unwrap();
        for array in std::mem::take(&mut input.arrays) {
            let place = array.place.unwrap() as usize;
            let ones = vec![1; array.len() * array.storage.number.bytes()];
            expected[place..place + ones.len()].copy_from_slice(&ones);
            let target = Target::File(file.try_clone().unwrap());
            let new = array.like(&array.shape, Order::C);
            let output = input.format.begin(target, &path, &new).unwrap();
            output.write(0, &ones).unwrap();
            output.finish().unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), expected, "{}", path.display());
    }
}

#[test]
fn what_is_wrong_with_a_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path());
    let refused = |names: &[&str]| open(folder.path(), names).unwrap_err().to_string();
    for (names, text) in [
        (
            &["z*"][..],
            "has nothing that matches `z*`; it has `norm`, `x.gate`, `x.ids`, `y.gate`",
        ),
        // In a shard, but not of the model.
        (&["lost.gate"], "has nothing that matches `lost.gate`"),
        (&["x.ids"], "a.safetensors: `x.ids`: holds I64"),
        (
            &["*.ids"],
            "has nothing of that name to compute on: `x.ids`: holds I64",
        ),
        (
            &[],
            "is the index of a model in shards with 4 arrays; name some",
        ),
    ] {
        let error = refused(names);
        assert!(error.contains(text), "{error}");
    }
    fs::write(folder.path().join("t.bin"), b"PK\x05\x06").unwrap();
    fs::write(
        folder.path().join("lfs"),
        b"version https://git-lfs.github.com/spec/v1\n",
    )
    .unwrap();
    for (index, text) in [
        ("{", "is JSON, but not the index of a model in shards: EOF"),
        (r#"{"a": 1}"#, "missing field `weight_map`"),
        (r#"{"weight_map": {"x": 1}}"#, "invalid type: integer"),
        (
            r#"{"weight_map": {}}"#,
            "has nothing that matches `*`; it has none",
        ),
        (
            r#"{"weight_map": {"x": "../a.safetensors"}}"#,
            "has a shard `../a.safetensors`; shards must be",
        ),
        (
            r#"{"weight_map": {"x": "/a.safetensors"}}"#,
            "shards must be files beside the index",
        ),
        (
            r#"{"weight_map": {"x": ""}}"#,
            "shards must be files beside the index",
        ),
        (
            r#"{"weight_map": {"x": "a.safetensors"}}"#,
            "has no tensor `x`, which the index says it has",
        ),
        (
            r#"{"weight_map": {"x": "gone.safetensors"}}"#,
            "gone.safetensors: no such file",
        ),
        (
            r#"{"weight_map": {"x": "lfs"}}"#,
            "lfs: is a Git LFS pointer",
        ),
        (
            r#"{"weight_map": {"x": "model.safetensors.index.json"}}"#,
            "is JSON, which holds no arrays",
        ),
    ] {
        fs::write(folder.path().join(INDEX), index).unwrap();
        let error = refused(&["*"]);
        assert!(error.contains(text), "{error}");
        assert!(!error.contains(char::is_control), "{error}");
    }
}

#[test]
fn what_is_no_json_is_no_index() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path());
    let shard = open_shards(&folder.path().join("a.safetensors"), &[]);
    assert!(shard.unwrap().is_none());
    let none = open_shards(&folder.path().join("none"), &[]);
    assert!(none.unwrap().is_none());
}
