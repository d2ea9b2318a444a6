//! The examples run, and what they show is so: each fails where it is not.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::{env::consts::EXE_SUFFIX, path::Path, process::Command};

use wgpu_activations::gpu;

/// What an example prints, which cargo has built beside this test.
fn output(name: &str, arguments: &[&Path]) -> String {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(2).unwrap().join("examples");
    let example = folder.join(format!("{name}{EXE_SUFFIX}"));
    assert!(example.exists(), "cargo build --examples makes {example:?}");
    let output = Command::new(example).args(arguments).output().unwrap();
    let [told, complaint] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{name}: {complaint}\n{told}");
    told
}

/// Whether there is something to run examples on.
fn adapter() -> bool {
    let found = !gpu::adapters().is_empty();
    assert!(found || !common::gpu_required(), "no adapter found");
    found
}

macro_rules! examples {
    ($($name:ident: $headline:literal,)*) => {$(
        #[test]
        fn $name() {
            if adapter() {
                let told = output(stringify!($name), &[]);
                assert!(told.contains($headline), "{told}");
            }
        }
    )*};
}

examples! {
    quickstart: " 1.000   0.841   0.911",
    own_device: "sigmoid(elu(x)) = [0.394, 0.422, 0.500, 0.731, 0.881, 0.953, 0.982, 0.993]",
    own_activation: "two of one name, each itself",
    own_operation: "bf16 backward: 0 of ",
    selu: "mean and variance through 50 layers",
    dead_relu: "learning digits at growing rates",
    big_file: "gelu | softmax:",
}

#[test]
fn train() {
    if adapter() {
        let folder = tempfile::tempdir().unwrap();
        let picture = folder.path().join("loss.svg");
        let told = output("train", &[&picture]);
        assert!(told.contains("learning digits on"), "{told}");
        let picture = std::fs::read_to_string(picture).unwrap();
        let picture = roxmltree::Document::parse(&picture).unwrap();
        let curves = picture
            .descendants()
            .filter(|node| node.has_tag_name("polyline"));
        assert_eq!(curves.count(), 5);
    }
}

/// Every file in `examples/` is among the tests above.
#[test]
fn all_are_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let tests = include_str!("examples.rs");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let run = [format!("    {name}: \""), format!("output(\"{name}\"")];
            assert!(
                run.iter().any(|run| tests.contains(run)),
                "{name} has no test"
            );
        }
    }
}
