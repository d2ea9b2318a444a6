//! The README's tables of activations and families are the catalogue's, its chart is of the results kept.
//! `UPDATE_README=1 cargo test --test readme` writes them anew.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;

use wgpu_activations::{
    activation::Smoothness,
    bench::record::Run,
    family::{families, of_many_elements},
};

use wgpu_activations_cli::results::report::{Format, Source, render};

fn table() -> String {
    let mut table = String::from(
        "| name | f(x) | parameters | range | smooth | paper |\n|---|---|---|---|---|---|\n",
    );
    let activations = families().filter_map(|family| Some((family.entry(), family.activation()?)));
    for (entry, activation) in activations {
        let own = activation.definition().parameters.iter();
        let parameters = own.map(|own| format!("`{}` = {}", own.name, own.default));
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        let properties = activation.definition().properties.unwrap();
        let paper = entry.paper.unwrap();
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
        let at: Vec<_> = properties.bends.iter().map(f64::to_string).collect();
        let at = at.join(", ");
        let smooth = match properties.smoothness {
            Smoothness::Smooth => "yes".to_owned(),
            Smoothness::Once => format!("once at {at}"),
            Smoothness::Kink => format!("kink at {at}"),
            Smoothness::Jump => format!("jump at {at}"),
        };
        writeln!(
            table,
            "| `{}` | {} | {parameters} | {low} to {} | {smooth} | [{}]({}) |",
            entry.name,
            entry.formula.replace('|', "\\|"),
            bound(high),
            paper.year,
            paper.url,
        )
        .unwrap();
    }
    table
}

fn other_families() -> String {
    let mut table = String::from("| name | f(x) | parameters | paper |\n|---|---|---|---|\n");
    for family in of_many_elements() {
        let entry = family.entry();
        let parameters = entry.parameters.iter().map(|p| format!("`{}`", p.name));
        let paper = entry.paper.unwrap();
        writeln!(
            table,
            "| `{}` | {} | {} | [{}]({}) |",
            entry.name,
            entry.formula.replace('|', "\\|"),
            parameters.collect::<Vec<_>>().join(", "),
            paper.year,
            paper.url,
        )
        .unwrap();
    }
    table
}

#[test]
fn the_tables_are_the_catalogues() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let mut readme = std::fs::read_to_string(path).unwrap();
    for (name, table) in [("activations", table()), ("families", other_families())] {
        let begin = format!("<!-- {name}: made by cli/tests/readme.rs -->\n");
        let start = readme.find(&begin).unwrap() + begin.len();
        let end = readme.find(&format!("<!-- end of {name} -->\n")).unwrap();
        if std::env::var_os("UPDATE_README").is_some() {
            readme.replace_range(start..end, &table);
            std::fs::write(path, &readme).unwrap();
        }
        let end = readme.find(&format!("<!-- end of {name} -->\n")).unwrap();
        let same = readme[start..end] == table;
        assert!(same, "{name}: run UPDATE_README=1 cargo test --test readme");
    }
}

/// The results kept of each device, the latest of each, as `activations report --math accurate` shows
/// them.
fn chart() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../benches/results");
    let files = |folder: &std::path::Path| {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        files
    };
    let devices = files(&folder).into_iter().filter(|path| path.is_dir());
    let latest = devices.filter_map(|device| {
        let standard =
            |path: &std::path::PathBuf| path.to_string_lossy().ends_with("-standard.json");
        files(&device).into_iter().rfind(standard)
    });
    let sources: Vec<_> = latest
        .map(|path| {
            let mut run = Run::read(&path).unwrap();
            run.rows.retain(|row| row.math.as_deref() != Some("native"));
            Source {
                name: path.strip_prefix(&folder).unwrap().display().to_string(),
                run,
            }
        })
        .collect();
    assert!(!sources.is_empty());
    String::from_utf8(render(&sources, Format::Svg).unwrap()).unwrap()
}

#[test]
fn the_chart_shows_the_results_kept() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../benches/results/kernels.svg"
    );
    let chart = chart();
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, &chart).unwrap();
    }
    let stale = "benches/results/kernels.svg is stale: UPDATE_README=1 cargo test --test readme";
    assert!(std::fs::read_to_string(path).unwrap() == chart, "{stale}");
}
