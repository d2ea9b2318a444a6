//! The way of chunks through the processor: one thread reads them, one has all others compute, one writes.

use std::{sync::mpsc, thread, time::Instant};

use super::{Chunk, OnHost, Queue, Received, Result, SLOTS, Trip, join, start};
use crate::cpu::Cpu;

/// Memory for one chunk under way.
#[derive(Default)]
struct Slot {
    inputs: Vec<Vec<u8>>,
    /// In words, so that each begins where elements may.
    outputs: Vec<Vec<u32>>,
}

impl Trip<'_> {
    /// Takes chunks until none is left, or one fails, which ends the trip.
    pub(super) fn serve_on_cpu(&self, cpu: &Cpu, queue: &Queue) {
        let (filled_sender, filled) = mpsc::channel::<(Chunk, Slot)>();
        let (computed_sender, computed) = mpsc::channel::<(Chunk, Slot, OnHost)>();
        let (free_sender, free) = mpsc::channel::<Slot>();
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
                    let start = Instant::now();
                    let work = || self.work.compute(&chunk, &slot.inputs, &mut slot.outputs);
                    match cpu.run(work) {
                        Ok(made) => {
                            self.meter.note(|summary| summary.device += start.elapsed());
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
    fn read_all(
        &self,
        queue: &Queue,
        free: &mpsc::Receiver<Slot>,
        filled: mpsc::Sender<(Chunk, Slot)>,
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

    fn read(&self, chunk: &Chunk, slot: &mut Slot) -> Result<()> {
        let start = Instant::now();
        slot.inputs.resize_with(self.sources.len(), Vec::new);
        let mut bytes = 0;
        for (index, input) in slot.inputs.iter_mut().enumerate() {
            let load = self.load(chunk, index);
            input.clear();
            for run in load.chunk.runs(load.view) {
                load.source
                    .read(run, &mut |piece| input.extend_from_slice(piece))?;
            }
            bytes += input.len() as u64;
        }
        self.meter.note(|summary| {
            summary.uploaded += bytes;
            summary.upload += start.elapsed();
        });
        Ok(())
    }

    fn take(&self, chunk: &Chunk, slot: &Slot, made: OnHost) -> Result<()> {
        let start = Instant::now();
        let outputs = slot.outputs.iter();
        let outputs = outputs.map(|output| &bytemuck::cast_slice(output)[..made.bytes]);
        let outputs: Vec<&[u8]> = outputs.collect();
        for (&(sink, view), output) in self.sinks.iter().zip(&outputs) {
            let of_result = chunk.of_result(self.view, view);
            of_result.write(view, sink, output, self.element.size() as usize)?;
        }
        let received = Received {
            inputs: &slot.inputs,
            outputs: &outputs,
            beside: made.beside,
            indices: made.indices,
        };
        self.work.absorb(chunk, received)?;
        self.meter.note(|summary| {
            summary.downloaded += (outputs.len() * made.bytes) as u64;
            summary.download += start.elapsed();
        });
        Ok(())
    }
}
