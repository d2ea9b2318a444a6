//! `activations ops`

use std::collections::BTreeMap;

use clap::Args;
use serde::{Serialize, Serializer};

use super::{
    Result,
    named::Named,
    properties,
    text::{self, Column},
};
use wgpu_activations::{
    Activation, activation,
    family::{Default, families},
    number,
};

#[derive(Args)]
pub(super) struct Arguments {
    /// The activation to tell all about, such as gelu or softmax.
    op: Option<String>,
    /// Compare the properties of the activations of one element, or of OP alone: range, course, where the
    /// slope is below 0.01, and the time measured on a device.
    #[arg(long)]
    properties: bool,
    /// Where --properties measures; cpu: nowhere.
    #[arg(long, value_name = "D", requires = "properties")]
    device: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is told of a family; more of an activation of one element.
#[derive(Serialize)]
struct Entry {
    /// `pointwise` of one element, else `family`.
    kind: &'static str,
    name: &'static str,
    aliases: &'static [&'static str],
    title: &'static str,
    formula: &'static str,
    slope: &'static str,
    parameters: Vec<Parameter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Properties>,
    special_values: Vec<Special>,
    notes: &'static [&'static str],
    /// What other libraries call an activation of one element, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    elsewhere: BTreeMap<&'static str, &'static str>,
    paper: Option<Paper>,
}

#[derive(Serialize)]
struct Parameter {
    name: &'static str,
    #[serde(serialize_with = "default_of")]
    default: Default,
    range: &'static str,
    description: &'static str,
    /// Of a parameter of an activation of one element.
    #[serde(skip_serializing_if = "Option::is_none")]
    slope: Option<&'static str>,
}

/// A number or a choice; null where it must be given.
fn default_of<S: Serializer>(default: &Default, to: S) -> std::result::Result<S::Ok, S::Error> {
    match default {
        Default::Required => to.serialize_none(),
        Default::Number(number) => to.serialize_f32(*number),
        Default::Choice(choice) => to.serialize_str(choice),
    }
}

fn first_of<S: Serializer>(places: &[f64], to: S) -> std::result::Result<S::Ok, S::Error> {
    places.first().serialize(to)
}

#[derive(Serialize)]
struct Properties {
    /// Infimum and supremum; infinity is null in JSON.
    range: (f64, f64),
    monotonic: bool,
    #[serde(rename = "turning_point", serialize_with = "first_of")]
    turning_points: Vec<f64>,
    zero_centred: bool,
    smoothness: String,
    saturates: (Option<f64>, Option<f64>),
    cost: &'static str,
}

/// An input with its result, in words, or values as text, since JSON has no NaN, infinity or -0.
#[derive(Serialize)]
struct Special {
    x: String,
    value: String,
    /// Of an activation of one element.
    #[serde(skip_serializing_if = "Option::is_none")]
    slope: Option<String>,
}

#[derive(Serialize)]
struct Paper {
    authors: &'static str,
    title: &'static str,
    year: u16,
    url: &'static str,
}

pub(super) fn run(arguments: &Arguments) -> Result {
    let (op, json) = (arguments.op.as_deref(), arguments.json);
    if arguments.properties {
        return properties::run(op, arguments.device.as_deref(), json);
    }
    if let Some(name) = op {
        let entry = Entry::of(&Named::parse(name)?);
        if json {
            return text::print_json(&entry);
        }
        return text::print(&lines(&page(&entry)));
    }
    let alone = |family| Named {
        family,
        operation: None,
    };
    let entries = families().map(|family| Entry::of(&alone(family)));
    let entries: Vec<_> = entries.collect();
    if json {
        return text::print_json(&entries);
    }
    text::print_table(&entries, &COLUMNS)
}

const COLUMNS: [Column<Entry>; 3] = [
    Column::words("name", |entry| entry.name.to_owned()),
    Column::words("f(x)", |entry| entry.formula.to_owned()),
    Column::words("parameter", |entry| {
        let parameters = entry.parameters.iter().filter_map(in_list);
        parameters.collect::<Vec<_>>().join(", ")
    }),
];

/// What must be given, and numbers with their defaults; choices are for the page.
fn in_list(parameter: &Parameter) -> Option<String> {
    let name = parameter.name;
    match parameter.default {
        Default::Required => Some(name.to_owned()),
        Default::Number(default) => Some(format!("{name} = {}", number(default))),
        Default::Choice(_) => None,
    }
}

