//! `activations run`

use std::{path::PathBuf, time::Instant};

use clap::Args;
use serde_json::json;

use super::{
    Result, device,
    files::Outputs,
    flags::Flags,
    job::{self, Job},
    text,
};
use crate::io::npy::{self, Values};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The activation, such as gelu or "elu(alpha=0.5)".
    op: String,
    /// Input: an .npy file of float16, float32 or float64.
    input: PathBuf,
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  activations run gelu x.npy -o y.npy                        y = gelu(x), verified
  activations run elu x.npy -o y.npy --param alpha=0.5       or \"elu(alpha=0.5)\"
  activations run swish x.npy -o y.npy --param beta=@betas.npy --axis 1
  activations run mish x.npy -o y.npy --device llvmpipe --verify full --json";

pub(super) fn run(arguments: &Arguments) -> Result {
    let flags = &arguments.flags;
    flags.activation(&arguments.op)?;
    let outputs = Outputs::plan(vec![&flags.output], flags.force)?;
    let mut array = npy::read(&arguments.input)?;
    let job = Job::new(&arguments.op, flags, &array)?;
    let device = device::open(flags.device.as_deref())?;

    let start = Instant::now();
    let (values, report) = match &array.values {
        Values::F32(x) => job
            .run(&device, x, None)
            .map(|(y, report)| (Values::F32(y), report))?,
        Values::F16(x) => job
            .run(&device, x, None)
            .map(|(y, report)| (Values::F16(y), report))?,
    };
    let seconds = start.elapsed().as_secs_f64();
    job::note_conversion(&arguments.input, &array);
    array.values = values;
    outputs.write(std::slice::from_ref(&array))?;

    if flags.json {
        return Ok(text::print_json(&json!({
            "op": job.op(),
            "device": device.name(),
            "math": job.math.name(),
            "shape": array.shape,
            "dtype": array.dtype.to_string(),
            "output": flags.output.to_string_lossy(),
            "seconds": seconds,
            "verified": report.as_ref().map_or(0, |report| report.compared),
            "worst_ulp": report.as_ref().and_then(|report| report.worst).map(|worst| worst.ulp),
        }))?);
    }
    Ok(text::print(&format!(
        "{} of {:?} {} on {}: {}, written to {}",
        job.op(),
        array.shape,
        array.dtype.float.name(),
        device.name(),
        job::verified(report.as_ref(), array.values.len()),
        flags.output.display(),
    ))?)
}
