//! The README's table of activations is the catalogue's. `UPDATE_README=1 cargo test --test readme`
//! writes it anew.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;

use wgpu_activations::{Activation, activation::Smoothness};

const BEGIN: &str = "<!-- activations: made by tests/readme.rs -->\n";
const END: &str = "<!-- end of activations -->\n";

fn table() -> String {
    let mut table = String::from(
        "| name | f(x) | parameter | range | smooth | paper |\n|---|---|---|---|---|---|\n",
    );
    for activation in Activation::all() {
        let definition = activation.definition();
        let parameter = definition
            .parameter
            .as_ref()
            .map_or(String::new(), |parameter| {
                format!("`{}` = {}", parameter.name, parameter.default)
            });
        let properties = &definition.properties;
        let bound = |bound: f64| {
            if bound.is_finite() {
                format!("{}", (bound * 1e4).round() / 1e4)
            } else {
                "∞".to_owned()
            }
        };
        let (low, high) = properties.range;
        let low = if low == f64::NEG_INFINITY {
            "-∞".to_owned()
        } else {
            bound(low)
        };
        let smooth = match properties.smoothness {
            Smoothness::Smooth => "yes".to_owned(),
            Smoothness::Once(at) => format!("once at {at}"),
            Smoothness::Kink(at) => format!("kink at {at}"),
        };
        writeln!(
            table,
            "| `{}` | {} | {parameter} | {low} to {} | {smooth} | [{}]({}) |",
            definition.name,
            definition.formula.replace('|', "\\|"),
            bound(high),
            definition.paper.year,
            definition.paper.url,
        )
        .unwrap();
    }
    table
}

#[test]
fn the_table_of_activations_is_the_catalogues() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let start = readme.find(BEGIN).unwrap() + BEGIN.len();
    let end = readme.find(END).unwrap();
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, [&readme[..start], &table(), &readme[end..]].concat()).unwrap();
        return;
    }
    assert_eq!(
        &readme[start..end],
        table(),
        "run UPDATE_README=1 cargo test --test readme"
    );
}
