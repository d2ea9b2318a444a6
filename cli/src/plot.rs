//! `activations plot`

use std::path::PathBuf;

use clap::Args;

use super::{
    Failure, Result, draw::by_extension, file_error, files::Outputs, named::Named, text, usage,
};
use wgpu_activations::{
    Family,
    family::{Curve, Sweep},
    number,
};

use crate::figure::{Format, MOST_CURVES, Plot, gallery, render};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// What to draw: activations, such as gelu or "elu(alpha=0.5)", and families, such as dice.
    #[arg(value_name = "OP", required_unless_present = "all")]
    ops: Vec<String>,
    /// Output: .svg, .png or .html; with --all a folder.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Values of a parameter, a curve for each, for the operations that are drawn over it.
    #[arg(long, value_name = "NAME=V,V..", value_parser = swept)]
    param: Vec<Swept>,
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
struct Swept {
    name: String,
    values: Vec<f64>,
}

fn swept(text: &str) -> std::result::Result<Swept, String> {
    let (name, values) = text
        .split_once('=')
        .ok_or("a parameter is written NAME=VALUE,VALUE..")?;
    let values = values.split(',').map(|value| {
        let parsed = value.trim().parse::<f64>();
        let finite = parsed.ok().filter(|number| (*number as f32).is_finite());
        finite.ok_or_else(|| format!("`{}` is not a finite number", value.trim()))
    });
    Ok(Swept {
        name: name.trim().to_owned(),
        values: values.collect::<std::result::Result<_, _>>()?,
    })
}

fn range(text: &str) -> std::result::Result<(f64, f64), String> {
    let end = |text: &str| text.trim().parse::<f64>().ok();
    let ends = text
        .split_once("..")
        .and_then(|(from, to)| end(from).zip(end(to)));
    let (from, to) = ends.ok_or("a range is written FROM..TO, such as -6..6")?;
    // Wide enough for its marks to differ, and for differences to be finite.
    let apart = to - from > 1e-6 * from.abs().max(to.abs());
    if !apart || from.abs().max(to.abs()) > 1e30 || to - from < 1e-30 {
        return Err(format!(
            "from {} to {} there is nothing to draw: FROM must be less than TO by a millionth of \
             them, and neither beyond 1e30",
            number(from),
            number(to)
        ));
    }
    Ok((from, to))
}

pub(super) fn run(arguments: &Arguments) -> Result {
    if arguments.all {
        return all(arguments);
    }
    let output = &arguments.output;
    let format = by_extension(output, &Format::ALL)?;
    let plot = plot(arguments)?;
    let picture = render(&plot, format)?;
    Outputs::plan(vec![output], arguments.force)?.write(&[picture])?;
    let curves = text::several(plot.curves.len(), "curve");
    text::tell(&format!("{curves} written to {}", output.display()));
    Ok(())
}

fn all(arguments: &Arguments) -> Result {
    let folder = &arguments.output;
    std::fs::create_dir_all(folder).map_err(|error| {
        file_error(
            folder,
            format!("is no folder, and none can be made: {error}"),
        )
    })?;
    let (mut paths, mut pictures) = (Vec::new(), Vec::new());
    for (name, plot) in gallery::all()? {
        paths.push(folder.join(name).with_extension("svg"));
        pictures.push(render(&plot, Format::Svg)?);
    }
    let planned = paths.iter().map(PathBuf::as_path).collect();
    Outputs::plan(planned, arguments.force)?.write(&pictures)?;
    let (count, folder) = (pictures.len(), folder.display());
    text::tell(&format!("{count} pictures written to {folder}"));
    Ok(())
}

fn plot(arguments: &Arguments) -> Result<Plot> {
    let mut curves = Vec::new();
    let mut titles = Vec::new();
    let mut sweep = Sweep::default();
    for Swept { name, values } in &arguments.param {
        sweep.add(name, values.clone());
    }
    for op in &arguments.ops {
        let named = Named::parse(op)?;
        titles.push(named.family.entry().title);
        curves.extend(curves_of(op, &named, &mut sweep)?);
    }
    if let Some(name) = sweep.untaken() {
        let others = match sweep.asked() {
            [] => String::new(),
            others => format!("; they are drawn over {}", others.join(", ")),
        };
        let ops = arguments.ops.join(", ");
        return usage(format!(
            "--param {name}: none of {ops} has it in its picture{others}"
        ));
    }
    let count = curves.len();
    if count > MOST_CURVES {
        return usage(format!(
            "{count} curves are asked for; colours tell {MOST_CURVES} apart: draw several pictures"
        ));
    }
    titles.dedup();
    Ok(Plot {
        title: titles.join(", "),
        curves,
        range: arguments.range,
        slope: arguments.slope,
    })
}

/// The curves of what `op` names, over the parameters of `sweep` that it has.
fn curves_of(op: &str, named: &Named, sweep: &mut Sweep) -> Result<Vec<Curve>> {
    let picture = match (named.activation(), &named.operation) {
        (Some(activation), _) => activation.picture(sweep)?,
        (None, None) => named.family.picture(sweep)?,
        (None, Some(_)) => {
            let rule = "parameters are drawn by --param NAME=VALUE,VALUE.. here";
            return usage(format!("{op}: {rule}"));
        }
    };
    let curves = picture.map(|picture| picture.curves);
    curves.ok_or_else(|| Failure::Usage(format!("{op} has no picture of one element")))
}
