//! `activations ops`

use clap::Args;
use serde::Serialize;

use super::{Result, name::parsed, properties, text};
use wgpu_activations::{
    Activation, CATALOGUE, FAMILIES,
    activation::{self, Definition, Family, FamilyParameter, Preset, Smoothness},
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

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Entry {
    Pointwise(PointwiseEntry),
    Family(FamilyEntry),
}

#[derive(Serialize)]
struct PointwiseEntry {
    name: &'static str,
    aliases: &'static [&'static str],
    title: &'static str,
    formula: &'static str,
    slope: &'static str,
    parameters: Vec<Parameter>,
    properties: Option<Properties>,
    special_values: Vec<Special>,
    paper: Option<Paper>,
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

#[derive(Serialize)]
struct FamilyEntry {
    name: &'static str,
    aliases: &'static [&'static str],
    title: &'static str,
    formula: &'static str,
    slope: &'static str,
    parameters: Vec<ParameterOfFamily>,
    special_values: Vec<SpecialOfFamily>,
    notes: &'static [&'static str],
    paper: Paper,
}

#[derive(Serialize)]
struct ParameterOfFamily {
    name: &'static str,
    default: DefaultValue,
    range: &'static str,
    description: &'static str,
}

/// A number or a choice; null where it must be given.
#[derive(Serialize)]
#[serde(untagged)]
enum DefaultValue {
    Required,
    Number(f32),
    Choice(&'static str),
}

/// An input in words with its result.
#[derive(Serialize)]
struct SpecialOfFamily {
    x: &'static str,
    value: &'static str,
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
    if arguments.properties {
        return properties::run(
            arguments.op.as_deref(),
            arguments.device.as_deref(),
            arguments.json,
        );
    }
    let Some(name) = &arguments.op else {
        return list(arguments.json);
    };
    let entry = find(name)?;
    if arguments.json {
        return Ok(text::print_json(&entry)?);
    }
    let rows = match &entry {
        Entry::Pointwise(entry) => page(entry),
        Entry::Family(entry) => family_page(entry),
    };
    Ok(text::print(&lines(&rows))?)
}

/// The entry called `name`.
fn find(name: &str) -> Result<Entry> {
    if let Some(family) = Family::find(name) {
        return Ok(family_entry(family));
    }
    Ok(entry(parsed(name)?))
}

fn list(json: bool) -> Result {
    if json {
        let pointwise = Activation::all().map(entry);
        let families = FAMILIES.iter().map(|family| family_entry(family));
        let entries: Vec<_> = pointwise.chain(families).collect();
        return Ok(text::print_json(&entries)?);
    }
    let mut table = text::table(&["name", "f(x)", "parameter"]);
    for definition in CATALOGUE {
        table.add_row([
            definition.name.to_owned(),
            definition.formula.to_owned(),
            parameter(definition),
        ]);
    }
    for family in FAMILIES {
        let parameters = family.parameters.iter().filter_map(parameter_of_family);
        table.add_row([
            family.name.to_owned(),
            family.formula.to_owned(),
            parameters.collect::<Vec<_>>().join(", "),
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

/// What must be given, and numbers with their defaults; choices are for the page.
fn parameter_of_family(parameter: &FamilyParameter) -> Option<String> {
    match parameter.default {
        Preset::Required => Some(parameter.name.to_owned()),
        Preset::Number(default) => Some(format!("{} = {}", parameter.name, number(default))),
        Preset::Choice(_) => None,
    }
}

/// Small numbers as powers of ten.
fn number(value: f32) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

/// Labels with what stands beside them.
type Rows = Vec<(&'static str, String)>;

fn lines(rows: &Rows) -> String {
    let lines: Vec<_> = rows
        .iter()
        .map(|(label, content)| format!("{label:<13} {content}").trim_end().to_owned())
        .collect();
    lines.join("\n").trim_start().to_owned()
}

/// What begins the page of every entry.
fn heading(
    (title, name): (&str, &str),
    formula: &str,
    (label, slope): (&'static str, &str),
    aliases: &[&str],
) -> Rows {
    let mut rows = vec![
        ("", format!("{title} ({name})")),
        ("f(x)", formula.to_owned()),
        (label, slope.to_owned()),
    ];
    if !aliases.is_empty() {
        rows.push(("also", aliases.join(", ")));
    }
    rows
}

fn citation(paper: &Paper) -> Rows {
    vec![
        (
            "paper",
            format!("{}: {} ({})", paper.authors, paper.title, paper.year),
        ),
        ("", paper.url.to_owned()),
    ]
}

fn family_page(entry: &FamilyEntry) -> Rows {
    let title = (entry.title, entry.name);
    let slope = ("backward", entry.slope);
    let mut rows = heading(title, entry.formula, slope, entry.aliases);
    for ParameterOfFamily {
        name,
        default,
        range,
        description,
    } in &entry.parameters
    {
        let default = match default {
            DefaultValue::Required => "to be given".to_owned(),
            DefaultValue::Number(default) => format!("default {}", number(*default)),
            DefaultValue::Choice(choice) => format!("default {choice}"),
        };
        rows.push((
            "parameter",
            format!("{name}: {description}; {range}, {default}"),
        ));
    }
    for SpecialOfFamily { x, value } in &entry.special_values {
        rows.push(("special", format!("{x}: {value}")));
    }
    for note in entry.notes {
        rows.push(("note", (*note).to_owned()));
    }
    rows.extend(citation(&entry.paper));
    rows
}

fn page(entry: &PointwiseEntry) -> Rows {
    let title = (entry.title, entry.name);
    let slope = ("f'(x)", entry.slope);
    let mut rows = heading(title, entry.formula, slope, entry.aliases);
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
    rows.extend(entry.properties.iter().flat_map(course));
    for special in &entry.special_values {
        rows.push((
            "",
            format!(
                "f({}) = {}, f' = {}",
                special.x, special.value, special.slope
            ),
        ));
    }
    rows.extend(entry.paper.iter().flat_map(citation));
    rows
}

fn course(properties: &Properties) -> Rows {
    let bound = |bound: Option<f64>, unbounded: &str| bound.map_or(unbounded.to_owned(), short);
    let mut rows = Vec::new();
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
    rows
}

/// Six significant digits.
fn short(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    rounded.to_string()
}

fn entry(activation: Activation) -> Entry {
    let definition = activation.definition();
    Entry::Pointwise(PointwiseEntry {
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
        properties: definition.properties.map(properties_of),
        special_values: [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0]
            .into_iter()
            .map(|x| Special {
                x: x.to_string(),
                value: activation.value(x).to_string(),
                slope: activation.slope(x).to_string(),
            })
            .collect(),
        paper: definition.paper.map(paper),
    })
}

fn properties_of(properties: activation::Properties) -> Properties {
    let finite = |value: f64| value.is_finite().then_some(value);
    Properties {
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
        cost: properties.cost.description(),
    }
}

fn family_entry(family: &Family) -> Entry {
    Entry::Family(FamilyEntry {
        name: family.name,
        aliases: family.aliases,
        title: family.title,
        formula: family.formula,
        slope: family.slope_formula,
        parameters: family
            .parameters
            .iter()
            .map(|parameter| ParameterOfFamily {
                name: parameter.name,
                default: match parameter.default {
                    Preset::Required => DefaultValue::Required,
                    Preset::Number(number) => DefaultValue::Number(number),
                    Preset::Choice(choice) => DefaultValue::Choice(choice),
                },
                range: parameter.rule,
                description: parameter.description,
            })
            .collect(),
        special_values: family
            .special_values
            .iter()
            .map(|&(x, value)| SpecialOfFamily { x, value })
            .collect(),
        notes: family.notes,
        paper: paper(family.paper),
    })
}

fn paper(paper: activation::Paper) -> Paper {
    Paper {
        authors: paper.authors,
        title: paper.title,
        year: paper.year,
        url: paper.url,
    }
}
