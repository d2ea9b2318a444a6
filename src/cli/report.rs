//! `activations report`

use std::{collections::HashSet, path::PathBuf};

use clap::Args;

use super::{
    Failure, Result,
    files::{Content, Outputs},
};
use crate::bench::{
    record::Run,
    report::{self, Format, Source},
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
    /// Replace the output file if it is there.
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Examples:
  activations report run.json -o report.html           one page: charts, tables, machines
  activations report before.json after.json -o both.html
  activations report gpu.json cpu.json -o kernels.svg  one picture, for a README
  activations report run.json -o rows.csv              a line per row";

pub(super) fn run(arguments: &Arguments) -> Result {
    let output = &arguments.output;
    let format = Format::of(output).ok_or_else(|| {
        let known = Format::ALL.map(|format| format!(".{}", format.extension()));
        Failure::Usage(format!(
            "{}: the name must end with one of {}",
            output.display(),
            known.join(", ")
        ))
    })?;
    let mut seen = HashSet::new();
    if let Some(twice) = arguments.runs.iter().find(|path| !seen.insert(*path)) {
        return Err(Failure::Usage(format!(
            "{} is named twice",
            twice.display()
        )));
    }
    let outputs = Outputs::plan(vec![output], arguments.force)?;
    let sources = arguments.runs.iter().map(|path| {
        Ok(Source {
            name: path.display().to_string(),
            run: Run::read(path)?,
        })
    });
    let sources = sources.collect::<Result<Vec<_>>>()?;
    let content = Content::Bytes(report::render(&sources, format)?);
    let mut files = outputs.begin()?;
    for file in &mut files {
        file.fill(&content)?;
    }
    outputs.finish(files)
}
