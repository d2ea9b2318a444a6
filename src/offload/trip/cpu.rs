//! The way of chunks through the processor: one thread reads them, one has all others compute, one writes. What lies in
//! memory is neither read nor written: it is computed with where it is.

use std::{borrow::Cow, ops::Range, sync::mpsc, thread, time::Instant};

use super::{Chunk, OnHost, Queue, Received, Result, SLOTS, Trip, join, start};
use crate::{cpu::Cpu, io::Sink, tensor::View};

/// Memory for one chunk under way.
#[derive(Default)]
struct Slot<'a> {
    inputs: Vec<Cow<'a, [u8]>>,
    /// In words, so that each begins where elements may.
    outputs: Vec<Vec<u32>>,
    /// Whether the results were made where they belong instead.
    in_place: bool,
}

/// Where a chunk lies in a whole tensor, if in one piece.
fn place(chunk: &Chunk, view: View) -> Option<Range<usize>> {
    let mut runs = chunk.runs(view);
    let first = runs.next()?;
    runs.next().is_none().then_some(first)
}

impl Trip<'_> {
    /// Whether nothing can be gained by reading and writing some chunks while others are computed: there is but one, or all
    /// lies in memory.
    pub(super) fn in_memory(&self, chunks: &[Chunk]) -> bool {
        let [chunk, others @ ..] = chunks else {
            return true;
        };
        let lends = |index| {
            let load = self.load(chunk, index);
            let place = place(&load.chunk, load.view);
            place.is_some_and(|place| load.source.lend(place).is_some())
        };
        let fills = |&(sink, view): &(&dyn Sink, View)| {
            let place = place(&chunk.of_result(self.view, view), view);
            place.is_some_and(|place| sink.fill(place, &mut |_| {}))
        };
        let copies_none = || (0..self.sources.len()).all(lends) && self.sinks.iter().all(fills);
        others.is_empty() || !self.keep && copies_none()
    }

    /// Takes chunks until none is left, or one fails, each when the one before is done.
    pub(super) fn serve_in_turn(&self, cpu: &Cpu, queue: &Queue) {
        let _worker = queue.worker();
        let mut slot = Slot::default();
        while let Some(chunk) = queue.take(self.most, self.cut) {
            let done = self.read(&chunk, &mut slot);
            let done = done.and_then(|()| self.work_on(cpu, &chunk, &mut slot));
            let done = done.and_then(|made| self.take(&chunk, &slot, made));
            if let Err(error) = done {
                return queue.stop(error);
            }
            self.meter.passed(&chunk, "cpu");
            queue.done();
        }
    }

    /// Takes chunks until none is left, or one fails, which ends the trip.
    pub(super) fn serve_on_cpu(&self, cpu: &Cpu, queue: &Queue) {
        let (filled_sender, filled) = mpsc::channel::<(Chunk, Slot<'_>)>();
        let (computed_sender, computed) = mpsc::channel::<(Chunk, Slot<'_>, OnHost)>();
        let (free_sender, free) = mpsc::channel::<Slot<'_>>();
        let all = thread::scope(|scope| {
            let unload = move || {
                let _worker = queue.worker();
                for (chunk, slot, made) in computed {
                    match self.take(&chunk, &slot, made) {
                        Ok(()) => {
                            self.meter.passed(&chunk, "cpu");
                            queue.done();
                            // Nobody waits for it when all chunks are taken.
                            drop(free_sender.send(slot));
                        }
                        Err(error) => return queue.stop(error),
                    }
                }
            };
            let work = move || {
                let _worker = queue.worker();
                for (chunk, mut slot) in filled {
                    match self.work_on(cpu, &chunk, &mut slot) {
                        Ok(made) => {
                            if computed_sender.send((chunk, slot, made)).is_err() {
                                return;
                            }
                        }
                        Err(error) => return queue.stop(error),
                    }
                }
            };
            let threads = [start(scope, unload)?, start(scope, work)?];
            self.read_all(queue, &free, filled_sender);
            threads.into_iter().for_each(join);
            Ok(())
        });
        if let Err(error) = all {
            queue.stop(error);
        }
    }

    /// Reads chunks until none is left, or until the threads behind have met a failure.
    fn read_all<'a>(
        &'a self,
        queue: &Queue,
        free: &mpsc::Receiver<Slot<'a>>,
        filled: mpsc::Sender<(Chunk, Slot<'a>)>,
    ) {
        let _worker = queue.worker();
        let mut slots = 0;
        while let Some(chunk) = queue.take(self.most, self.cut) {
            let slot = match free.try_recv() {
                Ok(slot) => Some(slot),
                Err(_) if slots < SLOTS => {
                    slots += 1;
                    Some(Slot::default())
                }
                Err(_) => free.recv().ok(),
            };
            let Some(mut slot) = slot else {
                return queue.put_back(chunk);
            };
            if let Err(error) = self.read(&chunk, &mut slot) {
                return queue.stop(error);
            }
            if let Err(unsent) = filled.send((chunk, slot)) {
                return queue.put_back(unsent.0.0);
            }
        }
    }

    fn read<'a>(&'a self, chunk: &Chunk, slot: &mut Slot<'a>) -> Result<()> {
        let start = Instant::now();
        slot.inputs.resize_with(self.sources.len(), Cow::default);
        let mut bytes = 0;
        for (index, input) in slot.inputs.iter_mut().enumerate() {
            let load = self.load(chunk, index);
            let place = place(&load.chunk, load.view);
            if let Some(lent) = place.and_then(|place| load.source.lend(place)) {
                *input = Cow::Borrowed(lent);
            } else {
                let mut read = match std::mem::take(input) {
                    Cow::Owned(room) => room,
                    Cow::Borrowed(_) => Vec::new(),
                };
                read.clear();
                for run in load.chunk.runs(load.view) {
                    load.source
                        .read(run, &mut |piece| read.extend_from_slice(piece))?;
                }
                *input = Cow::Owned(read);
            }
            bytes += input.len() as u64;
        }
        self.meter.note(|summary| {
            summary.uploaded += bytes;
            summary.upload += start.elapsed();
        });
        Ok(())
    }

    fn work_on(&self, cpu: &Cpu, chunk: &Chunk, slot: &mut Slot<'_>) -> Result<OnHost> {
        let start = Instant::now();
        let made = cpu.run(|| self.compute(chunk, slot))?;
        self.meter.note(|summary| summary.device += start.elapsed());
        Ok(made)
    }

    fn compute(&self, chunk: &Chunk, slot: &mut Slot<'_>) -> Result<OnHost> {
        let inputs: Vec<&[u8]> = slot.inputs.iter().map(|input| &**input).collect();
        let made = match self.keep {
            true => None,
            false => self.compute_in_place(chunk, &inputs),
        };
        slot.in_place = made.is_some();
        if let Some(made) = made {
            return made;
        }
        let mut outputs = Vec::new();
        slot.outputs.resize_with(self.sinks.len(), Vec::new);
        for (output, (_, view)) in slot.outputs.iter_mut().zip(&self.sinks) {
            let bytes = self.bytes_of_result(chunk, *view);
            output.resize(bytes.div_ceil(size_of::<u32>()), 0);
            outputs.push(&mut bytemuck::cast_slice_mut(output)[..bytes]);
        }
        self.work.compute(chunk, &inputs, &mut outputs)
    }

    /// Into the sinks, if they are memory.
    fn compute_in_place(&self, chunk: &Chunk, inputs: &[&[u8]]) -> Option<Result<OnHost>> {
        let places = self.sinks.iter().map(|&(sink, view)| {
            let place = place(&chunk.of_result(self.view, view), view)?;
            Some((sink, place))
        });
        let places: Vec<_> = places.collect::<Option<_>>()?;
        let mut made = None;
        match &places[..] {
            [(y, place)] => {
                y.fill(place.clone(), &mut |y| {
                    made = Some(self.work.compute(chunk, inputs, &mut [y]));
                });
            }
            [(a, of_a), (b, of_b)] => {
                a.fill(of_a.clone(), &mut |a| {
                    b.fill(of_b.clone(), &mut |b| {
                        made = Some(self.work.compute(chunk, inputs, &mut [&mut *a, b]));
                    });
                });
            }
            _ => {}
        }
        made
    }

    fn bytes_of_result(&self, chunk: &Chunk, view: View) -> usize {
        chunk.of_result(self.view, view).len() * self.element.size() as usize
    }

    fn take(&self, chunk: &Chunk, slot: &Slot<'_>, made: OnHost) -> Result<()> {
        let start = Instant::now();
        let made_here = if slot.in_place {
            &[]
        } else {
            &slot.outputs[..]
        };
        let outputs = made_here.iter().zip(&self.sinks);
        let outputs = outputs.map(|(output, (_, view))| {
            &bytemuck::cast_slice(output)[..self.bytes_of_result(chunk, *view)]
        });
        let outputs: Vec<&[u8]> = outputs.collect();
        for (&(sink, view), output) in self.sinks.iter().zip(&outputs) {
            let of_result = chunk.of_result(self.view, view);
            of_result.write(view, sink, output, self.element.size() as usize)?;
        }
        let received = Received {
            inputs: &slot.inputs.iter().map(|input| &**input).collect::<Vec<_>>(),
            outputs: &outputs,
            beside: made.beside,
            indices: made.indices,
        };
        self.work.absorb(chunk, received)?;
        let made = self.sinks.iter();
        let made = made.map(|(_, view)| self.bytes_of_result(chunk, *view) as u64);
        self.meter.note(|summary| {
            summary.downloaded += made.sum::<u64>();
            summary.download += start.elapsed();
        });
        Ok(())
    }
}
