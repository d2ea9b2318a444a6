//! What `grad` does: gradients taken back through operations, chunk by chunk.

use std::path::Path;

use super::{
    CommandLine, Failure, Outputs, PIPE, Pass, Result, Stream, note_float64, open, operation, plan,
    tell,
};
use wgpu_activations::{
    Chain, Error,
    io::{Input, StoredArray},
};

/// Streams the gradient of operations.
pub(crate) fn run(wanted: &CommandLine<'_>, upstream_path: &Path) -> Result {
    let flags = wanted.flags;
    let outs = plan::named_files(wanted.out)?;
    let names: Vec<_> = outs.iter().map(|(name, _)| *name).collect();
    let chain = operation::chain(wanted.op, flags, Pass::Backward, &names)?;
    if flags.output == Path::new(PIPE) {
        let rule = "grad writes files; name an output file";
        return Err(Failure::Usage(rule.to_owned()));
    }
    let paths = outs.iter().map(|(_, path)| *path);
    let outputs = Outputs::plan(
        std::iter::once(&*flags.output).chain(paths).collect(),
        flags.force,
    )?;
    let (input, x) = only(wanted.x)?;
    let (_, upstream) = only(upstream_path)?;
    let format = input.output_format(&flags.output)?;
    expect_alike(&chain, &x, &upstream)?;
    let devices = plan::devices(&flags.device)?;
    let stream = Stream {
        flags,
        input,
        chain,
        outs,
        format,
        pass: Pass::Backward,
    };
    let mut files = outputs.begin()?;
    note_float64(&x, wanted.x);
    note_float64(&upstream, upstream_path);
    let [main, beside @ ..] = &mut files[..] else {
        return Err(Failure::Usage("an output file is needed".to_owned()));
    };
    let offload = stream.offload(&devices);
    let seen = stream.see(x);
    let done = stream.run_item(seen, Some(upstream), offload.as_ref(), Some(main), beside)?;
    outputs.finish(files)?;
    tell::done(&stream, &[done], &devices)
}

/// A file and its one array.
fn only(path: &Path) -> Result<(Input, StoredArray)> {
    let mut input = open(path, &[])?;
    match input.arrays.pop() {
        Some(array) if !input.format.rewrites() => Ok((input, array)),
        _ => {
            let rule = "grad takes .npy and .npz files";
            Err(Failure::Usage(format!("{}: {rule}", path.display())))
        }
    }
}

fn expect_alike(chain: &Chain, x: &StoredArray, upstream: &StoredArray) -> Result {
    let name = match chain.steps() {
        [step] => step.name().to_owned(),
        _ => chain.to_string(),
    };
    let output = chain.result_shape(&x.shape)?;
    if upstream.shape != output {
        let right = if output == x.shape { "x" } else { "the output" };
        return Err(Error::ShapeMismatch {
            op: name,
            left: "upstream",
            left_shape: upstream.shape.clone(),
            right,
            right_shape: output,
        }
        .into());
    }
    if upstream.element != x.element {
        return Err(Error::ElementMismatch {
            op: name,
            left: "upstream",
            left_type: upstream.type_name,
            right: "x",
            right_type: x.type_name,
        }
        .into());
    }
    Ok(())
}
