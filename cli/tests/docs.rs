//! What the documentation takes from elsewhere is not stale: pictures from `activations plot --all`, the
//! head of each activation's page from the catalogue, tables from the reference and the results kept; and
//! its links lead somewhere. `UPDATE_DOCS=1 cargo test --test docs` writes all of it anew.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "docs/figures.rs"]
mod figures;
#[path = "docs/head.rs"]
mod head;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use wgpu_activations::family::families;

const STALE: &str = "is stale: UPDATE_DOCS=1 cargo test --test docs";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn updates() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

/// Holds the part of a file between the comments that name it against what it should be.
fn expect_part(path: &Path, name: &str, part: &str) {
    let mut text = fs::read_to_string(path).unwrap();
    let begin = format!("<!-- {name}: made by cli/tests/docs.rs -->\n");
    let end = format!("<!-- end of {name} -->");
    let place = text.find(&begin).map(|start| start + begin.len());
    let start = place.unwrap_or_else(|| panic!("{} has no {name}", path.display()));
    let end = start + text[start..].find(&end).unwrap();
    if updates() {
        text.replace_range(start..end, part);
        fs::write(path, &text).unwrap();
    } else {
        assert!(
            text[start..end] == *part,
            "{}, {name}: {STALE}",
            path.display()
        );
    }
}

#[test]
fn pictures_are_what_the_command_draws() {
    let drawn = tempfile::tempdir().unwrap();
    let outcome = Command::new(env!("CARGO_BIN_EXE_activations"))
        .args(["plot", "--all", "-o"])
        .arg(drawn.path())
        .output()
        .unwrap();
    assert!(outcome.status.success(), "{outcome:?}");
    let kept = root().join("docs/activations");
    let pictures = |folder: &Path| {
        let files = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut pictures: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "svg"))
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        pictures.sort();
        pictures
    };
    let names = pictures(drawn.path());
    assert!(names.len() > families().count());
    for name in &names {
        let drawn = fs::read(drawn.path().join(name)).unwrap();
        if updates() {
            fs::write(kept.join(name), drawn).unwrap();
        } else {
            let kept = fs::read(kept.join(name)).unwrap_or_default();
            assert!(kept == drawn, "docs/activations/{name:?} {STALE}");
        }
    }
    assert_eq!(pictures(&kept), names, "what no command draws");
}

#[test]
fn pages_begin_with_what_the_catalogue_states() {
    let page = |name: &str| {
        root()
            .join("docs/activations")
            .join(name)
            .with_extension("md")
    };
    let index = fs::read_to_string(root().join("docs/README.md")).unwrap();
    for family in families() {
        let name = family.entry().name;
        expect_part(&page(name), "catalogue", &head::of(family));
        let link = format!("(activations/{name}.md)");
        assert!(index.contains(&link), "docs/README.md lacks {name}");
    }
}

#[test]
fn tables_show_the_reference_and_the_results_kept() {
    let choosing = root().join("docs/choosing.md");
    expect_part(&choosing, "properties", &figures::properties());
    expect_part(&choosing, "fractions", &figures::fractions());
    expect_part(
        &root().join("docs/accuracy.md"),
        "native",
        &figures::native_errors(),
    );
}

/// The text without what stands in fences, where links are none.
fn prose(text: &str) -> String {
    let parts = text.split("\n```");
    parts.step_by(2).collect::<Vec<_>>().join("\n")
}

#[test]
fn links_lead_somewhere() {
    let mut pages = vec![root().join("README.md"), root().join("ARCHITECTURE.md")];
    for folder in ["docs", "docs/activations"] {
        let files = fs::read_dir(root().join(folder)).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        pages.extend(
            files.filter(|path| path.extension().is_some_and(|extension| extension == "md")),
        );
    }
    let mut followed = 0;
    for page in pages {
        let text = prose(&fs::read_to_string(&page).unwrap());
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.starts_with("http") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let destination = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(destination.exists(), "{}: {target}", page.display());
            if !anchor.is_empty() {
                let headings = fs::read_to_string(&destination).unwrap();
                let is = |line: &str| {
                    let heading = line.trim_start_matches('#').trim().to_lowercase();
                    line.starts_with('#')
                        && heading.replace(' ', "-").replace([',', '(', ')'], "") == anchor
                };
                assert!(headings.lines().any(is), "{}: {target}", page.display());
            }
            followed += 1;
        }
    }
    assert!(followed > 100, "{followed}");
}
