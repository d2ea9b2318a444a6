//! `activations report`

use std::{collections::HashSet, path::PathBuf};

use clap::Args;

use super::{
    Result,
    draw::by_extension,
    files::Outputs,
    flags::one_of,
    results::report::{self, Format, Source},
    text, usage,
};
use wgpu_activations::{
    Math,
    bench::record::{Row, Run},
};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Result files of `activations bench`, or of peers in the same format.
    #[arg(required = true, value_name = "RUN.json")]
    runs: Vec<PathBuf>,
    /// Output: .html, .svg, .png, .md or .csv.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Show these operations only.
    #[arg(long, value_name = "OP", value_delimiter = ',')]
    op: Vec<String>,
    /// Show rows of this math only, and those that have no such choice.
    #[arg(long, value_parser = one_of(&Math::ALL, Math::name))]
    math: Option<Math>,
    /// Replace the output file if it is there.
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Examples:
  activations report run.json -o report.html           one page: charts, tables, machines
  activations report before.json after.json -o both.html
  activations report gpu.json cpu.json -o kernels.svg  one picture, for a README
  activations report run.json -o dice.svg --op dice,softmax --math accurate
  activations report run.json -o rows.csv              a line per row";

pub(super) fn run(arguments: &Arguments) -> Result {
    let output = &arguments.output;
    let format = by_extension(
        output,
        &Format::ALL.map(|format| (format, format.extension())),
    )?;
    let mut seen = HashSet::new();
    if let Some(twice) = arguments.runs.iter().find(|path| !seen.insert(*path)) {
        return usage(format!("{} is named twice", twice.display()));
    }
    let outputs = Outputs::plan(vec![output], arguments.force)?;
    let math = arguments.math.map(Math::name);
    let shown = |row: &Row| {
        let of_math = math.is_none_or(|math| row.math.as_deref().is_none_or(|own| own == math));
        of_math && (arguments.op.is_empty() || arguments.op.contains(&row.op))
    };
    let mut left_out = 0;
    let sources = arguments.runs.iter().map(|path| {
        let mut run = Run::read(path)?;
        let before = run.rows.len();
        run.rows.retain(shown);
        left_out += before - run.rows.len();
        Ok(Source {
            name: path.display().to_string(),
            run,
        })
    });
    let sources = sources.collect::<Result<Vec<_>>>()?;
    if left_out > 0 && sources.iter().all(|source| source.run.rows.is_empty()) {
        return usage(
            "no row of these files is of the operations and the math that are to be shown",
        );
    }
    outputs.write(&[report::render(&sources, format)?])?;
    let rows = sources.iter().map(|source| source.run.rows.len()).sum();
    let (rows, output) = (text::several(rows, "row"), output.display());
    text::tell(&format!("{rows} written to {output}"));
    Ok(())
}
