//! `activations run`

use std::path::PathBuf;

use clap::Args;

use super::{
    Result,
    flags::Flags,
    stream::{self, CommandLine},
};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The activation, such as gelu or "elu(alpha=0.5)", or several: "gelu | softmax".
    op: String,
    /// Input: an .npy, .npz or .safetensors file, or `-` for an .npy file on stdin.
    input: PathBuf,
    /// Also write what the activation gives beside its output: dice mean and variance, maxout index.
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
    let wanted = CommandLine {
        op: &arguments.op,
        x: &arguments.input,
        out: &arguments.out,
        flags: &arguments.flags,
    };
    stream::run(&wanted, &arguments.tensor, arguments.dry_run)
}
