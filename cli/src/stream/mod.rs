//! What `run` and `grad` do: arrays from files and pipes through devices, chunk by chunk, to files and pipes.

mod grad;
mod on_cpu;
mod plan;
mod tell;

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Failure, Result,
    device::{self, Device},
    files::{Content, INDICES, Outputs, Unfinished, note_progress},
    flags::{Flags, Verify},
    operation, text,
};
use wgpu_activations::{
    Chain, Offload,
    accuracy::Report,
    check::{Share, Verifier},
    family::{Extra, Pass},
    io::{self, Elements, Format, Input, NewArray, Number, Order, Output, StoredArray, Target},
    offload::{HostGradient, Prepared, Progress, Purpose, Rates, Request, Summary},
};

/// The name of standard input and output.
const PIPE: &str = "-";

/// Elements that `--verify sample` compares.
const SAMPLE: usize = 1 << 16;

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
pub(super) struct CommandLine<'a> {
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
    /// The file of x, whose arrays are passed along by themselves.
    input: Input,
    chain: Chain,
    /// `--out NAME=FILE`.
    outs: Vec<(&'a str, &'a Path)>,
    /// Of the output.
    format: &'static dyn Format,
    pass: Pass,
}

/// An array as the chain sees it: the axes of a Fortran array are taken the other way round, where that will do.
struct Oriented {
    array: StoredArray,
    order: Order,
    shape: Vec<usize>,
    chain: Chain,
}

pub(super) use grad::run as run_gradient;

/// Streams the array of a file, or those of its tensors that are named; or only tells what that takes.
pub(super) fn run(wanted: &CommandLine<'_>, tensors: &[String], dry_run: bool) -> Result {
    let flags = wanted.flags;
    let outs = plan::named_files(wanted.out)?;
    let names: Vec<_> = outs.iter().map(|(name, _)| *name).collect();
    let chain = operation::chain(wanted.op, flags, Pass::Forward, &names)?;
    let to_stdout = flags.output == Path::new(PIPE);
    if to_stdout && flags.json {
        let rule = "--json and the output cannot both go to stdout; name an output file";
        return Err(Failure::Usage(rule.to_owned()));
    }
    let paths = std::iter::once(&*flags.output).filter(|_| !to_stdout);
    let paths = paths.chain(outs.iter().map(|(_, path)| *path));
    let outputs = Outputs::plan(paths.collect(), flags.force)?;
    let mut input = open(wanted.x, tensors)?;
    let format = if to_stdout {
        io::format_of(&flags.output)
    } else {
        input.output_format(&flags.output)?
    };
    let items = std::mem::take(&mut input.arrays);
    if items.len() > 1 && !outs.is_empty() {
        let rule = "--out takes one tensor; name it with --tensor";
        return Err(Failure::Usage(rule.to_owned()));
    }
    let stream = Stream {
        flags,
        input,
        chain,
        outs,
        format,
        pass: Pass::Forward,
    };
    for item in &items {
        let result = stream.chain.result_shape(&item.shape)?;
        stream.input.expect_fit(item, &result, stream.format)?;
    }
    let devices = plan::devices(&flags.device)?;
    let offload = stream.offload(&devices);
    let items = items.into_iter().map(|item| stream.see(item));
    if dry_run {
        let items: Vec<_> = items.collect();
        return tell::forecast(&stream, offload.as_ref(), &items, &devices);
    }

    let mut files = outputs.begin()?.into_iter();
    let main = if to_stdout { None } else { files.next() };
    let mut beside: Vec<_> = files.collect();
    if let Some(main) = &main {
        stream.input.copy_rest(main.file(), main.path)?;
    }
    let mut done = Vec::new();
    for item in items {
        note_float64(&item.array, wanted.x);
        done.push(stream.run_item(item, None, offload.as_ref(), main.as_ref(), &mut beside)?);
    }
    outputs.finish(main.into_iter().chain(beside).collect())?;
    if to_stdout {
        return Ok(());
    }
    tell::done(&stream, &done, &devices)
}

