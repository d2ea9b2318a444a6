//! The operations that `run` and `grad` name, with their parameters.

use std::path::Path;

use wgpu_activations::{
    Array, Chain, Error, Operation,
    family::{self, Arguments, Pass, Value},
    io::{self, Order},
};

use super::{Failure, Result, flags::Flags};

/// The operations of `a | b | c` with the parameters that they and the flags give. `outs` are the names of `--out`.
pub(super) fn chain(text: &str, flags: &Flags, pass: Pass, outs: &[&str]) -> Result<Chain> {
    let texts: Vec<_> = text.split('|').map(str::trim).collect();
    let alone = texts.len() == 1;
    if !alone {
        if let Some(param) = flags.param.first() {
            return Err(Failure::Usage(format!(
                "--param {param}: in a chain, parameters stand with their operation, as in \
                 \"elu(alpha=0.5) | softmax\""
            )));
        }
        if let Some(name) = outs.first() {
            return Err(Failure::Usage(format!(
                "--out {name}: a chain gives nothing beside the output"
            )));
        }
    }
    let mut steps = Vec::new();
    let mut effects = Effects::default();
    for text in texts {
        steps.push(step(text, flags, alone, &mut effects)?);
    }
    if let Some(axis) = flags.axis.filter(|_| !effects.axis) {
        let what = if alone { steps[0].name() } else { "this chain" };
        return Err(Failure::Usage(format!(
            "--axis {axis} has no effect on {what}"
        )));
    }
    if flags.mode.is_some() && !effects.mode {
        let what = if alone { steps[0].name() } else { "this chain" };
        return Err(Failure::Usage(format!("--mode has no effect on {what}")));
    }
    for out in outs {
        expect_gives(&*steps[0], pass, out)?;
    }
    let mut steps = steps.into_iter();
    let first = steps
        .next()
        .ok_or_else(|| Failure::Usage("an activation is needed, such as gelu".to_owned()))?;
    Ok(steps
        .fold(Chain::new(first), Chain::then)
        .math(flags.math()))
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
    alone: bool,
    effects: &mut Effects,
) -> Result<Box<dyn Operation>> {
    let (name, given) = family::split(text)?;
    let family = family::find(name)?;
    let entry = family.entry();
    let mut arguments = Arguments::new(entry.name);
    arguments.add_text(given, &array)?;
    if alone {
        for param in &flags.param {
            let added = arguments.add_one(param, &array);
            added.map_err(|error| match error {
                Error::Argument { reason, .. } => {
                    Failure::Usage(format!("--param {param}: {reason}"))
                }
                other => other.into(),
            })?;
        }
    }
    let takes_mode = entry
        .parameters
        .iter()
        .any(|parameter| parameter.name == "mode");
    if let Some(mode) = flags.mode.filter(|_| takes_mode && !arguments.has("mode")) {
        arguments.add("mode", Value::Text(mode.name().to_owned()))?;
        effects.mode = true;
    }
    let has_axis = arguments.has("axis");
    let mut operation = family.parse(arguments)?;
    if let Some(axis) = flags
        .axis
        .filter(|_| !has_axis && operation.axis().is_some())
    {
        operation.set_axis(axis);
        // An axis that is fixed stays where it is.
        effects.axis |= operation.axis() == Some(axis);
    }
    Ok(operation)
}

/// The array of a file.
pub(super) fn array(path: &str) -> wgpu_activations::Result<Array> {
    let array = io::open(Path::new(path), &[])?.into_only()?;
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
    let name = operation.name();
    Err(Failure::Usage(
        if pass == Pass::Forward && gradients.contains(&out) {
            format!(
                "--out {out}: {name} gives nothing of that name; `grad` gives the gradient of {out}"
            )
        } else if gives.is_empty() {
            format!("--out {out}: {name} gives nothing beside the output")
        } else {
            format!("--out {out}: {name} gives `{}` here", gives.join("`, `"))
        },
    ))
}
