//! `activations grad`

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use serde_json::json;

use super::{
    Failure, Result, device,
    device::Device,
    files::Outputs,
    flags::Flags,
    job::{self, Job},
    text,
};
use crate::{
    accuracy::Report,
    activation::Activation,
    element::Element,
    error::Error,
    io::npy::{self, Array, Dtype, Endian, Float, Order, Values},
};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The activation, such as gelu or "elu(alpha=0.5)".
    op: String,
    /// Input of the forward pass: an .npy file of float16, float32 or float64.
    x: PathBuf,
    /// Gradient of the loss with respect to the forward pass's output, of the shape of X.
    upstream: PathBuf,
    /// Also write the gradient of a parameter: float32, one value per channel, or one in all.
    #[arg(long, value_name = "NAME=FILE")]
    out: Vec<String>,
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  activations grad gelu x.npy dy.npy -o dx.npy               dx = gelu'(x) dy
  activations grad elu x.npy dy.npy -o dx.npy --param alpha=0.5 --out alpha=dalpha.npy
  activations grad leaky-relu x.npy dy.npy -o dx.npy --param slope=@slopes.npy --axis 1 \\
      --out slope=dslopes.npy                                one slope per channel, as in PReLU";

pub(super) fn run(arguments: &Arguments) -> Result {
    let flags = &arguments.flags;
    let (activation, _) = flags.activation(&arguments.op)?;
    let parameter_file = parameter_file(activation, &arguments.out)?;
    let mut paths = vec![&*flags.output];
    paths.extend(parameter_file);
    let outputs = Outputs::plan(paths, flags.force)?;

    let mut x = npy::read(&arguments.x)?;
    let upstream = npy::read(&arguments.upstream)?;
    if x.shape != upstream.shape {
        return Err(Error::ShapeMismatch {
            op: activation.name().to_owned(),
            left: "upstream",
            left_shape: upstream.shape,
            right: "x",
            right_shape: x.shape,
        }
        .into());
    }
    let upstream = upstream.to_order(x.order)?;
    let job = Job::new(&arguments.op, flags, &x)?;
    let device = device::open(flags.device.as_deref())?;
    let wanted = parameter_file.is_some();

    let start = Instant::now();
    let (values, gradient, report) = match (&x.values, &upstream.values) {
        (Values::F32(x), Values::F32(upstream)) => {
            let (dx, gradient, report) = both(&job, &device, x, upstream, wanted)?;
            (Values::F32(dx), gradient, report)
        }
        (Values::F16(x), Values::F16(upstream)) => {
            let (dx, gradient, report) = both(&job, &device, x, upstream, wanted)?;
            (Values::F16(dx), gradient, report)
        }
        _ => {
            return Err(Error::ElementMismatch {
                op: activation.name().to_owned(),
                left: "upstream",
                left_type: upstream.dtype.float.name(),
                right: "x",
                right_type: x.dtype.float.name(),
            }
            .into());
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    job::note_conversion(&arguments.x, &x);
    job::note_conversion(&arguments.upstream, &upstream);
    x.values = values;
    let mut arrays = vec![x];
    arrays.extend(gradient.map(|values| Array {
        shape: job.parameter_shape(),
        order: Order::C,
        dtype: Dtype {
            float: Float::F32,
            endian: Endian::NATIVE,
        },
        values: Values::F32(values),
    }));
    outputs.write(&arrays)?;

    let dx = &arrays[0];
    if flags.json {
        return Ok(text::print_json(&json!({
            "op": job.op(),
            "device": device.name(),
            "math": job.math.name(),
            "shape": dx.shape,
            "dtype": dx.dtype.to_string(),
            "output": flags.output.to_string_lossy(),
            "parameter_output": parameter_file.map(Path::to_string_lossy),
            "seconds": seconds,
            "verified": report.as_ref().map_or(0, |report| report.compared),
            "worst_ulp": report.as_ref().and_then(|report| report.worst).map(|worst| worst.ulp),
        }))?);
    }
    let and = parameter_file.map_or_else(String::new, |path| format!(" and {}", path.display()));
    Ok(text::print(&format!(
        "gradient of {} of {:?} {} on {}: {}, written to {}{and}",
        job.op(),
        dx.shape,
        dx.dtype.float.name(),
        device.name(),
        job::verified(report.as_ref(), dx.values.len()),
        flags.output.display(),
    ))?)
}

/// dx, the parameter's gradient if wanted, and what verifying dx found.
type Gradients<T> = (Vec<T>, Option<Vec<f32>>, Option<Report>);

/// dx, and the parameter's gradient if `wanted`.
fn both<T: Element>(
    job: &Job,
    device: &Device,
    x: &[T],
    upstream: &[T],
    wanted: bool,
) -> Result<Gradients<T>> {
    let (dx, report) = job.run(device, x, Some(upstream))?;
    let gradient = wanted
        .then(|| job.parameter_gradient(device, x, upstream))
        .transpose()?;
    Ok((dx, gradient, report))
}

/// The file of `--out NAME=FILE`, its name checked.
fn parameter_file(activation: Activation, out: &[String]) -> Result<Option<&Path>> {
    let [first, rest @ ..] = out else {
        return Ok(None);
    };
    let (name, path) = first
        .split_once('=')
        .filter(|(_, path)| !path.is_empty())
        .ok_or_else(|| Failure::Usage(format!("--out {first}: write NAME=FILE")))?;
    activation.with_named(name, activation.parameter().unwrap_or(0.0))?;
    if let [second, ..] = rest {
        return Err(Failure::Usage(format!(
            "--out {second}: one file is enough, {} has one parameter",
            activation.name()
        )));
    }
    Ok(Some(Path::new(path)))
}
