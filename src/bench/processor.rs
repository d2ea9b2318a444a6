//! The processor as it is measured: operations over rings of arrays, beside what only moves memory with the same threads
//! and stores.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::{
    case::Case,
    data::{SAMPLE, SEEDS, UPSTREAM, numbers, sets},
    record::Kind,
    work::{Kernel, STREAMS, moved_bytes, same_words},
};
use crate::{
    accuracy::Report,
    chain::Chain,
    check::{DeviceResult, Share, verify},
    cpu::{
        Cpu, Slice, SliceMut,
        blocks::{BLOCK, TASK},
    },
    element::{Element, ElementType, count},
    error::Result,
    family::{Benchmark, Pass, Saved},
    offload::HostGradient,
    with_element,
};

/// Arrays that take turns, as words: elements of any type lie in them.
type Ring = Vec<Vec<u32>>;

/// A case on the processor, with its arrays.
pub(super) struct Processor {
    cpu: Cpu,
    case: Case,
    pass: Pass,
    /// None for a baseline.
    benchmark: Option<Benchmark>,
    /// What it is measured beside, or what it is itself.
    baseline: Vec<Kernel>,
    inputs: Vec<Ring>,
    upstreams: Ring,
    outputs: Vec<Ring>,
    /// Elements of an output, and of upstream gradients.
    results: [usize; 2],
    /// What the forward pass saves for the first input, for the backward pass; the inputs are all alike.
    saved: Saved,
    turn: usize,
}

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timed {
    Case,
    Baseline,
}

impl Kernel {
    /// Words of y that it writes, for so many of x.
    const fn writes(self, words: usize) -> usize {
        match self {
            Self::Read | Self::TwoRead => 0,
            Self::Copy | Self::Add => words,
            Self::Streams => words / STREAMS,
        }
    }

    /// From x, and a second array, into y. What is only read goes into one word.
    fn run(self, x: &[u32], second: &[u32], y: &mut [u32]) -> u32 {
        let y = &mut y[..self.writes(x.len())];
        match self {
            Self::Read => x
                .par_chunks(TASK)
                .map(|x| all_of([x]))
                .reduce(|| 0, |a, b| a ^ b),
            Self::TwoRead => {
                let both = x.par_chunks(TASK).zip(second.par_chunks(TASK));
                both.map(|(x, second)| all_of([x, second]))
                    .reduce(|| 0, |a, b| a ^ b)
            }
            Self::Copy => {
                let tasks = y.par_chunks_mut(TASK).zip(x.par_chunks(TASK));
                tasks.for_each(|(y, x)| {
                    let blocks = y.chunks_mut(BLOCK).zip(x.chunks(BLOCK));
                    blocks.for_each(|(y, x)| y.copy_from_slice(x));
                });
                0
            }
            Self::Add => {
                let tasks = y.par_chunks_mut(TASK).zip(x.par_chunks(TASK));
                let tasks = tasks.zip(second.par_chunks(TASK));
                tasks.for_each(|((y, x), second)| join([x, second], y));
                0
            }
            Self::Streams => {
                let part = y.len();
                let tasks = y.par_chunks_mut(TASK).enumerate();
                tasks.for_each(|(task, y)| {
                    let stream = |index: usize| &x[index * part + task * TASK..][..y.len()];
                    join([stream(0), stream(1), stream(2), stream(3)], y);
                });
                0
            }
        }
    }

    /// What it leaves of x and a second array: y, or the one word.
    fn expected(self, x: &[u32], second: &[u32]) -> Vec<u32> {
        let both = || x.iter().zip(second).map(|(x, second)| x | second);
        match self {
            Self::Copy => x.to_vec(),
            Self::Add => both().collect(),
            Self::Read => vec![x.iter().fold(0, |all, x| all ^ x)],
            Self::TwoRead => vec![x.iter().chain(second).fold(0, |all, x| all ^ x)],
            Self::Streams => {
                let part = self.writes(x.len());
                let at =
                    |place: usize| (0..STREAMS).fold(0, |all, index| all | x[index * part + place]);
                (0..part).map(at).collect()
            }
        }
    }
}

/// The XOR of all words of arrays, in which none can be left out.
fn all_of<const N: usize>(x: [&[u32]; N]) -> u32 {
    struct All<'a, const N: usize>([&'a [u32]; N]);
    impl<const N: usize> NullaryFnOnce for All<'_, N> {
        type Output = u32;
        #[inline(always)]
        fn call(self) -> u32 {
            let mut all = 0;
            for x in self.0 {
                for word in x {
                    all ^= word;
                }
            }
            all
        }
    }
    Arch::new().dispatch(All(x))
}

