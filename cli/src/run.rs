//! `activations run`

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    Result,
    files::Outputs,
    flags::Flags,
    stream::{PIPE, Stream, note_float64, open, plan, tell},
    usage,
};
use wgpu_activations::{family::Pass, io};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The activation, such as gelu or "elu(alpha=0.5)", or several: "gelu | softmax".
    op: String,
    /// Input: an .npy, .npz or .safetensors file, or `-` for an .npy file on stdin.
    input: PathBuf,
    /// Also write what the activation gives beside its output: dice mean, variance, running-mean and
    /// running-variance (momentum, mean and variance are for these), maxout index.
    #[arg(long, value_name = "NAME=FILE")]
    out: Vec<String>,
    /// The array of an .npz file, or tensors of a .safetensors file by name or pattern, such as
    /// '*.weight'; all else passes through.
    #[arg(long, value_name = "NAME")]
    tensor: Vec<String>,
    /// Print chunks, memory, devices and what the trip will cost, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  activations run gelu x.npy -o y.npy                        y = gelu(x), verified
  activations run elu x.npy -o y.npy --param alpha=0.5       or \"elu(alpha=0.5)\"
  activations run swish x.npy -o y.npy --param beta=@betas.npy --axis 1
  activations run softmax x.npy -o y.npy --axis 0
  activations run dice x.npy -o y.npy --out mean=mean.npy --out variance=variance.npy
  activations run dice x.npy -o y.npy --mode infer --param mean=@mean.npy \\
      --param variance=@variance.npy
  activations run maxout x.npy -o y.npy --param pieces=2 --out index=index.npy
  activations run alpha-dropout x.npy -o y.npy --param p=0.1 --param seed=7
  activations run \"gelu | softmax\" x.npy -o y.npy            several in one trip to the device
  activations run silu model.safetensors -o out.safetensors --tensor '*.gate.*'
  activations run gelu big.npy -o y.npy --device A --device B --memory 1G
  activations run gelu big.npy -o y.npy --dry-run            what it will take
  zcat x.npy.gz | activations run mish - -o - > y.npy
  activations run mish x.npy -o y.npy --device llvmpipe --verify full --json";

pub(super) fn run(arguments: &Arguments) -> Result {
    let (flags, to_stdout) = (&arguments.flags, arguments.flags.output == Path::new(PIPE));
    let (chain, outs) = plan::chain(&arguments.op, flags, &arguments.out, Pass::Forward)?;
    if to_stdout && flags.json {
        return usage("--json and the output cannot both go to stdout; name an output file");
    }
    let paths = std::iter::once(&*flags.output).filter(|_| !to_stdout);
    let paths = paths.chain(outs.iter().map(|(_, path)| *path));
    let outputs = Outputs::plan(paths.collect(), flags.force)?;
    let mut input = open(&arguments.input, &arguments.tensor)?;
    let format = match to_stdout {
        true => io::format_of(&flags.output),
        false => input.output_format(&flags.output)?,
    };
    let items = std::mem::take(&mut input.arrays);
    if items.len() > 1 && !outs.is_empty() {
        return usage("--out takes one tensor; name it with --tensor");
    }
    let stream = Stream {
        flags,
        input,
        upstream: None,
        chain,
        outs,
        format,
        pass: Pass::Forward,
    };
    for item in &items {
        let result = stream.chain.result_shape(&item.shape)?;
        stream.input.expect_fit(item, &result, stream.format)?;
    }
    let devices = plan::devices(flags)?;
    let offload = stream.offload(&devices);
    let items = items.into_iter().map(|item| stream.see(item));
    if arguments.dry_run {
        let items: Vec<_> = items.collect();
        return tell::forecast(&stream, offload.as_ref(), &items, &devices);
    }

    let mut files = outputs.begin()?.into_iter();
    let main = if to_stdout { None } else { files.next() };
    let beside: Vec<_> = files.collect();
    if let Some(main) = &main {
        stream.input.copy_rest(main.file(), main.path)?;
    }
    let mut done = Vec::new();
    for item in items {
        note_float64(&item.array, &arguments.input);
        done.push(stream.run_item(item, None, offload.as_ref(), main.as_ref(), &beside)?);
    }
    outputs.finish(main.into_iter().chain(beside).collect())?;
    match to_stdout {
        true => Ok(()),
        false => tell::done(&stream, &done, &devices),
    }
}
