//! `activations run`

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    Result,
    files::{Folder, Outputs, PIPE},
    flags::Flags,
    inputs::{self, Inputs},
    stream::{Given, Stream, note_types, open, open_model, plan, tell},
    usage,
};
use wgpu_activations::{
    family::Pass,
    io::{self, FORMATS, Input},
};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The activation, such as gelu or "elu(alpha=0.5)", or several: "gelu | softmax".
    op: String,
    /// Input: an .npy, .npz or .safetensors file, the index of a model in shards,
    /// model.safetensors.index.json, or `-` for an .npy file on stdin.
    input: PathBuf,
    /// Also write what the activation gives beside its output: dice mean, variance, running-mean and
    /// running-variance (momentum, mean and variance are for these), maxout index.
    #[arg(long, value_name = "NAME=FILE")]
    out: Vec<String>,
    /// Arrays of an .npz file, or tensors of a .safetensors file or a model in shards, by name or
    /// pattern, such as '*.weight'; all else passes through.
    #[arg(long, value_name = "NAME")]
    tensor: Vec<String>,
    /// Print chunks, memory, devices and what the trip will cost, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    inputs: Inputs,
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
  activations run swiglu gate.npy --input up=up.npy -o y.npy
  activations run \"swiglu(layout=halves)\" both.npy -o y.npy
  activations run \"gelu | softmax\" x.npy -o y.npy            several in one trip to the device
  activations run silu model.safetensors -o out.safetensors --tensor '*.gate.*'
  activations run silu model.safetensors.index.json -o out-folder --tensor '*.gate.*'
  activations run gelu arrays.npz -o y.npz --tensor a --tensor 'b*'
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
    let (inputs, folder) = match open_model(&arguments.input, &arguments.tensor)? {
        Some(inputs) => (inputs, Some(folder(&flags.output)?)),
        None => (vec![open(&arguments.input, &arguments.tensor)?], None),
    };
    let mut more = arguments.inputs.open(&chain, &arguments.input)?;
    let format = match (&folder, &inputs[0]) {
        (Some(_), shard) => shard.format,
        (None, _) if to_stdout => io::format_of(&flags.output),
        (None, input) => input.output_format(&flags.output)?,
    };
    let path = |input: &Input| match (&folder, input.path.file_name()) {
        (Some(_), Some(name)) => flags.output.join(name),
        _ => flags.output.clone(),
    };
    let paths: Vec<_> = inputs.iter().filter(|_| !to_stdout).map(path).collect();
    let mains = paths.len();
    let paths = paths.iter().map(|path| &**path);
    let paths = paths.chain(outs.iter().map(|(_, path)| *path)).collect();
    let outputs = Outputs::plan(paths, flags.force)?;
    let count: usize = inputs.iter().map(|input| input.arrays.len()).sum();
    if count > 1 && !outs.is_empty() {
        return usage("--out takes one tensor; name it with --tensor");
    }
    let stream = Stream {
        flags,
        chain,
        outs,
        format,
        pass: Pass::Forward,
    };
    let arrays: Vec<_> = inputs.iter().flat_map(|input| &input.arrays).collect();
    let mut others = inputs::arrays(&stream.chain, &arrays, &mut more)?;
    for (input, item) in inputs
        .iter()
        .flat_map(|input| input.arrays.iter().map(move |item| (input, item)))
    {
        let result = stream.chain.result_shape(&item.shape)?;
        input.expect_fit(item, &result, stream.format)?;
    }
    let devices = plan::devices(flags)?;
    let offload = stream.offload(&devices);
    if arguments.dry_run {
        let items = inputs.into_iter().flat_map(|input| input.arrays);
        let items: Vec<_> = items.map(|item| stream.see(item)).collect();
        return tell::forecast(&stream, &offload, &items, &devices);
    }

    let mut files = outputs.begin()?;
    let beside = files.split_off(mains);
    let mut done = Vec::new();
    for (index, mut input) in inputs.into_iter().enumerate() {
        note_types(&input);
        let main = files.get(index);
        if let Some(main) = main.filter(|_| input.format == stream.format) {
            input.copy_rest(main.file(), main.path)?;
        }
        for item in std::mem::take(&mut input.arrays) {
            let item = stream.see(item);
            let from: Vec<_> = [&input].into_iter().chain(&more).collect();
            let given = Given {
                others: std::mem::take(&mut others),
                upstream: None,
            };
            done.push(stream.run_item(&from, item, given, &offload, main, &beside)?);
        }
    }
    files.extend(beside);
    outputs.finish(files)?;
    match to_stdout {
        true => Ok(()),
        false => tell::done(&stream, &done, &devices),
    }
}

/// The folder that the shards of a model go to.
fn folder(path: &Path) -> Result<Folder<'_>> {
    let extension = path.extension().unwrap_or_default();
    let mut formats = FORMATS.iter().flat_map(|format| format.extensions());
    let is_file = path == Path::new(PIPE) || path.is_file() || extension == "json";
    if is_file || formats.any(|known| extension == *known) {
        let reason = "the shards of a model and their index go to a folder; name one";
        return usage(format!("{}: {reason}", path.display()));
    }
    Folder::at(path)
}
