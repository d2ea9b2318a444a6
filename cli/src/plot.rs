//! `activations plot`

use std::path::PathBuf;

use clap::Args;

use super::{
    Failure, Result,
    files::{Content, Outputs},
    name::parsed,
    text,
};
use wgpu_activations::{Error, activation::Family};

use crate::figure::{Curve, Format, MOST_CURVES, Plot, gallery, render};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// What to draw: activations, such as gelu or "elu(alpha=0.5)", and families, such as dice.
    #[arg(value_name = "OP", required_unless_present = "all")]
    ops: Vec<String>,
    /// Output: .svg, .png or .html; with --all a folder.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Values of a parameter, a curve for each, for the operations that have it. Dice has mean, variance
    /// and alpha, alpha-dropout p.
    #[arg(long, value_name = "NAME=V,V..", value_parser = sweep)]
    param: Vec<Sweep>,
    /// The first and the last x.
    #[arg(long, value_name = "FROM..TO", value_parser = range, default_value = "-6..6", allow_hyphen_values = true)]
    range: (f64, f64),
    /// Draw slopes, too, in a panel of their own.
    #[arg(long)]
    slope: bool,
    /// Draw every picture of the documentation into the folder OUTPUT.
    #[arg(long, conflicts_with_all = ["ops", "param", "range", "slope"])]
    all: bool,
    /// Replace output files that are there.
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Examples:
  activations plot gelu -o gelu.svg --slope             a function beside its slope
  activations plot relu gelu swish mish -o smooth.png   several in one picture
  activations plot swish --param beta=0,1,10 -o swish.html
  activations plot dice -o dice.svg --slope             two batches: the kink follows the mean
  activations plot dice --param mean=-2,0,2 --param alpha=0.1 -o dice.svg
  activations plot softplus --range -1..1 -o near-zero.svg
  activations plot --all -o pictures                    every picture of the documentation";

/// A parameter with the values that it takes in turn.
#[derive(Clone)]
struct Sweep {
    name: String,
    values: Vec<f32>,
}

fn sweep(text: &str) -> std::result::Result<Sweep, String> {
    let (name, values) = text
        .split_once('=')
        .ok_or("a parameter is written NAME=VALUE,VALUE..")?;
    let values = values.split(',').map(|value| {
        let parsed = value.trim().parse::<f32>();
        let finite = parsed.ok().filter(|number| number.is_finite());
        finite.ok_or_else(|| format!("`{}` is not a finite number", value.trim()))
    });
    Ok(Sweep {
        name: name.trim().to_owned(),
        values: values.collect::<std::result::Result<_, _>>()?,
    })
}

fn range(text: &str) -> std::result::Result<(f64, f64), String> {
    let ends = text.split_once("..").and_then(|(from, to)| {
        let end = |text: &str| text.trim().parse::<f64>().ok();
        Some((end(from)?, end(to)?))
    });
    let (from, to) = ends.ok_or("a range is written FROM..TO, such as -6..6")?;
    // Wide enough for its marks to differ, and for differences to be finite.
    let apart = to - from > 1e-6 * from.abs().max(to.abs());
    if !apart || from.abs().max(to.abs()) > 1e30 || to - from < 1e-30 {
        return Err(format!(
            "from {from} to {to} there is nothing to draw: FROM must be less than TO by a millionth of \
             them, and neither beyond 1e30"
        ));
    }
    Ok((from, to))
}

pub(super) fn run(arguments: &Arguments) -> Result {
    if arguments.all {
        return all(arguments);
    }
    let output = &arguments.output;
    let format = Format::of(output).ok_or_else(|| {
        Failure::Usage(format!(
            "{}: the name must end with one of .svg, .png, .html",
            output.display()
        ))
    })?;
    let plot = plot(arguments)?;
    write(&[(output.clone(), render(&plot, format)?)], arguments.force)
}

fn all(arguments: &Arguments) -> Result {
    let folder = &arguments.output;
    std::fs::create_dir_all(folder).map_err(|error| Error::File {
        path: folder.clone(),
        reason: format!("is no folder, and none can be made: {error}"),
    })?;
    let pictures = gallery::all()?.into_iter().map(|(name, plot)| {
        let path = folder.join(name).with_extension("svg");
        Ok((path, render(&plot, Format::Svg)?))
    });
    let pictures = pictures.collect::<Result<Vec<_>>>()?;
    write(&pictures, arguments.force)?;
    let line = format!(
        "{} pictures written to {}",
        pictures.len(),
        folder.display()
    );
    Ok(text::print(&line)?)
}

