//! What `run` and `grad` do: arrays from files and pipes through devices, chunk by chunk, to files and pipes.

pub(super) mod plan;
pub(super) mod tell;

use std::path::Path;

use super::{
    Failure, Result, device,
    files::{PIPE, Unfinished, note_progress},
    flags::{Flags, Verify},
    text,
};
use wgpu_activations::{
    Chain, Device, Error, Offload,
    accuracy::Report,
    check::{Share, Verifier},
    family::{Extra, Pass},
    io::{
        self, Elements, Format, Input, Number, Order, Output, Sink, Source, StoredArray, Target,
        safetensors,
    },
    offload::{HostGradient, Progress, Purpose, Rates, Request, Summary},
};

/// The `--out` that streams beside the result.
const INDEX: &str = "index";

/// Elements that `--verify sample` compares.
const SAMPLE: usize = 1 << 16;

/// How far it is.
const PROGRESS: &str = "{bar:32} {percent:>3} % {msg}{per_sec:>12}, {eta} left";

/// What was done to one array.
pub(super) struct Done {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    /// The same in words.
    type_name: &'static str,
    report: Option<Report>,
    summary: Summary,
    /// How long the parts of the way take alone, where that was asked for, and bytes of an element.
    rates: Option<(Rates, u64)>,
}

/// A command in the making.
pub(super) struct Stream<'a> {
    pub(super) flags: &'a Flags,
    pub(super) chain: Chain,
    /// `--out NAME=FILE`.
    pub(super) outs: Vec<(&'a str, &'a Path)>,
    /// Of the output.
    pub(super) format: &'static dyn Format,
    pub(super) pass: Pass,
}

/// An array as the chain sees it: the axes of a Fortran array are taken the other way round, where that will do.
pub(super) struct Oriented {
    pub(super) array: StoredArray,
    order: Order,
    shape: Vec<usize>,
    chain: Chain,
}

/// What goes with an array: the other inputs, and the gradients of the result.
#[derive(Default)]
pub(super) struct Given {
    pub(super) others: Vec<StoredArray>,
    pub(super) upstream: Option<StoredArray>,
}

/// Where the gradient of an input goes that nobody asked for.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&self, _: usize, _: &[u8]) -> wgpu_activations::Result<()> {
        Ok(())
    }
}

/// Opens what `path` and `tensors`, names or patterns, name.
pub(super) fn open(path: &Path, tensors: &[String]) -> Result<Input> {
    Ok(if path == Path::new(PIPE) {
        io::open_pipe(std::io::stdin(), path, tensors)
    } else {
        io::open(path, tensors)
    }?)
}

/// Opens what `tensors` name in the shards of a model, if `path` is its index.
pub(super) fn open_model(path: &Path, tensors: &[String]) -> Result<Option<Vec<Input>>> {
    Ok(safetensors::open_shards(path, tensors)?)
}

/// Says so where arrays are computed in another type than their own, and which are not computed on.
pub(super) fn note_types(input: &Input) {
    const SHOWN: usize = 8;
    let path = input.path.display();
    if input
        .arrays
        .iter()
        .any(|array| array.storage.number == Number::F64)
    {
        text::note(&format!("{path}: float64 is computed as float32"));
    }
    for (name, reason) in input.passed_over.iter().take(SHOWN) {
        text::note(&format!("{path}: `{name}` is not computed on: {reason}"));
    }
    if let Some(more @ 1..) = input.passed_over.len().checked_sub(SHOWN) {
        text::note(&format!("{path}: {more} more are not computed on"));
    }
}

