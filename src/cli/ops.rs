//! `activations ops`

use clap::Args;
use serde::Serialize;

use super::{Result, text};
use crate::activation::{Activation, Cost, Definition, Smoothness};

#[derive(Args)]
pub(super) struct Arguments {
    /// The activation to tell all about, such as gelu.
    op: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    title: &'static str,
    formula: &'static str,
    slope: &'static str,
    parameters: Vec<Parameter>,
    properties: Properties,
    special_values: Vec<Special>,
    paper: Paper,
}

#[derive(Serialize)]
struct Parameter {
    name: &'static str,
    default: f32,
    range: &'static str,
    description: &'static str,
    slope: &'static str,
}

#[derive(Serialize)]
struct Properties {
    /// Infimum and supremum; null where unbounded.
    range: (Option<f64>, Option<f64>),
    monotonic: bool,
    turning_point: Option<f64>,
    zero_centred: bool,
    smoothness: String,
    saturates: (Option<f64>, Option<f64>),
    cost: &'static str,
}

/// Values as text, since JSON has no NaN, infinity or -0.
#[derive(Serialize)]
struct Special {
    x: String,
    value: String,
    slope: String,
}

#[derive(Serialize)]
struct Paper {
    authors: &'static str,
    title: &'static str,
    year: u16,
    url: &'static str,
}

pub(super) fn run(arguments: &Arguments) -> Result {
    let Some(name) = &arguments.op else {
        return list(arguments.json);
    };
    let activation: Activation = name.parse()?;
    let entry = entry(activation);
    if arguments.json {
        return Ok(text::print_json(&entry)?);
    }
    Ok(text::print(&page(&entry))?)
}

fn list(json: bool) -> Result {
    if json {
        let entries: Vec<_> = Activation::all().map(entry).collect();
        return Ok(text::print_json(&entries)?);
    }
    let mut table = text::table(&["name", "f(x)", "parameter"]);
    for definition in Activation::all().map(|activation| activation.definition()) {
        table.add_row([
            definition.name.to_owned(),
            definition.formula.to_owned(),
            parameter(definition),
        ]);
    }
    Ok(text::print(&text::trimmed(&table))?)
}

fn parameter(definition: &Definition) -> String {
    definition
        .parameter
        .as_ref()
        .map_or_else(String::new, |parameter| {
            format!("{} = {}", parameter.name, parameter.default)
        })
}

fn page(entry: &Entry) -> String {
    let mut rows: Vec<(&str, String)> = vec![
        ("", format!("{} ({})", entry.title, entry.name)),
        ("f(x)", entry.formula.to_owned()),
        ("f'(x)", entry.slope.to_owned()),
    ];
    if !entry.aliases.is_empty() {
        rows.push(("also", entry.aliases.join(", ")));
    }
    for parameter in &entry.parameters {
        let Parameter {
            name,
            default,
            range,
            description,
            slope,
        } = parameter;
        rows.push((
            "parameter",
            format!("{name}: {description}; {range}, default {default}"),
        ));
        rows.push(("", format!("df/d{name} = {slope}")));
    }
    let properties = &entry.properties;
    let bound = |bound: Option<f64>, unbounded: &str| bound.map_or(unbounded.to_owned(), short);
    rows.push((
        "range",
        format!(
            "{} to {}",
            bound(properties.range.0, "-inf"),
            bound(properties.range.1, "inf")
        ),
    ));
    rows.push((
        "monotonic",
        properties.turning_point.map_or("yes".to_owned(), |at| {
            format!("no, it turns at x = {}", short(at))
        }),
    ));
    rows.push((
        "zero-centred",
        if properties.zero_centred { "yes" } else { "no" }.to_owned(),
    ));
    rows.push(("smooth", properties.smoothness.clone()));
    rows.push((
        "saturates",
        match properties.saturates {
            (None, None) => "no".to_owned(),
            (low, high) => [(low, "-inf"), (high, "inf")]
                .iter()
                .filter_map(|(value, end)| {
                    value.map(|value| format!("at {} towards {end}", short(value)))
                })
                .collect::<Vec<_>>()
                .join(", "),
        },
    ));
    rows.push(("cost", properties.cost.to_owned()));
    for special in &entry.special_values {
        rows.push((
            "",
            format!(
                "f({}) = {}, f' = {}",
                special.x, special.value, special.slope
            ),
        ));
    }
    let paper = &entry.paper;
    rows.push((
        "paper",
        format!("{}: {} ({})", paper.authors, paper.title, paper.year),
    ));
    rows.push(("", paper.url.to_owned()));
    let lines: Vec<_> = rows
        .iter()
        .map(|(label, content)| format!("{label:<13} {content}").trim_end().to_owned())
        .collect();
    lines.join("\n").trim_start().to_owned()
}

/// Six significant digits.
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    rounded.to_string()
}

fn entry(activation: Activation) -> Entry {
    let definition = activation.definition();
    let properties = &definition.properties;
    let finite = |value: f64| value.is_finite().then_some(value);
    Entry {
        name: definition.name,
        aliases: definition.aliases,
        title: definition.title,
        formula: definition.formula,
        slope: definition.slope_formula,
        parameters: definition
            .parameter
            .iter()
            .map(|parameter| Parameter {
                name: parameter.name,
                default: parameter.default,
                range: parameter.range.rule(),
                description: parameter.description,
                slope: parameter.slope_formula,
            })
            .collect(),
        properties: Properties {
            range: (finite(properties.range.0), finite(properties.range.1)),
            monotonic: properties.turning_point.is_none(),
            turning_point: properties.turning_point,
            zero_centred: properties.zero_centred,
            smoothness: match properties.smoothness {
                Smoothness::Smooth => "yes".to_owned(),
                Smoothness::Once(at) => format!("once, its second derivative jumps at {at}"),
                Smoothness::Kink(at) => format!("no, its slope jumps at {at}"),
            },
            saturates: properties.saturates,
            cost: match properties.cost {
                Cost::Compare => "a comparison and a product",
                Cost::Exponential => "one exponential",
                Cost::TwoSeries => "an exponential and a second series",
            },
        },
        special_values: [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0]
            .into_iter()
            .map(|x| Special {
                x: x.to_string(),
                value: activation.value(x).to_string(),
                slope: activation.slope(x).to_string(),
            })
            .collect(),
        paper: Paper {
            authors: definition.paper.authors,
            title: definition.paper.title,
            year: definition.paper.year,
            url: definition.paper.url,
        },
    }
}
