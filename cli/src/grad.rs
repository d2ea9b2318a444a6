//! `activations grad`

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
    let wanted = CommandLine {
        op: &arguments.op,
        x: &arguments.x,
        out: &arguments.out,
        flags: &arguments.flags,
    };
    stream::run_gradient(&wanted, &arguments.upstream)
}