/// Opens what `path` and `tensors`, names or patterns, name.
fn open(path: &Path, tensors: &[String]) -> Result<Input> {
    Ok(if path == Path::new(PIPE) {
        io::open_pipe(std::io::stdin(), path, tensors)
    } else {
        io::open(path, tensors)
    }?)
}

/// Says so where an array is computed in another type.
fn note_float64(array: &StoredArray, path: &Path) {
    if array.storage.number == Number::F64 {
        let path = path.display();
        text::note(&format!("{path}: float64 is computed as float32"));
    }
}

impl Stream<'_> {
    fn see(&self, array: StoredArray) -> Oriented {
        let any_order = self.chain.steps().iter().all(|step| step.takes_any_order());
        let order = if any_order { array.order } else { Order::C };
        let mut shape = array.shape.clone();
        let mut chain = self.chain.clone();
        if order == Order::Fortran {
            // The same in memory with the axes the other way round.
            shape.reverse();
            chain = chain.with_axes_reversed(shape.len());
        }
        Oriented {
            array,
            order,
            shape,
            chain,
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

    fn purpose(&self) -> Purpose {
        match (self.pass, self.share()) {
            (Pass::Backward, _) => Purpose::Backward,
            (Pass::Forward, Some(_)) => Purpose::ForwardObserved,
            (Pass::Forward, None) => Purpose::Forward,
        }
    }

    /// What streams through these devices; on the CPU there is none.
    fn offload(&self, devices: &[Device]) -> Option<Offload<'static>> {
        let gpus = devices.iter().filter_map(Device::gpu);
        let offload = gpus.fold(None, |offload: Option<Offload<'static>>, gpu| {
            Some(match offload {
                None => Offload::new(gpu),
                Some(offload) => offload.and(gpu),
            })
        })?;
        Some(match self.flags.memory {
            Some(bytes) => offload.memory(bytes),
            None => offload,
        })
    }

    /// Takes one array through the chain, or `upstream` back through it.
    fn run_item(
        &self,
        seen: Oriented,
        upstream: Option<StoredArray>,
        offload: Option<&Offload<'static>>,
        main: Option<&Unfinished<'_>>,
        beside: &mut [Unfinished<'_>],
    ) -> Result<Done> {
        let Oriented {
            array,
            order,
            shape,
            chain,
        } = seen;
        let progress = self.progress();
        let told = |reached: Progress| {
            note_progress(reached);
            progress.set_length(reached.of);
            progress.set_position(reached.done);
        };
        let element = array.element;
        let offload = offload.map(|offload| offload.clone().progress(&told));
        let prepare = |offload| Offload::prepare(offload, &chain, &shape, element, self.purpose());
        let prepared = offload.as_ref().map(prepare).transpose()?;
        let layout = match &prepared {
            Some(prepared) => prepared.layout().clone(),
            None => chain.layout(&shape)?,
        };
        let backward = self.pass == Pass::Backward;
        let mut result_shape = layout.result_shape.clone();
        let mut output_shape = if backward {
            shape.clone()
        } else {
            result_shape.clone()
        };
        if order == Order::Fortran {
            output_shape.reverse();
            result_shape.reverse();
        }
        let forecast = prepared.as_ref().map(Prepared::forecast);
        let in_order = !backward && forecast.is_none_or(|forecast| forecast.in_order);
        let sink = self.begin(main, &array.like(&output_shape, order))?;
        let sink = if in_order { sink } else { sink.in_any_order()? };
        let (name, dtype, type_name) = (array.name.clone(), array.dtype.clone(), array.type_name);
        let elements = in_this_order(array, order, in_order)?;
        let upstream = upstream.map(|upstream| in_this_order(upstream, order, false));
        let upstream = upstream.transpose()?;
        let indices = self
            .outs
            .iter()
            .zip(&*beside)
            .find(|((name, _), _)| *name == "index");
        let indices = indices.map(|(_, file)| begin_indices(file, &result_shape, order));
        let indices = indices.transpose()?;
        let verifier = self.share().filter(|_| prepared.is_some()).map(|share| {
            let verifier = Verifier::new(&chain, layout.clone(), element, share);
            match backward {
                true => verifier.of_gradients(!self.outs.is_empty()),
                false => verifier,
            }
        });
        let request = Request {
            sources: vec![&elements],
            upstream: upstream.as_ref().map(|upstream| upstream as _),
            parameters: backward && !self.outs.is_empty(),
            sink: &sink,
            indices: indices.as_ref().map(|sink| sink as _),
            observer: verifier.as_ref().map(|verifier| verifier as _),
        };
        let (outcome, mut report) = match &prepared {
            Some(prepared) => (prepared.run(&request)?, None),
            None => on_cpu::run((&chain, element), &shape, &request, self.share())?,
        };
        if let Some(verifier) = verifier {
            report = Some(verifier.finish(&outcome.summary.extras, &outcome.parameters)?);
        }
        indices.map(Output::finish).transpose()?;
        self.fill(beside, &outcome.summary.extras, &outcome.parameters)?;
        elements.expect_end()?;
        sink.finish()?;
        let rates = match &prepared {
            Some(prepared) => self.rates(prepared, &outcome.summary)?,
            None => None,
        };
        progress.finish_and_clear();
        Ok(Done {
            name,
            elements: output_shape.iter().product(),
            shape: output_shape,
            dtype,
            type_name,
            report,
            summary: outcome.summary,
            rates,
        })
    }

    /// How long the parts of the way take alone, for a summary as JSON.
    fn rates(&self, prepared: &Prepared<'_>, summary: &Summary) -> Result<Option<(Rates, u64)>> {
        let wanted = self.flags.json && self.pass == Pass::Forward && summary.chunks > 0;
        if !wanted {
            return Ok(None);
        }
        Ok(Some((prepared.probe()?, prepared.element().size())))
    }

    /// Begins the result for an array, in the output's file or on stdout.
    fn begin(&self, main: Option<&Unfinished<'_>>, array: &NewArray<'_>) -> Result<Output> {
        match main {
            Some(main) => main.begin_as(self.format, array),
            None => {
                let stdout = Target::Pipe(Box::new(std::io::stdout()));
                Ok(self.format.begin(stdout, &self.flags.output, array)?)
            }
        }
    }

    /// Writes what is wanted beside the output, but for indices, which stream.
    fn fill(
        &self,
        beside: &mut [Unfinished<'_>],
        extras: &[(usize, Extra)],
        gradients: &[HostGradient],
    ) -> Result {
        let extras = extras
            .iter()
            .map(|(_, extra)| (extra.name, &extra.shape, &extra.values));
        let gradients = gradients
            .iter()
            .map(|gradient| (gradient.name, &gradient.shape, &gradient.values));
        let given: Vec<_> = extras.chain(gradients).collect();
        for (file, (name, _)) in beside.iter_mut().zip(&self.outs) {
            if let Some((_, shape, values)) = given.iter().find(|(given, ..)| given == name) {
                file.fill(&Content::numbers((*shape).clone(), (*values).clone()))?;
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

/// The elements of an array in an order, read once from beginning to end or so that they can be read anywhere.
fn in_this_order(array: StoredArray, order: Order, once: bool) -> Result<Elements> {
    Ok(if array.order == order || array.shape.len() < 2 {
        array.elements(once)?
    } else {
        array.in_memory(order)?
    })
}

/// Where the indices go that an operation chooses.
fn begin_indices(file: &Unfinished<'_>, shape: &[usize], order: Order) -> Result<Output> {
    let output = file.begin(&NewArray {
        name: "",
        shape,
        order,
        storage: INDICES,
        place: None,
    })?;
    Ok(output.in_any_order()?)
}
