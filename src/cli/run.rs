//! `activations run`

use std::path::PathBuf;

use clap::Args;

use super::{
    Result,
    apply::{Files, apply},
    flags::Flags,
};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The activation, such as gelu or "elu(alpha=0.5)".
    op: String,
    /// Input: an .npy file of float16, float32 or float64.
    input: PathBuf,
    /// Also write what the activation gives beside its output: dice mean and variance, maxout index.
    #[arg(long, value_name = "NAME=FILE")]
    out: Vec<String>,
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
  activations run mish x.npy -o y.npy --device llvmpipe --verify full --json";

pub(super) fn run(arguments: &Arguments) -> Result {
    let files = Files {
        x: &arguments.input,
        upstream: None,
        out: &arguments.out,
    };
    apply(&arguments.op, &arguments.flags, &files)
}
