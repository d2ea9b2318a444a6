//! The head of an activation's page.

use std::fmt::Write;

use wgpu_activations::activation::{
    Activation, Course, Definition, Family, Paper, Preset, Smoothness,
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

    fn paper(mut self, paper: &Paper) -> String {
        let Paper {
            authors,
            title,
            year,
            url,
        } = paper;
        self.add("paper", &format!("{authors}: [{title}]({url}) ({year})"));
        self.0
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

pub(crate) fn of_activation(definition: &'static Definition) -> String {
    let activation = Activation::new(definition);
    let course = activation.course();
    let mut rows = Rows::new(definition.title, definition.name);
    rows.add("f(x)", definition.formula);
    rows.add("f'(x)", definition.slope_formula);
    if let Some(parameter) = &definition.parameter {
        let (name, default) = (parameter.name, parameter.default);
        rows.add(
            "parameter",
            &format!(
                "`{name}` = {default}: {}; {}; df/d{name} = {}",
                parameter.description,
                parameter.range.rule(),
                parameter.slope_formula
            ),
        );
    }
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
    rows.add(
        "smooth",
        &match course.smoothness {
            Smoothness::Smooth => "yes".to_owned(),
            Smoothness::Once(at) => format!("once; its second derivative jumps at {at}"),
            Smoothness::Kink(at) => format!("no, its slope jumps at {at}"),
        },
    );
    let flat = flat(&course, short);
    rows.add(
        "slope below 0.01",
        if flat.is_empty() { "nowhere" } else { &flat },
    );
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0] {
        let (value, slope) = (activation.value(x), activation.slope(x));
        rows.add(&format!("f({x})"), &format!("{value}, slope {slope}"));
    }
    rows.paper(&definition.paper.unwrap())
}

pub(crate) fn of_family(family: &Family) -> String {
    let mut rows = Rows::new(family.title, family.name);
    rows.add("f(x)", family.formula);
    rows.add("backward", family.slope_formula);
    for parameter in family.parameters {
        let default = match parameter.default {
            Preset::Required => "to be given".to_owned(),
            Preset::Number(number) if number != 0.0 && number.abs() < 1e-3 => {
                format!("default {number:e}")
            }
            Preset::Number(number) => format!("default {number}"),
            Preset::Choice(choice) => format!("default {choice}"),
        };
        rows.add(
            &format!("`{}`", parameter.name),
            &format!("{}; {}; {default}", parameter.description, parameter.rule),
        );
    }
    for (x, value) in family.special_values {
        rows.add(x, value);
    }
    rows.paper(&family.paper)
}