/// Word by word the OR of arrays as long as y.
fn join<const N: usize>(x: [&[u32]; N], y: &mut [u32]) {
    struct Join<'a, const N: usize>([&'a [u32]; N], &'a mut [u32]);
    impl<const N: usize> NullaryFnOnce for Join<'_, N> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let Self(x, y) = self;
            let x = x.map(|x| &x[..y.len()]);
            for (i, y) in y.iter_mut().enumerate() {
                let mut all = 0;
                for x in &x {
                    all |= x[i];
                }
                *y = all;
            }
        }
    }
    Arch::new().dispatch(Join(x, y));
}

/// Words as elements, the first `length` of them.
fn elements(element: ElementType, words: &[u32], length: usize) -> Slice<'_> {
    with_element!(element, T => Slice::of(&bytemuck::cast_slice::<u32, T>(words)[..length]))
}

fn elements_mut(element: ElementType, words: &mut [u32], length: usize) -> SliceMut<'_> {
    with_element!(element, T => SliceMut::of(&mut bytemuck::cast_slice_mut::<u32, T>(words)[..length]))
}

impl Processor {
    /// With arrays that hold `working_set` bytes together with as many outputs.
    pub(super) fn new(case: &Case, cpu: &Cpu, working_set: u64) -> Result<Self> {
        let pass = case.pass.unwrap_or(Pass::Forward);
        let backward = pass == Pass::Backward;
        let benchmark = match case.kind {
            Kind::Baseline => None,
            _ => Some(case.benchmark()?),
        };
        let name = benchmark
            .as_ref()
            .map_or(&*case.op, |it| it.traffic(pass).baseline);
        let baseline = Kernel::all(name);
        let (length, element) = (case.len(), case.element);
        let (sets, words) = (sets(case.bytes, working_set), (case.bytes / 4) as usize);
        let filled = |seed: u64| -> Ring {
            let words = with_element!(element, T => bytemuck::pod_collect_to_vec(&numbers::<T>(length, seed)));
            vec![words; sets]
        };
        let count_of = |shape: &[usize]| count(shape).unwrap_or(usize::MAX);
        let (inputs, result) = match &benchmark {
            None => (1, length),
            Some(it) => (
                it.operation.inputs(),
                count_of(&it.operation.output_shape(&case.shape())?),
            ),
        };
        let two = baseline.iter().any(|it| it.reads_two());
        let outputs = if backward { inputs } else { 1 };
        let mut processor = Self {
            cpu: cpu.clone(),
            pass,
            inputs: SEEDS[..inputs].iter().map(|&seed| filled(seed)).collect(),
            upstreams: if backward || two {
                filled(UPSTREAM)
            } else {
                Ring::new()
            },
            outputs: vec![vec![vec![0; words]; sets]; outputs],
            results: if backward {
                [length, result]
            } else {
                [result, 0]
            },
            saved: Saved::NOTHING,
            turn: 0,
            benchmark,
            baseline,
            case: case.clone(),
        };
        if let Some(benchmark) = &processor.benchmark
            && backward
            && benchmark.operation.saves()
        {
            let (x, shape) = (processor.x(0), case.shape());
            let mut y = vec![0_u32; words];
            let y = elements_mut(element, &mut y, result);
            processor.saved = cpu.run(|| benchmark.operation.compute_forward(&shape, &x, y))?;
        }
        Ok(processor)
    }

