//! The head of an activation's page.

use std::fmt::Write;

use wgpu_activations::{
    Activation, Family,
    activation::{Cost, Course},
    family::{Default, Entry},
};

/// Rows of a table of two columns without a head.
struct Rows(String);

impl Rows {
    fn new(title: &str, name: &str) -> Self {
        Self(format!(
            "![{title} beside its slope]({name}.svg)\n\n| | |\n|---|---|\n"
        ))
    }

    fn add(&mut self, label: &str, content: &str) {
        let content = content.replace('|', "\\|");
        writeln!(self.0, "| {label} | {content} |").unwrap();
    }
}

/// Four digits behind the point at most.
fn short(value: f64) -> String {
    let rounded = (value * 1e4).round() / 1e4 + 0.0;
    match rounded {
        f64::INFINITY => "∞".to_owned(),
        f64::NEG_INFINITY => "-∞".to_owned(),
        rounded => rounded.to_string(),
    }
}

/// The intervals where the slope is small, their ends written by `number`.
pub(crate) fn flat(course: &Course, number: fn(f64) -> String) -> String {
    let flat = course.flat.iter().map(|&(from, to)| match (from, to) {
        (f64::NEG_INFINITY, to) => format!("x < {}", number(to)),
        (from, f64::INFINITY) => format!("x > {}", number(from)),
        (from, to) => format!("{} to {}", number(from), number(to)),
    });
    flat.collect::<Vec<_>>().join(", ")
}

/// The head of a family's page.
pub(crate) fn of(family: &dyn Family) -> String {
    let entry = family.entry();
    let activation = family.activation();
    let slope = match activation {
        Some(_) => "f'(x)",
        None => "backward",
    };
    let mut rows = Rows::new(entry.title, entry.name);
    rows.add("f(x)", entry.formula);
    rows.add(slope, entry.slope_formula);
    parameters(&mut rows, &entry, activation);
    if let Some(activation) = activation {
        course(&mut rows, activation);
    }
    for (x, value) in entry.special_values {
        rows.add(x, value);
    }
    let paper = entry.paper.unwrap();
    rows.add(
        "paper",
        &format!(
            "{}: [{}]({}) ({})",
            paper.authors, paper.title, paper.url, paper.year
        ),
    );
    rows.0
}

fn parameters(rows: &mut Rows, entry: &Entry, activation: Option<Activation>) {
    let definition = activation.map(|activation| activation.definition());
    let own = definition.map_or(&[][..], |definition| definition.parameters);
    for parameter in entry.parameters.iter() {
        let default = match parameter.default {
            Default::Required => "to be given".to_owned(),
            Default::Number(number) if number != 0.0 && number.abs() < 1e-3 => {
                format!("default {number:e}")
            }
            Default::Number(number) => format!("default {number}"),
            Default::Choice(choice) => format!("default {choice}"),
        };
        let name = parameter.name;
        let slope = own.iter().find(|own| own.name == name);
        let slope = slope.map_or_else(String::new, |own| {
            format!("; df/d{name} = {}", own.slope_formula)
        });
        rows.add(
            &format!("`{name}`"),
            &format!(
                "{}; {}; {default}{slope}",
                parameter.description, parameter.rule
            ),
        );
    }
}

/// What is computed of an activation.
fn course(rows: &mut Rows, activation: Activation) {
    let course = activation.course();
    let (low, high) = course.range;
    rows.add("range", &format!("{} to {}", short(low), short(high)));
    rows.add(
        "monotonic",
        &match course.turning_points[..] {
            [] => "yes".to_owned(),
            [at, ..] => format!("no, it turns at x = {}", short(at)),
        },
    );
    rows.add(
        "zero-centred",
        if course.zero_centred { "yes" } else { "no" },
    );
    rows.add("smooth", &course.smoothness.description(&course.bends));
    let flat = flat(&course, short);
    let properties = activation.definition().properties;
    let waves = properties.is_some_and(|known| known.cost == Cost::Sine);
    rows.add(
        "slope below 0.01",
        match (waves, flat.is_empty()) {
            (true, _) => "for a moment in each period",
            (false, true) => "nowhere",
            (false, false) => &flat,
        },
    );
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0] {
        let (value, slope) = (activation.value(x), activation.slope(x));
        rows.add(&format!("f({x})"), &format!("{value}, slope {slope}"));
    }
}
