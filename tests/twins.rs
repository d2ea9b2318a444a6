//! The CPU's formulas are the shaders': `UPDATE_TWINS=1 cargo test --test twins` makes `src/cpu/math.rs`,
//! `src/cpu/activation/` and `src/family/gated/twin.rs` of them anew. Where these do not compile, so that no test does, this file makes them alone:
//! `CARGO_MANIFEST_DIR=$PWD rustc --edition 2024 --test tests/twins.rs -o /tmp/twins && UPDATE_TWINS=1 /tmp/twins`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "twins/translate.rs"]
mod translate;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use translate::{Structs, tokens, translated};

const NOTE: &str = "Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.";

/// What has a twin of its own in the lanes.
const OTHERS: [&str; 1] = ["kept"];

/// What gated units are made of: the name of each module with its shader, and what it uses beside math.
const GATED: [(&str, &str, &str); 8] = [
    ("plain", "family/gated_plain", ""),
    ("clamped", "family/gated_clamped", ""),
    ("gate", "accurate/gated_gate", ""),
    ("glu", "accurate/gated_glu", "Parameter"),
    ("geglu", "accurate/gated_geglu", "Parameter"),
    (
        "geglu_tanh",
        "accurate/gated_geglu_tanh",
        "Parameter, gate::*",
    ),
    ("swiglu", "accurate/gated_swiglu", "Parameter, gate::*"),
    ("product", "family/gated_product", "Parameter, value_at"),
];

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names of the snippets, in order.
fn snippets() -> Vec<String> {
    let files = fs::read_dir(root("shaders/activation")).unwrap();
    let name = |file: fs::DirEntry| {
        let path = file.path();
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    };
    let mut names: Vec<_> = files.map(|file| name(file.unwrap())).collect();
    names.sort();
    names
}

/// `wgsl` without the functions that are called `names`.
fn without(wgsl: &str, names: &[&str]) -> String {
    let mut text = wgsl.to_owned();
    for name in names {
        let start = text.find(&format!("fn {name}(")).expect("the function");
        let end = start + text[start..].find("}\n").expect("its end") + 2;
        text.replace_range(start..end, "");
    }
    text
}

/// The parameters of a snippet: the members of its gradients where there are several, else what its `value` takes
/// beside x.
fn parameters(wgsl: &str) -> String {
    let (names, first) = match wgsl.split_once("struct Gradients {") {
        Some((_, after)) => (after.split_once('}').expect("its end").0, 0),
        None => {
            let (_, after) = wgsl.split_once("fn value(").expect("fn value");
            (after.split_once(')').expect("its arguments").0, 1)
        }
    };
    let names = names.split(',').skip(first);
    let names = names.map(|argument| argument.split(':').next().unwrap().trim());
    names.collect::<Vec<_>>().join(", ")
}

/// Each twin with its text.
fn twins() -> Vec<(String, String)> {
    let mut structs = Structs::new();
    let of = |paths: &str, uses: &str, rust: &str| {
        format!("//! The twin of {paths}.\n//!\n//! {NOTE}\n\n{uses}\n\n{rust}")
    };
    let wgsl = format!(
        "{}\n{}\n{}",
        without(&read("shaders/bits.wgsl"), &OTHERS),
        read("shaders/math.wgsl"),
        read("shaders/sine.wgsl"),
    );
    let rust = translated(&wgsl, &mut structs);
    let paths = "`shaders/bits.wgsl`, `shaders/math.wgsl` and `shaders/sine.wgsl`.\n//!\n//! Longer than 500 lines: as they are";
    let mut twins = vec![(
        "src/cpu/math.rs".to_owned(),
        of(paths, "use super::lane::*;", &rust),
    )];
    let mut list = String::new();
    for name in snippets() {
        let shader = format!("shaders/activation/{name}.wgsl");
        let wgsl = read(&shader);
        let rust = translated(&wgsl, &mut structs.clone());
        list.push_str(&format!("    {name}: [{}],\n", parameters(&wgsl)));
        let uses = "use crate::cpu::{lane::*, math::*};";
        let text = of(&format!("`{shader}`"), uses, &rust);
        twins.push((format!("src/cpu/activation/{name}.rs"), text));
    }
    let list = format!(
        "//! Every activation of the catalogue, with the parameters that it takes.\n//!\n//! {NOTE}\n\n\
         use super::kernel::twins;\n\ntwins! {{\n{list}}}\n"
    );
    twins.push(("src/cpu/activation/mod.rs".to_owned(), list));
    twins.push(("src/family/gated/twin.rs".to_owned(), gated(&structs)));
    twins
}

/// The twin of gated units: a module for each of their pieces, and functions over any unit, which shaders call by the
/// same names whatever the unit.
fn gated(structs: &Structs) -> String {
    let own = format!(
        "{}\n{}",
        read("shaders/family/gated.wgsl"),
        read("shaders/family/gated_term.wgsl")
    );
    let mut own = translated(&own, &mut structs.clone());
    for name in ["gated", "gate_of", "up_of", "gate_opens", "up_opens"] {
        own = own.replace(&format!("{name}("), &format!("U::{name}("));
    }
    for name in [
        "product_at",
        "gate_gradient_at",
        "up_gradient_at",
        "term_at",
    ] {
        own = own.replace(&format!("fn {name}("), &format!("fn {name}<U: Lanes>("));
    }
    let module = |(name, shader, uses): (&str, &str, &str)| {
        let rust = translated(
            &read(&format!("shaders/{shader}.wgsl")),
            &mut structs.clone(),
        );
        let uses = match uses {
            "" => String::new(),
            one if !one.contains(',') => format!("    use super::{one};\n"),
            several => format!("    use super::{{{several}}};\n"),
        };
        format!(
            "pub(super) mod {name} {{\n{uses}    use crate::cpu::{{lane::*, math::*}};\n\n{rust}\n}}\n\n"
        )
    };
    let modules: String = GATED.into_iter().map(module).collect();
    format!(
        "//! The twin of `shaders/family/gated.wgsl` and what belongs to it.\n//!\n//! {NOTE}\n\n\
         use super::cpu::{{Lanes, Parameter, backward_at, limit_of, parameter_term, value_at}};\n\
         use crate::cpu::{{lane::*, math::*}};\n\n{modules}{own}"
    )
}

/// A text without what formatting changes: space, and commas before a closing sign.
fn unformatted(text: &str) -> String {
    let mut bare = String::new();
    for token in tokens(text) {
        let token = token.trim();
        if [")", "}", "]"].contains(&token) && bare.ends_with(',') {
            bare.pop();
        }
        bare.push_str(token);
    }
    bare
}

#[test]
fn the_cpu_computes_by_the_formulas_of_the_shaders() {
    for (path, text) in twins() {
        if env::var_os("UPDATE_TWINS").is_some() {
            let current = fs::read_to_string(root(&path)).unwrap_or_default();
            if unformatted(&current) == unformatted(&text) {
                continue;
            }
            fs::write(root(&path), text).unwrap();
            let formatted = Command::new("rustfmt")
                .args(["--edition", "2024", "--config", "skip_children=true"])
                .arg(root(&path))
                .status();
            assert!(formatted.is_ok_and(|status| status.success()), "{path}");
        } else {
            let current = read(&path);
            assert!(
                unformatted(&current) == unformatted(&text),
                "{path} is stale: UPDATE_TWINS=1 cargo test --test twins"
            );
        }
    }
}