    /// The inputs whose turn it is.
    fn x(&self, turn: usize) -> Vec<Slice<'_>> {
        let inputs = self.inputs.iter().map(|ring| &ring[turn % ring.len()]);
        let (element, length) = (self.case.element, self.case.len());
        inputs
            .map(|words| elements(element, words, length))
            .collect()
    }

    /// Computes once, on the arrays whose turn it is; gives the gradients of parameters and what was saved.
    fn compute(&mut self, turn: usize) -> Result<(Saved, Vec<Vec<f32>>)> {
        let mut outputs = std::mem::take(&mut self.outputs);
        let computed = self.compute_into(turn, &mut outputs);
        self.outputs = outputs;
        computed
    }

    fn compute_into(&self, turn: usize, outputs: &mut [Ring]) -> Result<(Saved, Vec<Vec<f32>>)> {
        let element = self.case.element;
        let [result, upstream] = self.results;
        let Some(benchmark) = &self.benchmark else {
            self.move_into(turn, &mut outputs[0]);
            return Ok((Saved::NOTHING, Vec::new()));
        };
        let (shape, x) = (self.case.shape(), self.x(turn));
        let into = outputs.iter_mut().map(|ring| {
            let place = turn % ring.len();
            elements_mut(element, &mut ring[place], result)
        });
        let mut into: Vec<_> = into.collect();
        let operation = &benchmark.operation;
        self.cpu.run(|| match (self.pass, into.pop()) {
            (Pass::Forward, Some(y)) => Ok((operation.compute_forward(&shape, &x, y)?, Vec::new())),
            (_, last) => {
                into.extend(last);
                let upstreams = &self.upstreams[turn % self.upstreams.len()];
                let upstream = elements(element, upstreams, upstream);
                let (saved, parameters) = (&self.saved, benchmark.parameters);
                let gradients =
                    operation.compute_backward(&shape, &x, saved, upstream, into, parameters)?;
                Ok((Saved::NOTHING, gradients))
            }
        })
    }

    /// Moves what the baseline moves; what it leaves that is not y.
    fn move_into(&self, turn: usize, outputs: &mut Ring) -> u32 {
        let place = turn % outputs.len();
        let x = &self.inputs[0][place];
        let second = self.upstreams.get(place).map_or(&[][..], |words| words);
        let moved = self.cpu.run(|| {
            let moves = self.baseline.iter();
            Ok(moves.fold(0, |_, it| it.run(x, second, &mut outputs[place])))
        });
        moved.unwrap_or_default()
    }

    /// Nanoseconds of one execution, of `repeats`.
    pub(super) fn sample(&mut self, timed: Timed, repeats: u32) -> Result<f64> {
        let start = Instant::now();
        for _ in 0..repeats {
            self.turn = self.turn.wrapping_add(1);
            match timed {
                Timed::Case => drop(black_box(self.compute(self.turn)?)),
                Timed::Baseline => {
                    let mut outputs = std::mem::take(&mut self.outputs);
                    black_box(self.move_into(self.turn, &mut outputs[0]));
                    self.outputs = outputs;
                }
            }
        }
        Ok(start.elapsed().as_nanos() as f64 / f64::from(repeats))
    }

    /// Executions that last `min_time` together.
    pub(super) fn repeats(&mut self, timed: Timed, min_time: Duration) -> Result<u32> {
        // The first time memory is new.
        let once = self.sample(timed, 1)?.min(self.sample(timed, 1)?);
        let wanted = (min_time.as_nanos() as f64 / once.max(1.0)).ceil();
        Ok(wanted.clamp(1.0, f64::from(1 << 20)) as u32)
    }

    /// Name and bytes of what it is measured beside; none where it is that itself.
    pub(super) fn baseline(&self) -> Option<(String, u64)> {
        let traffic = self.benchmark.as_ref()?.traffic(self.pass);
        let bytes = moved_bytes(&self.baseline, self.case.bytes);
        Some((traffic.baseline.to_owned(), bytes))
    }

    /// Bytes of the arrays that take turns.
    pub(super) fn working_set(&self) -> u64 {
        let outputs = self.outputs.iter().chain(&self.inputs);
        let rings = outputs.chain([&self.upstreams]);
        rings.map(|ring| ring.len() as u64 * self.case.bytes).sum()
    }

    /// Runs it once and compares what it gave with the reference.
    pub(super) fn verify(&mut self) -> Result<Report> {
        if self.benchmark.is_none() {
            return Ok(self.verify_moves());
        }
        with_element!(self.case.element, T => self.verify_as::<T>())
    }

    /// Every word, by bits.
    fn verify_moves(&mut self) -> Report {
        let mut y = std::mem::take(&mut self.outputs[0]);
        let word = self.move_into(0, &mut y);
        let second = self.upstreams.first().map_or(&[][..], |words| words);
        let x = &self.inputs[0][0];
        let report = match self.baseline.last() {
            Some(last) => {
                let written = last.writes(x.len());
                let found = if written == 0 {
                    &[word][..]
                } else {
                    &y[0][..written]
                };
                same_words(found, &last.expected(x, second))
            }
            None => Report::default(),
        };
        self.outputs[0] = y;
        report
    }

    fn verify_as<T: Element>(&mut self) -> Result<Report> {
        let (saved, gradients) = self.compute(0)?;
        let Some(benchmark) = &self.benchmark else {
            return Ok(Report::default());
        };
        let chain = Chain::new(benchmark.operation.boxed());
        let shape = self.case.shape();
        let taken =
            |words: &[u32], length: usize| bytemuck::cast_slice::<u32, T>(words)[..length].to_vec();
        let [result, upstream] = self.results;
        let inputs = self
            .inputs
            .iter()
            .map(|ring| taken(&ring[0], self.case.len()));
        let mut inputs: Vec<Vec<T>> = inputs.collect();
        let (saved, gradients) = match self.pass {
            Pass::Forward => (&saved, None),
            Pass::Backward => {
                inputs.push(taken(&self.upstreams[0], upstream));
                let layout = chain.layout(&shape)?;
                let gradients = || HostGradient::all(&layout, vec![gradients]);
                (&self.saved, benchmark.parameters.then(gradients))
            }
        };
        let found = DeviceResult {
            outputs: self
                .outputs
                .iter()
                .map(|ring| taken(&ring[0], result))
                .collect(),
            indices: saved.indices()?,
            gradients,
        };
        verify(
            &chain,
            &shape,
            self.pass,
            &inputs,
            found,
            Share::Sample(SAMPLE),
        )
    }
}