/// Labels with what stands beside them.
type Rows = Vec<(&'static str, String)>;

fn lines(rows: &Rows) -> String {
    let line = |(label, content): &_| format!("{label:<13} {content}").trim_end().to_owned();
    let lines: Vec<_> = rows.iter().map(line).collect();
    lines.join("\n").trim_start().to_owned()
}

fn page(entry: &Entry) -> Rows {
    let slope = match entry.kind {
        "pointwise" => "f'(x)",
        _ => "backward",
    };
    let mut rows = vec![
        ("", format!("{} ({})", entry.title, entry.name)),
        ("f(x)", entry.formula.to_owned()),
        (slope, entry.slope.to_owned()),
    ];
    if !entry.aliases.is_empty() {
        rows.push(("also", entry.aliases.join(", ")));
    }
    rows.extend(entry.parameters.iter().flat_map(of_parameter));
    rows.extend(entry.properties.iter().flat_map(course));
    for Special { x, value, slope } in &entry.special_values {
        rows.push(match slope {
            Some(slope) => ("", format!("f({x}) = {value}, f' = {slope}")),
            None => ("special", format!("{x}: {value}")),
        });
    }
    for note in entry.notes {
        rows.push(("note", (*note).to_owned()));
    }
    if !entry.elsewhere.is_empty() {
        let names = entry.elsewhere.iter();
        let names = names.map(|(library, name)| format!("{library} {name}"));
        rows.push(("elsewhere", names.collect::<Vec<_>>().join(", ")));
    }
    if let Some(paper) = &entry.paper {
        let origin = format!("{}: {} ({})", paper.authors, paper.title, paper.year);
        rows.extend([("paper", origin), ("", paper.url.to_owned())]);
    }
    rows
}

fn of_parameter(parameter: &Parameter) -> Rows {
    let (name, description, range) = (parameter.name, parameter.description, parameter.range);
    let default = match parameter.default {
        Default::Required => "to be given".to_owned(),
        Default::Number(default) => format!("default {}", number(default)),
        Default::Choice(choice) => format!("default {choice}"),
    };
    let about = format!("{name}: {description}; {range}, {default}");
    let slope = parameter
        .slope
        .map(|slope| ("", format!("df/d{name} = {slope}")));
    std::iter::once(("parameter", about)).chain(slope).collect()
}

fn course(properties: &Properties) -> Rows {
    let (low, high) = (short(properties.range.0), short(properties.range.1));
    let turns: Vec<_> = properties
        .turning_points
        .iter()
        .copied()
        .map(short)
        .collect();
    let monotonic = match turns[..] {
        [] => "yes".to_owned(),
        _ => format!("no, it turns at x = {}", turns.join(", ")),
    };
    let zero_centred = if properties.zero_centred { "yes" } else { "no" };
    let (below, above) = properties.saturates;
    let ends = [(below, "-inf"), (above, "inf")].into_iter();
    let ends = ends.filter_map(|(value, end)| Some(format!("at {} towards {end}", short(value?))));
    vec![
        ("range", format!("{low} to {high}")),
        ("monotonic", monotonic),
        ("zero-centred", zero_centred.to_owned()),
        ("smooth", properties.smoothness.clone()),
        ("saturates", text::or(Vec::from_iter(ends).join(", "), "no")),
        ("cost", properties.cost.to_owned()),
    ]
}

/// Six significant digits.
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    number(rounded)
}

impl Entry {
    fn of(named: &Named) -> Self {
        let entry = named.family.entry();
        let activation = named.activation();
        let definition = activation.map(|activation| activation.definition());
        let own = definition.map_or(&[][..], |definition| definition.parameters);
        let parameters = entry.parameters.iter().map(|parameter| Parameter {
            name: parameter.name,
            default: parameter.default,
            range: parameter.rule,
            description: parameter.description,
            slope: own
                .iter()
                .find(|own| own.name == parameter.name)
                .map(|own| own.slope_formula),
        });
        let properties = definition.and_then(|definition| definition.properties);
        Self {
            kind: activation.map_or("family", |_| "pointwise"),
            name: entry.name,
            aliases: entry.aliases,
            title: entry.title,
            formula: entry.formula,
            slope: entry.slope_formula,
            parameters: parameters.collect(),
            properties: match (properties, activation, &named.operation) {
                (Some(stated), Some(activation), Some(_)) => Some(found(activation, stated.cost)),
                (stated, ..) => stated.map(properties_of),
            },
            special_values: match activation {
                Some(activation) => evaluated(activation),
                None => entry.special_values.iter().map(in_words).collect(),
            },
            notes: entry.notes,
            elsewhere: definition.map_or(BTreeMap::new(), |definition| {
                definition.elsewhere.iter().copied().collect()
            }),
            paper: entry.paper.map(|paper| Paper {
                authors: paper.authors,
                title: paper.title,
                year: paper.year,
                url: paper.url,
            }),
        }
    }
}

/// What an activation gives at the edges.
fn evaluated(activation: Activation) -> Vec<Special> {
    let edges = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0];
    let special = edges.map(|x| Special {
        x: number(x),
        value: number(activation.value(x)),
        slope: Some(number(activation.slope(x))),
    });
    special.into()
}

fn in_words(&(x, value): &(&str, &str)) -> Special {
    Special {
        x: x.to_owned(),
        value: value.to_owned(),
        slope: None,
    }
}

fn properties_of(properties: activation::Properties) -> Properties {
    Properties {
        range: properties.range,
        monotonic: properties.turning_point.is_none(),
        turning_points: properties.turning_point.into_iter().collect(),
        zero_centred: properties.zero_centred,
        smoothness: properties.smoothness.description(properties.bends),
        saturates: properties.saturates,
        cost: properties.cost.description(),
    }
}

/// Those of an activation with the parameters that it is given; what is stated is of the defaults.
fn found(activation: Activation, cost: activation::Cost) -> Properties {
    let course = activation.course();
    let end = |x| Some(activation.value(x)).filter(|value| value.is_finite());
    Properties {
        range: course.range,
        monotonic: course.turning_points.is_empty(),
        turning_points: course.turning_points,
        zero_centred: course.zero_centred,
        smoothness: course.smoothness.description(&course.bends),
        saturates: (end(f64::NEG_INFINITY), end(f64::INFINITY)),
        cost: cost.description(),
    }
}
