//! `activations grad`

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    Result,
    files::{Outputs, PIPE},
    flags::Flags,
    inputs::{self, Inputs, expect_alike},
    stream::{Given, Stream, note_types, open, plan, tell},
    usage,
};
use wgpu_activations::{
    family::Pass,
    io::{self, Input, StoredArray},
};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The activation, such as gelu or "elu(alpha=0.5)".
    op: String,
    /// Input of the forward pass: an .npy, .npz or .safetensors file.
    x: PathBuf,
    /// Gradient of the loss with respect to the forward pass's output, of that output's shape.
    upstream: PathBuf,
    /// Arrays of the files by name or pattern: of x, and those of the same names of the upstream. The
    /// output holds their gradients and nothing else.
    #[arg(long, value_name = "NAME")]
    tensor: Vec<String>,
    /// The array of the upstream's file, where its name is another.
    #[arg(long, value_name = "NAME")]
    upstream_tensor: Option<String>,
    /// Also write the gradient of a parameter: float32, one value per channel, or one in all; or that of the second
    /// input, up of gated units.
    #[arg(long, value_name = "NAME=FILE")]
    out: Vec<String>,
    #[command(flatten)]
    inputs: Inputs,
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
  activations grad swiglu gate.npy dy.npy -o dgate.npy --input up=up.npy --out up=dup.npy
  activations grad gelu x.safetensors dy.safetensors -o dx.safetensors --tensor 'layer.*'
  activations grad gelu all.npz all.npz -o dx.npy --tensor x --upstream-tensor dy
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
    let mut input = open(&arguments.x, &arguments.tensor)?;
    let mut upstreams = upstreams(arguments, &input)?;
    let format = input.output_format(&flags.output)?;
    for (x, upstream) in input.arrays.iter().zip(&upstreams.arrays) {
        let output = chain.result_shape(&x.shape)?;
        expect_alike(&chain, ("upstream", upstream), ("x", x, &output))?;
    }
    let mut more = arguments.inputs.open(&chain, &arguments.x)?;
    let mut others = inputs::arrays(&chain, &Vec::from_iter(&input.arrays), &mut more)?;
    if upstreams.arrays.len() > 1 && !outs.is_empty() {
        return usage("--out takes one tensor; name it with --tensor");
    }
    let devices = plan::devices(flags)?;
    let stream = Stream {
        flags,
        chain,
        outs,
        format,
        pass: Pass::Backward,
    };
    let files = outputs.begin()?;
    note_types(&input);
    note_types(&upstreams);
    let (main, beside) = (&files[0], &files[1..]);
    input.begin_alone(format, main.file(), main.path)?;
    let offload = stream.offload(&devices);
    let mut done = Vec::new();
    let arrays = std::mem::take(&mut input.arrays);
    let pairs = arrays
        .into_iter()
        .zip(std::mem::take(&mut upstreams.arrays));
    let from: Vec<_> = [&input, &upstreams].into_iter().chain(&more).collect();
    for (x, upstream) in pairs {
        let x = stream.see(x);
        let given = Given {
            others: std::mem::take(&mut others),
            upstream: Some(upstream),
        };
        done.push(stream.run_item(&from, x, given, &offload, Some(main), beside)?);
    }
    outputs.finish(files)?;
    tell::done(&stream, &done, &devices)
}

/// The gradients for the arrays of x, in their order.
fn upstreams(arguments: &Arguments, x: &Input) -> Result<Input> {
    let path = &arguments.upstream;
    let names: Vec<_> = match &arguments.upstream_tensor {
        Some(name) => vec![name.clone()],
        None if arguments.tensor.is_empty() || !io::holds_several(path) => Vec::new(),
        None => x.arrays.iter().map(|array| array.name.clone()).collect(),
    };
    let mut input = open(path, &names)?;
    let (count, found) = (x.arrays.len(), input.arrays.len());
    if count != found {
        let path = path.display();
        return usage(format!(
            "{path}: upstream has {found} arrays but x has {count}; they must match"
        ));
    }
    if count > 1 {
        let place = |array: &StoredArray| x.arrays.iter().position(|x| x.name == array.name);
        input.arrays.sort_by_key(place);
    }
    Ok(input)
}
