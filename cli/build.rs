//! Tells released builds which commit they come from, where that can be known: benchmarks write it
//! down. Other profiles are not told, so that a commit does not rebuild them.

use std::{path::Path, process::Command};

/// What the command is built from, from the root of the repository.
const SOURCES: [&str; 5] = ["cli/src", "cli/Cargo.toml", "src", "shaders", "Cargo.toml"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let log = Path::new("../.git/logs/HEAD");
    if !release || !log.exists() {
        return;
    }
    for watched in SOURCES.iter().chain(&[".git/logs/HEAD"]) {
        println!("cargo:rerun-if-changed=../{watched}");
    }
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(arguments)
            .current_dir("..")
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    if let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) {
        let changed = git(&[&["status", "--porcelain"], &SOURCES[..]].concat());
        let dirty = match changed.as_deref() {
            Some("") => "",
            _ => "-dirty",
        };
        println!("cargo:rustc-env=ACTIVATIONS_COMMIT={commit}{dirty}");
    }
}
