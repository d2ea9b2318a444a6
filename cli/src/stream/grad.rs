//! What `grad` does: gradients taken back through an operation, chunk by chunk.

use std::path::Path;

use super::{
    Device, Done, Failure, Input, Item, Job, Outputs, PIPE, Pass, Progress, Request, Result,
    Stream, Wanted, input::Kind, note_progress, output, plan, tell,
};
use wgpu_activations::{
    Error,
    check::streamed_backward::StreamedBackward,
    offload::{BackwardJob, Step},
};

use crate::files::Content;

/// Streams the gradient of one operation.
pub(crate) fn run(wanted: &Wanted<'_>, upstream_path: &Path) -> Result {
    let flags = wanted.flags;
    let outs = plan::named_files(wanted.out)?;
    let names: Vec<_> = outs.iter().map(|(name, _)| *name).collect();
    let job = Job::parse(Request {
        op: wanted.op,
        pass: Pass::Backward,
        flags,
        outs: &names,
        in_chain: false,
    })?;
    if flags.output == Path::new(PIPE) {
        let rule = "grad writes files; name an output file";
        return Err(Failure::Usage(rule.to_owned()));
    }
    let paths = outs.iter().map(|(_, path)| *path);
    let outputs = Outputs::plan(
        std::iter::once(&*flags.output).chain(paths).collect(),
        flags.force,
    )?;
    let (kind, x) = only(wanted.x)?;
    let (_, upstream) = only(upstream_path)?;
    let format = output::Format::of(&flags.output, &kind)?;
    expect_alike(&job, &x, &upstream)?;
    let devices = plan::devices(&flags.device)?;
    let stream = Stream {
        flags,
        input: wanted.x,
        jobs: vec![job],
        outs,
        format,
        kind,
        is_gradient: true,
    };
    let mut files = outputs.begin()?;
    let done = stream.run_gradient((x, upstream), upstream_path, &devices, &mut files)?;
    outputs.finish(files)?;
    for (item, path) in [(&done.1[0], wanted.x), (&done.1[1], upstream_path)] {
        if *item {
            super::text::note(&format!(
                "{}: float64 is computed as float32",
                path.display()
            ));
        }
    }
    tell::done(&stream, &[done.0], &devices)
}

/// The one array of a file.
fn only(path: &Path) -> Result<(Kind, Item)> {
    let Input { kind, items } = Input::open(path, &[])?;
    match (kind, items.into_iter().next()) {
        (Kind::Safetensors(_), _) | (_, None) => {
            let rule = "grad takes .npy and .npz files";
            Err(Failure::Usage(format!("{}: {rule}", path.display())))
        }
        (kind, Some(item)) => Ok((kind, item)),
    }
}

fn expect_alike(job: &Job, x: &Item, upstream: &Item) -> Result {
    let output = job.output_shape(&x.shape)?;
    if upstream.shape != output {
        let right = if output == x.shape { "x" } else { "the output" };
        return Err(Error::ShapeMismatch {
            op: job.name().to_owned(),
            left: "upstream",
            left_shape: upstream.shape.clone(),
            right,
            right_shape: output,
        }
        .into());
    }
    if upstream.element != x.element {
        return Err(Error::ElementMismatch {
            op: job.name().to_owned(),
            left: "upstream",
            left_type: upstream.type_name(),
            right: "x",
            right_type: x.type_name(),
        }
        .into());
    }
    Ok(())
}

impl Stream<'_> {
    /// Also tells which of the two inputs was computed in another type.
    fn run_gradient(
        &self,
        (x, upstream): (Item, Item),
        upstream_path: &Path,
        devices: &[Device],
        files: &mut [super::Unfinished<'_>],
    ) -> Result<(Done, [bool; 2])> {
        let progress = self.progress();
        let told = |reached: Progress| {
            note_progress(reached);
            progress.set_length(reached.of);
            progress.set_position(reached.done);
        };
        let order = self.order(&x);
        let wide = [x.is_float64(), upstream.is_float64()];
        let (chain, shape) = self.chain_in(&x, order)?;
        let (element, dtype, type_name) = (x.element, x.dtype.clone(), x.type_name());
        let [main, beside @ ..] = files else {
            return Err(Failure::Usage("an output file is needed".to_owned()));
        };
        let file_shape = x.shape.clone();
        let sink = output::Elements::begin(
            (&*self.flags.output, Some(&*main)),
            (self.format, &self.kind),
            &x,
            (&file_shape, order),
            false,
        )?;
        let open = |item: Item, path: &Path| {
            if item.order == order || item.shape.len() < 2 {
                item.elements(path, false)
            } else {
                item.rearranged(path, order)
            }
        };
        let (x, upstream) = (open(x, self.input)?, open(upstream, upstream_path)?);
        let (report, summary) = match self.offload(devices) {
            None => {
                let sources = (x.source(), Some(upstream.source()));
                let cpu = self.on_cpu(&shape, order);
                let done = cpu.run(element, sources, sink.sink())?;
                self.fill(beside, done.extras)?;
                (done.report, done.summary)
            }
            Some(offload) => {
                let offload = offload.progress(&told);
                let wanted = !self.outs.is_empty();
                let witness = self
                    .share()
                    .map(|share| StreamedBackward::new(&chain, &shape, element, share, wanted))
                    .transpose()?;
                let backward = offload.run_backward(&BackwardJob {
                    chain: &chain,
                    shape: &shape,
                    element,
                    x: x.source(),
                    upstream: upstream.source(),
                    dx: sink.sink(),
                    witness: witness.as_ref().map(|witness| witness as _),
                })?;
                let report = witness
                    .map(|witness| witness.finish(&backward.parameters))
                    .transpose()?;
                let extras = backward.parameters.into_iter().map(|(name, values)| {
                    let shape = parameter_shape(&chain.steps()[0], name);
                    (name, Content::numbers(shape, values))
                });
                self.fill(beside, extras.collect())?;
                (report, backward.summary)
            }
        };
        sink.finish()?;
        progress.finish_and_clear();
        let done = Done {
            name: String::new(),
            elements: file_shape.iter().product(),
            shape: file_shape,
            dtype,
            type_name,
            report,
            summary,
            rates: None,
        };
        Ok((done, wide))
    }
}

/// The shape of a parameter's gradient.
fn parameter_shape(step: &Step, name: &str) -> Vec<usize> {
    match step {
        Step::Pointwise { parameters, .. } => parameters.iter().map(Vec::len).collect(),
        Step::Dice { alpha, .. } => vec![alpha.len()],
        Step::Affine { shape, .. } if name == "weight" => shape.to_vec(),
        Step::Affine { shape, .. } => vec![shape[0], shape[2]],
        _ => Vec::new(),
    }
}
