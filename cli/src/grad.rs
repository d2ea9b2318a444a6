//! `activations grad`

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    Result,
    files::Outputs,
    flags::Flags,
    stream::{PIPE, Stream, note_float64, open, plan, tell},
    usage,
};
use wgpu_activations::{
    Chain, Error,
    family::Pass,
    io::{Input, StoredArray},
};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The activation, such as gelu or "elu(alpha=0.5)".
    op: String,
    /// Input of the forward pass: an .npy file of float16, float32 or float64, or an .npz of one.
    x: PathBuf,
    /// Gradient of the loss with respect to the forward pass's output, of that output's shape.
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
  activations grad prelu x.npy dy.npy -o dx.npy --param alpha=@slopes.npy --axis 1 \\
      --out alpha=dslopes.npy                                one slope per channel
  activations grad dice x.npy dy.npy -o dx.npy --out alpha=dalpha.npy
  activations grad softmax x.npy dy.npy -o dx.npy
  activations grad maxout x.npy dmax.npy -o dx.npy --param pieces=2";

pub(super) fn run(arguments: &Arguments) -> Result {
    let flags = &arguments.flags;
    let (chain, outs) = plan::chain(&arguments.op, flags, &arguments.out, Pass::Backward)?;
    if flags.output == Path::new(PIPE) {
        return usage("grad writes files; name an output file");
    }
    if [&arguments.x, &arguments.upstream]
        .iter()
        .all(|path| *path == Path::new(PIPE))
    {
        return usage("x and upstream cannot both come from stdin; name a file for one of them");
    }
    let mut paths = vec![&*flags.output];
    paths.extend(outs.iter().map(|(_, path)| *path));
    let outputs = Outputs::plan(paths, flags.force)?;
    let (input, x) = only(&arguments.x)?;
    let (upstream_file, upstream) = only(&arguments.upstream)?;
    let format = input.output_format(&flags.output)?;
    expect_alike(&chain, &x, &upstream)?;
    let devices = plan::devices(flags)?;
    let stream = Stream {
        flags,
        input,
        upstream: Some(upstream_file),
        chain,
        outs,
        format,
        pass: Pass::Backward,
    };
    let files = outputs.begin()?;
    note_float64(&x, &arguments.x);
    note_float64(&upstream, &arguments.upstream);
    let (main, beside) = (files.first(), &files[1..]);
    let offload = stream.offload(&devices);
    let seen = stream.see(x);
    let done = stream.run_item(seen, Some(upstream), offload.as_ref(), main, beside)?;
    outputs.finish(files)?;
    tell::done(&stream, &[done], &devices)
}

/// A file and its one array.
fn only(path: &Path) -> Result<(Input, StoredArray)> {
    let mut input = open(path, &[])?;
    match input.arrays.pop() {
        Some(array) if !input.format.rewrites() => Ok((input, array)),
        _ => usage(path.display().to_string() + ": grad takes .npy and .npz files"),
    }
}

fn expect_alike(chain: &Chain, x: &StoredArray, upstream: &StoredArray) -> Result {
    let left = "upstream";
    let op = match chain.steps() {
        [step] => step.name().to_owned(),
        _ => chain.to_string(),
    };
    let output = chain.result_shape(&x.shape)?;
    let error = if upstream.shape != output {
        Error::ShapeMismatch {
            op,
            left,
            left_shape: upstream.shape.clone(),
            right: if output == x.shape { "x" } else { "the output" },
            right_shape: output,
        }
    } else if upstream.element != x.element {
        Error::ElementMismatch {
            op,
            left,
            left_type: upstream.type_name,
            right: "x",
            right_type: x.type_name,
        }
    } else {
        return Ok(());
    };
    Err(error.into())
}