impl Stream<'_> {
    pub(super) fn see(&self, array: StoredArray) -> Oriented {
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

    /// What streams through these devices.
    pub(super) fn offload(&self, devices: &[Device]) -> Offload<'static> {
        let offload = devices[1..]
            .iter()
            .fold(Offload::new(&devices[0]), Offload::and);
        match self.wants_beside() {
            false => offload.result_only(),
            true => offload,
        }
    }

    /// Whether more is wanted than results and gradients of inputs, which stream.
    fn wants_beside(&self) -> bool {
        let inputs = self.chain.input_names();
        self.outs.iter().any(|(name, _)| !inputs.contains(name))
    }

    /// The bytes of arrays that are held whole, since their elements lie in another order than they are worked on,
    /// and what streams within the memory that is left.
    fn within<'a>(
        &self,
        offload: &Offload<'a>,
        seen: &Oriented,
        given: &Given,
    ) -> Result<(u64, Offload<'a>)> {
        let arrays = std::iter::once(&seen.array).chain(&given.others);
        let arrays = arrays.chain(&given.upstream);
        let held: u64 = arrays.map(|array| held_whole(array, seen.order)).sum();
        let Some(limit) = self.flags.memory else {
            return Ok((held, offload.clone()));
        };
        if held > limit {
            let why = "whose elements do not lie in the order they are worked on in";
            let error = Error::MemoryLimit {
                what: format!("`{}` of a whole tensor, {why},", seen.chain.summary()),
                bytes: held,
                limit,
                advice: "allow more memory, or split the tensor",
            };
            return Err(error.into());
        }
        Ok((held, offload.clone().memory(limit - held)))
    }

    /// Takes one array through the chain with what is given beside it; `from` are the files that they are of.
    pub(super) fn run_item(
        &self,
        from: &[&Input],
        seen: Oriented,
        given: Given,
        offload: &Offload<'static>,
        main: Option<&Unfinished<'_>>,
        beside: &[Unfinished<'_>],
    ) -> Result<Done> {
        let (_, offload) = self.within(offload, &seen, &given)?;
        let Given { others, upstream } = given;
        let Oriented {
            array,
            order,
            shape,
            chain,
        } = seen;
        let progress = text::styled(0, PROGRESS);
        let told = |reached: Progress| {
            note_progress(reached);
            progress.set_length(reached.of);
            progress.set_position(reached.done);
        };
        let element = array.element;
        let offload = offload.progress(&told);
        let prepared = offload.prepare(&chain, &shape, element, self.purpose())?;
        let layout = prepared.layout().clone();
        let backward = self.pass == Pass::Backward;
        let mut result_shape = layout.result_shape.clone();
        let mut output_shape = if backward { &shape } else { &result_shape }.clone();
        if order == Order::Fortran {
            output_shape.reverse();
            result_shape.reverse();
        }
        let in_order = !backward && prepared.forecast().in_order;
        let new = array.like(&output_shape, order);
        let sink = match main {
            Some(main) => main.begin(self.format, &new)?,
            None => {
                let stdout = Target::Pipe(Box::new(std::io::stdout()));
                self.format.begin(stdout, &self.flags.output, &new)?
            }
        };
        let sink = if in_order { sink } else { sink.in_any_order()? };
        let (name, dtype, type_name) = (array.name.clone(), array.dtype.clone(), array.type_name);
        let mut of_inputs = Vec::new();
        for name in chain.input_names().iter().skip(1).filter(|_| backward) {
            let mut outs = self.outs.iter().zip(beside);
            let begin = |(_, file): (_, &Unfinished<'_>)| {
                let output = file.begin_only(&output_shape, order, array.storage.number)?;
                Ok::<_, Failure>(output.in_any_order()?)
            };
            let found = outs.find(|((out, _), _)| out == name);
            of_inputs.push(found.map(begin).transpose()?);
        }
        let elements = in_this_order(array, order, in_order)?;
        let others = others.into_iter();
        let others = others.map(|other| in_this_order(other, order, in_order));
        let others = others.collect::<Result<Vec<_>>>()?;
        let upstream = upstream.map(|upstream| in_this_order(upstream, order, false));
        let upstream = upstream.transpose()?;
        let mut outs = self.outs.iter().zip(beside);
        let indices = outs.find(|((name, _), _)| *name == INDEX);
        let begin = |(_, file): (_, &Unfinished<'_>)| {
            let output = file.begin_only(&result_shape, order, Number::U32)?;
            Ok::<_, Failure>(output.in_any_order()?)
        };
        let indices = indices.map(begin).transpose()?;
        let verifier = self.share().map(|share| {
            let verifier = Verifier::new(&chain, layout.clone(), element, share);
            match backward {
                true => verifier.of_gradients(self.wants_beside()),
                false => verifier,
            }
        });
        let request = Request {
            sources: std::iter::once(&elements)
                .chain(&others)
                .map(|elements| elements as _)
                .collect(),
            upstream: upstream.as_ref().map(|upstream| upstream as _),
            sinks: std::iter::once(&sink as &dyn Sink)
                .chain(of_inputs.iter().map(|sink| match sink {
                    Some(sink) => sink as &dyn Sink,
                    None => &Nowhere,
                }))
                .collect(),
            indices: indices.as_ref().map(|sink| sink as _),
            observer: verifier.as_ref().map(|verifier| verifier as _),
        };
        let ran = prepared.run(&request).map_err(Failure::from);
        let ran = ran.and_then(|outcome| {
            let Summary { extras, .. } = &outcome.summary;
            let finish = |verifier: Verifier<'_>| verifier.finish(extras, &outcome.parameters);
            let report = verifier.map(finish).transpose()?;
            Ok((outcome, report))
        });
        // A file that changed meanwhile explains whatever went wrong.
        from.iter().try_for_each(|input| input.expect_unchanged())?;
        let (outcome, report) = ran?;
        indices.map(Output::finish).transpose()?;
        self.fill(beside, &outcome.summary.extras, &outcome.parameters)?;
        for elements in std::iter::once(&elements).chain(&others) {
            elements.expect_end()?;
        }
        sink.finish()?;
        of_inputs
            .into_iter()
            .flatten()
            .try_for_each(Output::finish)?;
        // How long the parts of the way take alone, for a summary as JSON.
        let probed = self.flags.json && !backward && outcome.summary.chunks > 0;
        let probe = || Ok((prepared.probe()?, prepared.element().size()));
        let rates: Result<_> = probed.then(probe).transpose();
        progress.finish_and_clear();
        Ok(Done {
            name,
            shape: output_shape,
            dtype,
            type_name,
            report,
            summary: outcome.summary,
            rates: rates?,
        })
    }

    /// Writes what is wanted beside the output, but for indices and gradients of inputs, which stream.
    fn fill(
        &self,
        beside: &[Unfinished<'_>],
        extras: &[(usize, Extra)],
        gradients: &[HostGradient],
    ) -> Result {
        let extras = extras.iter().map(|(_, it)| it);
        let extras = extras.map(|it| (it.name, &it.shape, &it.values));
        let gradients = gradients.iter().map(|it| (it.name, &it.shape, &it.values));
        let given: Vec<_> = extras.chain(gradients).collect();
        for (file, (name, _)) in beside.iter().zip(&self.outs) {
            if *name == INDEX || self.chain.input_names().contains(name) {
                continue;
            }
            let found = given.iter().find(|(given, ..)| given == name);
            let (_, shape, values) = found.ok_or_else(|| {
                let op = &self.chain;
                Error::Internal(format!("`{op}` gave no {name}; nothing was written"))
            })?;
            let output = file.begin_only(shape, Order::C, Number::F32)?;
            output.write(0, bytemuck::cast_slice(values))?;
            output.finish()?;
        }
        Ok(())
    }
}

/// Bytes of an array that is held in memory whole to be brought into an order: as it was and as it will be.
fn held_whole(array: &StoredArray, order: Order) -> u64 {
    match is_in_order(array, order) {
        true => 0,
        false => (array.len() as u64).saturating_mul(2 * array.element.size()),
    }
}

fn is_in_order(array: &StoredArray, order: Order) -> bool {
    array.order == order || array.shape.len() < 2
}

/// The elements of an array in an order, read once from beginning to end or so that they can be read anywhere.
fn in_this_order(array: StoredArray, order: Order, once: bool) -> Result<Elements> {
    Ok(if is_in_order(&array, order) {
        array.elements(once)?
    } else {
        array.in_memory(order)?
    })
}
