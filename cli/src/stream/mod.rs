//! What `run` does: arrays from files and pipes through devices, chunk by chunk, to files and pipes.

mod grad;
mod input;
mod on_cpu;
mod output;
mod plan;
mod tell;

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Failure, Result,
    device::{self, Device},
    files::{Content, Outputs, Unfinished, note_progress},
    flags::{Flags, Verify},
    job::{Job, Request, SAMPLE},
    text,
};
use input::{Input, Item, PIPE};
use output::Elements;
use wgpu_activations::{
    ElementType, Error, Offload,
    accuracy::Report,
    check::{
        Pass,
        streamed::{Share, Streamed},
    },
    io::npy::{Order, header_of_indices},
    offload::{
        self, Chain, Progress, Rates, Summary,
        file::{FileSink, Format},
    },
};

/// What was done to one array.
pub(super) struct Done {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    /// The same in words.
    type_name: &'static str,
    elements: usize,
    report: Option<Report>,
    summary: Summary,
    /// How long the parts of the way take alone, where that was asked for, and bytes of an element.
    rates: Option<(Rates, u64)>,
}

/// What a command line asks to be streamed.
pub(super) struct Wanted<'a> {
    /// One operation, or `a | b | c`.
    pub(super) op: &'a str,
    pub(super) x: &'a Path,
    /// `--out NAME=FILE`.
    pub(super) out: &'a [String],
    pub(super) flags: &'a Flags,
}

/// A command in the making.
struct Stream<'a> {
    flags: &'a Flags,
    /// x.
    input: &'a Path,
    jobs: Vec<Job>,
    /// `--out NAME=FILE`.
    outs: Vec<(&'a str, &'a Path)>,
    format: output::Format,
    kind: input::Kind,
    is_gradient: bool,
}

pub(super) use grad::run as run_gradient;

/// Streams the array of a file, or those of its tensors that are named; or only tells what that takes.
pub(super) fn run(wanted: &Wanted<'_>, tensors: &[String], dry_run: bool) -> Result {
    let flags = wanted.flags;
    let outs = plan::named_files(wanted.out)?;
    let jobs = plan::jobs(wanted, &outs)?;
    let to_stdout = flags.output == Path::new(PIPE);
    if to_stdout && flags.json {
        let rule = "--json and the output cannot both go to stdout; name an output file";
        return Err(Failure::Usage(rule.to_owned()));
    }
    let paths = std::iter::once(&*flags.output).filter(|_| !to_stdout);
    let paths = paths.chain(outs.iter().map(|(_, path)| *path));
    let outputs = Outputs::plan(paths.collect(), flags.force)?;
    let Input { kind, items } = Input::open(wanted.x, tensors)?;
    let format = if to_stdout {
        output::Format::Npy
    } else {
        output::Format::of(&flags.output, &kind)?
    };
    if items.len() > 1 && !outs.is_empty() {
        let rule = "--out takes one tensor; name it with --tensor";
        return Err(Failure::Usage(rule.to_owned()));
    }
    let stream = Stream {
        flags,
        input: wanted.x,
        jobs,
        outs,
        format,
        kind,
        is_gradient: false,
    };
    for item in &items {
        stream.expect_fit(item)?;
    }
    let devices = plan::devices(&flags.device)?;
    if dry_run {
        return tell::forecast(&stream, &items, &devices);
    }

    let mut files = outputs.begin()?.into_iter();
    let main = if to_stdout { None } else { files.next() };
    let mut beside: Vec<_> = files.collect();
    if let Some(main) = &main {
        output::copy_rest(wanted.x, main, &stream.kind, &items)?;
    }
    let mut done = Vec::new();
    for item in items {
        if item.is_float64() {
            let input = wanted.x.display();
            text::note(&format!("{input}: float64 is computed as float32"));
        }
        done.push(stream.run_item(item, &devices, main.as_ref(), &mut beside)?);
    }
    outputs.finish(main.into_iter().chain(beside).collect())?;
    if to_stdout {
        return Ok(());
    }
    tell::done(&stream, &done, &devices)
}