fn write(pictures: &[(PathBuf, Vec<u8>)], force: bool) -> Result {
    let paths = pictures.iter().map(|(path, _)| path.as_path()).collect();
    let outputs = Outputs::plan(paths, force)?;
    let mut files = outputs.begin()?;
    for (file, (_, bytes)) in files.iter_mut().zip(pictures) {
        file.fill(&Content::Bytes(bytes.clone()))?;
    }
    outputs.finish(files)
}

fn plot(arguments: &Arguments) -> Result<Plot> {
    let mut curves = Vec::new();
    let mut titles = Vec::new();
    let mut taken = vec![false; arguments.param.len()];
    for op in &arguments.ops {
        let (title, own) = curves_of(op, &arguments.param, &mut taken)?;
        titles.push(title);
        curves.extend(own);
    }
    if let Some(index) = taken.iter().position(|taken| !taken) {
        return Err(Failure::Usage(format!(
            "--param {}: none of {} has it; `activations ops NAME` tells what each has",
            arguments.param[index].name,
            arguments.ops.join(", ")
        )));
    }
    if curves.len() > MOST_CURVES {
        return Err(Failure::Usage(format!(
            "{} curves are asked for; colours tell {MOST_CURVES} apart: draw several pictures",
            curves.len()
        )));
    }
    titles.dedup();
    Ok(Plot {
        title: titles.join(", "),
        curves,
        range: arguments.range,
        slope: arguments.slope,
    })
}

/// The curves of `op`, with its title. Marks the parameters that it has.
fn curves_of(op: &str, sweeps: &[Sweep], taken: &mut [bool]) -> Result<(&'static str, Vec<Curve>)> {
    let mut values = |name: &str| -> Option<Vec<f32>> {
        let mut found = None;
        for (sweep, taken) in sweeps.iter().zip(&mut *taken) {
            if sweep.name == name {
                *taken = true;
                found = Some(sweep.values.clone());
            }
        }
        found
    };
    if let Some(family) = Family::find(op) {
        return Ok((family.title, family_curves(family, values)?));
    }
    let activation = parsed(op)?;
    let definition = activation.definition();
    let swept = definition
        .parameter
        .as_ref()
        .and_then(|parameter| values(parameter.name));
    let curves = match swept {
        None => vec![Curve::of(activation)],
        Some(values) => {
            let curves = values
                .into_iter()
                .map(|value| Ok(Curve::of(activation.with(value)?)));
            curves.collect::<Result<_>>()?
        }
    };
    Ok((definition.title, curves))
}

fn family_curves(
    family: &Family,
    mut values: impl FnMut(&str) -> Option<Vec<f32>>,
) -> Result<Vec<Curve>> {
    let mut wide =
        |name: &str, rule: &'static str, holds: fn(f64) -> bool| -> Result<Option<Vec<f64>>> {
            let Some(values) = values(name) else {
                return Ok(None);
            };
            let values: Vec<_> = values.into_iter().map(f64::from).collect();
            match values.iter().find(|value| !holds(**value)) {
                Some(value) => Err(Failure::Usage(format!(
                    "{}: {name} is {value} but must be {rule}",
                    family.name
                ))),
                None => Ok(Some(values)),
            }
        };
    let curves = match family.name {
        "dice" => {
            let mean = wide("mean", "a finite number", f64::is_finite)?;
            let variance = wide("variance", "a finite number >= 0", |value| value >= 0.0)?;
            let alpha = wide("alpha", "a finite number", f64::is_finite)?;
            gallery::dice(
                &mean.unwrap_or(vec![0.0, 2.0]),
                &variance.unwrap_or(vec![1.0]),
                &alpha.unwrap_or(vec![0.25]),
            )
        }
        "alpha-dropout" => {
            let rule = "at least 0 and less than 1";
            let p = wide("p", rule, |p| (0.0..1.0).contains(&p))?;
            let p = p.unwrap_or(vec![0.1, 0.5]);
            p.into_iter().flat_map(Curve::alpha_dropout).collect()
        }
        name => gallery::family(family)
            .ok_or_else(|| Failure::Usage(format!("{name} has no picture of one element")))?,
    };
    Ok(curves)
}
