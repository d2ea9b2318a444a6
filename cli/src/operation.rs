//! The operations that `run` and `grad` name, with their parameters.

use std::path::Path;

use wgpu_activations::{
    Array, Chain, Error, Operation,
    family::{self, Arguments, Pass, Value},
    io::{self, Order},
};

use super::{Result, flags::Flags, usage};

/// The operations of `a | b | c` with the parameters that they and the flags give. `outs` are the names of `--out`.
pub(super) fn chain(text: &str, flags: &Flags, pass: Pass, outs: &[&str]) -> Result<Chain> {
    let texts: Vec<_> = text.split('|').map(str::trim).collect();
    let alone = texts.len() == 1;
    if let Some(param) = flags.param.first().filter(|_| !alone) {
        return usage(format!(
            "--param {param}: in a chain, parameters stand with their operation, as in \
             \"elu(alpha=0.5) | softmax\""
        ));
    }
    let mut steps = Vec::new();
    let mut effects = Effects::default();
    for text in texts {
        steps.push(step(text, flags, (pass, alone), &mut effects, outs)?);
    }
    let what = if alone { steps[0].name() } else { "this chain" };
    if let Some(axis) = flags.axis.filter(|_| !effects.axis) {
        return usage(format!("--axis {axis} has no effect on {what}"));
    }
    if flags.mode.is_some() && !effects.mode {
        return usage(format!("--mode has no effect on {what}"));
    }
    let of_inputs = match pass {
        Pass::Forward => &[],
        Pass::Backward => &steps[0].input_names()[1..],
    };
    for out in outs.iter().filter(|out| !of_inputs.contains(out)) {
        if !alone {
            return usage(format!(
                "--out {out}: a chain gives nothing of that name beside the output"
            ));
        }
        expect_gives(&*steps[0], pass, out)?;
    }
    let first = Chain::new(steps.remove(0));
    Ok(steps.into_iter().fold(first, Chain::then).math(flags.math))
}

/// Which of the flags had an effect.
#[derive(Default)]
struct Effects {
    axis: bool,
    mode: bool,
}

fn step(
    text: &str,
    flags: &Flags,
    (pass, alone): (Pass, bool),
    effects: &mut Effects,
    outs: &[&str],
) -> Result<Box<dyn Operation>> {
    let (name, given) = family::split(text)?;
    let family = family::find(name)?;
    let entry = family.entry();
    let mut arguments = Arguments::new(entry.name);
    arguments.add_text(given, &array)?;
    if alone {
        for param in &flags.param {
            match arguments.add_one(param, &array) {
                Err(Error::Argument { reason, .. }) => {
                    return usage(format!("--param {param}: {reason}"));
                }
                added => added?,
            }
        }
    }
    let mut parameters = entry.parameters.iter();
    let takes_mode = parameters.any(|parameter| parameter.name == "mode");
    if let (Some(mode), true) = (&flags.mode, takes_mode && !arguments.has("mode")) {
        arguments.add("mode", Value::Text(mode.clone()))?;
        effects.mode = true;
    }
    // Along which the arrays of an activation go, those of a single number too, which leave it without an axis.
    let takes_axis = family.activation().is_some() && arguments.has_array();
    if let (Some(axis), true) = (flags.axis, takes_axis && !arguments.has("axis")) {
        arguments.add("axis", Value::Text(axis.to_string()))?;
        effects.axis = true;
    }
    let has_axis = arguments.has("axis");
    let given = entry.parameters.iter().map(|parameter| parameter.name);
    let given: Vec<_> = given.filter(|name| arguments.has(name)).collect();
    let mut operation = family.parse(arguments)?;
    for parameter in given {
        let extras = operation.only_for(parameter);
        if !extras.is_empty() && !extras.iter().any(|extra| outs.contains(extra)) {
            let extras = extras.join(" or --out ");
            let why = match (pass, alone) {
                (Pass::Backward, _) => "in grad; leave it out".to_owned(),
                (Pass::Forward, false) => "in a chain; leave it out".to_owned(),
                (Pass::Forward, true) => format!("without --out {extras}"),
            };
            return usage(format!("{parameter} has no effect on {name} {why}"));
        }
    }
    let goes_along_one = !has_axis && operation.axis().is_some();
    if let Some(axis) = flags.axis.filter(|_| goes_along_one) {
        operation.set_axis(axis);
        // An axis that is fixed stays where it is.
        effects.axis |= operation.axis() == Some(axis);
    }
    Ok(operation)
}

/// The array of a file, `FILE`, or `FILE:NAME` of one that holds several: whatever is a file's path names all of it.
pub(super) fn array(text: &str) -> wgpu_activations::Result<Array> {
    let colons = text.match_indices(':').map(|(at, _)| at);
    let mut files = std::iter::once(text.len()).chain(colons);
    let end = files.find(|&end| Path::new(&text[..end]).is_file());
    let (path, name) = text.split_at(end.unwrap_or(text.len()));
    let names: Vec<_> = name
        .strip_prefix(':')
        .map(str::to_owned)
        .into_iter()
        .collect();
    let array = io::open(Path::new(path), &names)?.into_only()?;
    let shape = array.shape.clone();
    Array::new(array.read_as_f32(Order::C)?, shape)
}

/// Fails where an operation gives nothing of that name beside its output.
fn expect_gives(operation: &dyn Operation, pass: Pass, out: &str) -> Result<()> {
    // Their names do not depend on the shape.
    let gradients = operation.gradients(&[]);
    let gradients: Vec<_> = gradients.iter().map(|gradient| gradient.name).collect();
    let gives = match pass {
        Pass::Forward => operation.extra_names(),
        Pass::Backward => &gradients[..],
    };
    if gives.contains(&out) {
        return Ok(());
    }
    let found = if pass == Pass::Forward && gradients.contains(&out) {
        format!("nothing of that name; `grad` gives the gradient of {out}")
    } else if gives.is_empty() {
        "nothing beside the output".to_owned()
    } else {
        format!("`{}` here", gives.join("`, `"))
    };
    usage(format!("--out {out}: {} gives {found}", operation.name()))
}