impl Stream<'_> {
    /// The operations with their parameters.
    fn op(&self) -> String {
        let ops: Vec<_> = self.jobs.iter().map(Job::op).collect();
        ops.join(" | ")
    }

    /// The chain for an array, and its shape as the chain sees it.
    fn chain(&self, item: &Item) -> Result<(Chain, Vec<usize>)> {
        self.chain_in(item, self.order(item))
    }

    /// The same for elements that are taken in `order`.
    fn chain_in(&self, item: &Item, order: Order) -> Result<(Chain, Vec<usize>)> {
        let flags = self.flags;
        let mut shape = item.shape.clone();
        let mut axis = flags.axis.unwrap_or(-1);
        let mut steps = Vec::new();
        for job in &self.jobs {
            steps.push(job.step(&shape)?);
            shape = job.output_shape(&shape)?;
        }
        let mut shape = item.shape.clone();
        if order == Order::Fortran {
            // The same in memory with the axes the other way round.
            shape.reverse();
            let rank = shape.len() as i64;
            axis = if axis < 0 { -1 - axis } else { rank - 1 - axis };
        }
        let mut steps = steps.into_iter();
        let first = steps
            .next()
            .ok_or_else(|| Failure::Usage("an activation is needed, such as gelu".to_owned()))?;
        let chain = steps.fold(Chain::new(first), Chain::then);
        Ok((chain.axis(axis).math(flags.math()), shape))
    }

    /// The order in which an array's elements are taken: the file's where that will do.
    fn order(&self, item: &Item) -> Order {
        if self.jobs.iter().all(Job::takes_any_order) {
            item.order
        } else {
            Order::C
        }
    }

    /// How much of the result is to be verified.
    fn share(&self) -> Option<Share> {
        match self.flags.verify {
            Verify::None => None,
            Verify::Sample => Some(Share::Sample(SAMPLE)),
            Verify::Full => Some(Share::All),
        }
    }

    /// What the CPU does with arrays of a shape that is seen in `order`.
    fn on_cpu(&self, shape: &[usize], order: Order) -> on_cpu::Work<'_> {
        let mut shape = shape.to_vec();
        if order == Order::Fortran {
            shape.reverse();
        }
        on_cpu::Work {
            jobs: &self.jobs,
            shape,
            order,
            math: self.flags.math(),
            verify: self.flags.verify,
        }
    }

    /// What streams through these devices, if they are any.
    fn offload(&self, devices: &[Device]) -> Option<Offload<'static>> {
        let mut gpus = devices.iter().filter_map(Device::gpu);
        let first = Offload::new(gpus.next()?);
        let offload = gpus.fold(first, Offload::and);
        Some(match self.flags.memory {
            Some(bytes) => offload.memory(bytes),
            None => offload,
        })
    }

    /// Fails where an array does not go with the chain or the output.
    fn expect_fit(&self, item: &Item) -> Result {
        let (chain, shape) = self.chain(item)?;
        let result = chain.result_shape(&shape)?;
        if self.format == output::Format::Safetensors && result != shape {
            return Err(Error::File {
                path: self.input.to_owned(),
                reason: format!(
                    "tensor `{}` of shape {shape:?} would become {result:?}; only what keeps the shape goes \
                     from .safetensors to .safetensors",
                    item.name
                ),
            }
            .into());
        }
        Ok(())
    }

    fn run_item(
        &self,
        item: Item,
        devices: &[Device],
        main: Option<&Unfinished<'_>>,
        beside: &mut [Unfinished<'_>],
    ) -> Result<Done> {
        let (chain, shape) = self.chain(&item)?;
        let order = self.order(&item);
        let mut result_shape = chain.result_shape(&shape)?;
        if order == Order::Fortran {
            result_shape.reverse();
        }
        let input = self.input;
        let output = (&*self.flags.output, main);
        let progress = self.progress();
        let told = |reached: Progress| {
            note_progress(reached);
            progress.set_length(reached.of);
            progress.set_position(reached.done);
        };
        let offload = self.offload(devices).map(|offload| offload.progress(&told));
        let in_order = match &offload {
            Some(offload) => offload.forecast(&chain, &shape, item.element)?.in_order,
            None => true,
        };
        let begin = |item: &Item| {
            let format = (self.format, &self.kind);
            Elements::begin(output, format, item, (&result_shape, order), in_order)
        };
        let sink = begin(&item)?;
        let type_name = item.type_name();
        let (name, dtype, element) = (item.name.clone(), item.dtype.clone(), item.element);
        let rearranged = order != item.order;
        let elements = if rearranged {
            item.rearranged(input, order)?
        } else {
            item.elements(input, in_order)?
        };
        let (report, summary) = match &offload {
            None => {
                let sources = (elements.source(), None);
                let cpu = self.on_cpu(&shape, order);
                let done = cpu.run(element, sources, sink.sink())?;
                self.fill(beside, done.extras)?;
                (done.report, done.summary)
            }
            Some(offload) => {
                let witness = self
                    .share()
                    .map(|share| Streamed::new(&chain, &shape, element, share))
                    .transpose()?;
                let index = self.outs.iter().position(|(name, _)| *name == "index");
                let index = index.map(|place| &beside[place]);
                let winners = index
                    .map(|file| winners(file, &result_shape, order))
                    .transpose()?;
                let job = offload::Job {
                    chain: &chain,
                    shape: &shape,
                    element,
                    source: elements.source(),
                    sink: sink.sink(),
                    winners: winners.as_ref().map(|sink| sink as _),
                    witness: witness.as_ref().map(|witness| witness as _),
                };
                let summary = offload.run(&job)?;
                let report = witness
                    .map(|witness| witness.finish(&summary.moments))
                    .transpose()?;
                if let (Some((_, batch)), [job]) = (summary.moments.first(), &self.jobs[..]) {
                    self.fill(beside, job.extras(batch))?;
                }
                (report, summary)
            }
        };
        elements.expect_end()?;
        sink.finish()?;
        let rates = match &offload {
            Some(offload) if self.flags.json && summary.chunks > 0 => {
                let rates = match element {
                    ElementType::F32 => offload.probe::<f32>(&chain, &shape)?,
                    ElementType::F16 => offload.probe::<half::f16>(&chain, &shape)?,
                    ElementType::Bf16 => offload.probe::<half::bf16>(&chain, &shape)?,
                };
                Some((rates, element.size()))
            }
            _ => None,
        };
        progress.finish_and_clear();
        Ok(Done {
            name,
            elements: result_shape.iter().product(),
            shape: result_shape,
            dtype,
            type_name,
            report,
            summary,
            rates,
        })
    }

    /// Writes what is wanted beside the output.
    fn fill(&self, beside: &mut [Unfinished<'_>], extras: Vec<(&'static str, Content)>) -> Result {
        for (file, (name, _)) in beside.iter_mut().zip(&self.outs) {
            if let Some((_, content)) = extras.iter().find(|(extra, _)| extra == name) {
                file.fill(content)?;
            }
        }
        Ok(())
    }

    /// A bar on stderr, if that is a terminal.
    fn progress(&self) -> ProgressBar {
        const STYLE: &str = "{bar:32} {percent:>3} % {msg}{per_sec:>12}, {eta} left";
        let style = ProgressStyle::with_template(STYLE);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(0).with_style(style)
    }
}

/// Where the winners of maxout go.
fn winners<'a>(file: &'a Unfinished<'_>, shape: &[usize], order: Order) -> Result<FileSink<'a>> {
    let header = header_of_indices(shape, order);
    let written = header.and_then(|header| {
        use std::io::Write;
        file.file().write_all(&header).map(|()| header.len() as u64)
    });
    Ok(FileSink {
        file: file.file(),
        path: file.path,
        start: written.map_err(|error| offload::file::cannot_write(file.path, &error))?,
        format: Format::words(),
    })
}
