//! `activations report` as a user would call it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;
use wgpu_activations::bench::record::SCHEMA;

use crate::fixture::{DEVICES, run};

fn report(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_activations"))
        .current_dir(folder)
        .arg("report")
        .args(arguments.split_whitespace())
        .output()
        .unwrap()
}

/// A folder with `run.json`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&DEVICES[..1], &[1 << 20]);
    wgpu_activations_cli::results::write(&run, &folder.path().join("run.json")).unwrap();
    folder
}

fn refuses(folder: &Path, code: i32, arguments: &str, text: &str) {
    let before = fs::read_dir(folder).unwrap().count();
    let output = report(folder, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments}: {stderr}");
    assert!(stderr.contains(text), "{arguments}: {stderr}");
    assert_eq!(fs::read_dir(folder).unwrap().count(), before, "{arguments}");
}

#[test]
fn the_extension_decides_what_is_written() {
    let folder = folder();
    let begins: [(&str, &[u8]); 5] = [
        ("r.html", b"<!DOCTYPE html>"),
        ("r.svg", b"<svg xmlns="),
        ("r.PNG", b"\x89PNG"),
        ("r.md", b"# Activation functions"),
        ("r.csv", b"file,program,"),
    ];
    for (name, begin) in begins {
        let output = report(folder.path(), &format!("run.json -o {name}"));
        assert!(output.status.success(), "{name}: {output:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.stdout.is_empty() && told.ends_with(&format!(" rows written to {name}\n")),
            "{output:?}"
        );
        let written = fs::read(folder.path().join(name)).unwrap();
        assert!(written.starts_with(begin), "{name}");
    }
}

#[test]
fn an_output_that_is_there_needs_force() {
    let folder = folder();
    let path = folder.path().join("r.html");
    fs::write(&path, "precious").unwrap();
    let text = "r.html: exists; add --force to replace it";
    refuses(folder.path(), 1, "run.json -o r.html", text);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    assert!(
        report(folder.path(), "run.json -o r.html --force")
            .status
            .success()
    );
    assert!(fs::read(&path).unwrap().len() > 1000);
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("text.json"), "hello").unwrap();
    fs::write(folder.join("array.json"), "[1, 2]").unwrap();
    fs::write(folder.join("other.json"), "{\"schema\": \"bench/9\"}").unwrap();
    fs::write(
        folder.join("half.json"),
        format!("{{\"schema\": \"{SCHEMA}\"}}"),
    )
    .unwrap();
    for (code, arguments, text) in [
        (2, "-o r.html", "RUN.json"),
        (2, "run.json", "--output"),
        (1, "none.json -o r.html", "none.json: "),
        (1, "text.json -o r.html", "text.json: is no result file"),
        (1, "array.json -o r.html", "array.json: is no result file"),
        (
            1,
            "other.json -o r.html",
            "other.json: has the schema \"bench/9\"",
        ),
        (
            1,
            "run.json half.json -o r.html",
            "half.json: does not follow the schema",
        ),
        (
            2,
            "run.json -o r.pdf",
            "r.pdf: the name must end with one of .html, .svg, .png, .md, .csv",
        ),
        (
            2,
            "run.json -o report",
            "report: the name must end with one of",
        ),
        (2, "run.json run.json -o r.html", "run.json is named twice"),
        (
            2,
            "run.json -o r.html --op no-such-operation",
            "no row of these files",
        ),
        (
            1,
            "run.json -o none/r.html",
            "none/r.html: there is no folder none",
        ),
    ] {
        refuses(folder, code, arguments, text);
    }
}
