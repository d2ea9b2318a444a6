//! The way of a tensor's chunks through the devices: one thread fills memory for a device, one has it
//! work, one takes results, so that copies on the host go on while a device works.

use std::{
    panic::resume_unwind,
    sync::{atomic::AtomicBool, mpsc},
    thread::{self, Scope, ScopedJoinHandle},
    time::Instant,
};

use super::{
    Received,
    chunk::Chunk,
    meter::Meter,
    queue::Queue,
    slot::{Fail, Load, Place, Slot},
};
use crate::{
    device::Device,
    element::ElementType,
    error::{Error, Result},
    family::{Cut, Saved},
    gpu::Gpu,
    io::{Sink, Source},
    tensor::{Tensor, View},
};

/// Chunks under way per device: one being filled, one worked on, one being emptied.
pub(super) const SLOTS: usize = 3;

/// Elements of the smallest chunks that a device short of memory is given.
const LEAST: usize = 1 << 14;

/// What is done with each chunk.
pub(super) trait ChunkWork: Sync {
    /// Brings to a device what it needs for all chunks.
    fn prepare<'a>(&'a self, gpu: &Gpu) -> Result<Box<dyn Worker + 'a>>;

    /// Works on a chunk on the processor.
    fn compute(&self, chunk: &Chunk, inputs: &[&[u8]], outputs: &mut [&mut [u8]])
    -> Result<OnHost>;

    /// Takes in what a chunk gave.
    fn absorb(&self, chunk: &Chunk, received: Received<'_>) -> Result<()>;
}

/// A device that works on chunks.
pub(super) trait Worker {
    /// Works on a chunk. The inputs may be overwritten.
    fn run(&mut self, chunk: &Chunk, inputs: Vec<Tensor>) -> Result<ChunkResult>;
}

/// What a device has made of a chunk.
#[derive(Default)]
pub(super) struct ChunkResult {
    /// The result, or the gradients with respect to the inputs; none of a survey.
    pub(super) outputs: Vec<Tensor>,
    /// Numbers beside it, f32.
    pub(super) beside: Vec<Tensor>,
    /// What the last operation of a forward pass saved.
    pub(super) saved: Saved,
}

/// What the processor has made of a chunk beside its output.
#[derive(Default)]
pub(super) struct OnHost {
    pub(super) beside: Vec<Vec<f32>>,
    pub(super) indices: Option<Vec<u32>>,
}

/// Chunks, and where they lead.
pub(super) struct Trip<'a> {
    pub(super) element: ElementType,
    pub(super) view: View,
    /// The inputs, each as its view: another one where it is like the result.
    pub(super) sources: Vec<(&'a dyn Source, View)>,
    /// Where each output goes, as its view; none where a pass has none.
    pub(super) sinks: Vec<(&'a dyn Sink, View)>,
    pub(super) cut: Cut,
    /// Elements of a chunk at most.
    pub(super) most: usize,
    /// Whether [`ChunkWork::absorb`] gets the inputs.
    pub(super) keep: bool,
    pub(super) work: &'a dyn ChunkWork,
    pub(super) meter: &'a Meter<'a>,
    /// Set by whoever wants it to stop.
    pub(super) cancel: Option<&'a AtomicBool>,
}

/// A chunk on its way to a device.
struct Filled {
    chunk: Chunk,
    slot: Slot,
}

/// A chunk that a device works on.
struct Loaded {
    chunk: Chunk,
    slot: Slot,
    places: Vec<Place>,
    submission: wgpu::SubmissionIndex,
    beside: Vec<Tensor>,
    saved: Saved,
}

impl Trip<'_> {
    /// Takes `chunks` through the devices, each of which takes the next one when it can.
    ///
    /// A device that runs out of memory goes on with chunks of half the size; one that is lost is
    /// opened once more; one that fails beyond that leaves its chunks to the others.
    ///
    /// # Errors
    ///
    /// What sources, sink and work report, and the last device's failure when none is left.
    pub(super) fn run(&self, devices: &mut [Device], chunks: Vec<Chunk>) -> Result<()> {
        let in_turn = matches!(devices, [Device::Cpu(_)]) && self.in_memory(&chunks);
        let queue = Queue::new(chunks, devices.len(), self.cancel);
        if let ([Device::Cpu(cpu)], true) = (&devices[..], in_turn) {
            self.serve_in_turn(cpu, &queue);
            return queue.finish();
        }
        thread::scope(|scope| {
            let mut threads = Vec::new();
            for device in devices.iter_mut() {
                let idle = device.name().to_owned();
                let serve = || match device {
                    Device::Gpu(gpu) => self.serve(gpu, &queue),
                    Device::Cpu(cpu) => self.serve_on_cpu(cpu, &queue),
                };
                match start(scope, serve) {
                    Ok(thread) => threads.push(thread),
                    Err(failure) => queue.lose(&idle, failure, self.meter),
                }
            }
            threads.into_iter().for_each(join);
        });
        queue.finish()
    }

    fn serve(&self, gpu: &mut Gpu, queue: &Queue) {
        let mut most = self.most;
        let mut reopened = false;
        loop {
            let failure = match self.serve_until_failure(gpu, queue, most) {
                Ok(()) => return,
                Err(failure) => failure,
            };
            match failure {
                Error::OutOfMemory(_) if most / 2 >= LEAST => {
                    gpu.trim();
                    most /= 2;
                    log::warn!("{}: {failure}; chunks of {most} elements now", gpu.name());
                }
                Error::DeviceLost(_) if !reopened => {
                    reopened = true;
                    log::warn!("{}: {failure}", gpu.name());
                    match gpu.reopen() {
                        Ok(opened) => *gpu = opened,
                        Err(_) => return queue.lose(gpu.name(), failure, self.meter),
                    }
                }
                failure => return queue.lose(gpu.name(), failure, self.meter),
            }
        }
    }

    fn serve_until_failure(&self, gpu: &Gpu, queue: &Queue, most: usize) -> Result<()> {
        let (filled_sender, filled) = mpsc::channel();
        let (loaded_sender, loaded) = mpsc::channel();
        let (free_sender, free) = mpsc::channel();
        thread::scope(|scope| {
            let unload = move || self.unload_all(gpu, queue, &loaded, free_sender);
            let unloader = start(scope, unload)?;
            let work = move || self.work_all(gpu, queue, &filled, loaded_sender);
            let worker = start(scope, work)?;
            let filled = self.fill_all(gpu, queue, most, &free, filled_sender);
            filled.and(join(worker)).and(join(unloader))
        })
    }

    /// Fills slots until no chunk is left, or until the threads behind have met a failure.
    fn fill_all(
        &self,
        gpu: &Gpu,
        queue: &Queue,
        most: usize,
        free: &mpsc::Receiver<Slot>,
        filled: mpsc::Sender<Filled>,
    ) -> Result<()> {
        let _worker = queue.worker();
        let mut slots = 0;
        while let Some(chunk) = queue.take(most, self.cut) {
            let slot = match free.try_recv() {
                Ok(slot) => Some(slot),
                Err(_) if slots < SLOTS => {
                    slots += 1;
                    Some(Slot::default())
                }
                Err(_) => free.recv().ok(),
            };
            let Some(mut slot) = slot else {
                queue.put_back(chunk);
                return Ok(());
            };
            match self.fill(gpu, &mut slot, &chunk) {
                Ok(()) => {
                    if let Err(unsent) = filled.send(Filled { chunk, slot }) {
                        queue.put_back(unsent.0.chunk);
                        return Ok(());
                    }
                }
                Err(Fail::Device(failure)) => {
                    queue.put_back(chunk);
                    return Err(failure);
                }
                Err(Fail::Host(error)) => {
                    queue.stop(error);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// What input `index` of a chunk is filled with.
    fn load(&self, chunk: &Chunk, index: usize) -> Load<'_> {
        let (source, view) = self.sources[index];
        Load {
            source,
            view,
            chunk: chunk.of_result(self.view, view),
            element: self.element,
            keep: self.keep,
        }
    }

    fn fill(&self, gpu: &Gpu, slot: &mut Slot, chunk: &Chunk) -> Result<(), Fail> {
        let start = Instant::now();
        let mut elements = 0;
        for index in 0..self.sources.len() {
            let load = self.load(chunk, index);
            slot.fill(gpu, index, &load)?;
            elements += load.chunk.len() as u64;
        }
        self.meter.note(|summary| {
            summary.uploaded += elements * self.element.size();
            summary.upload += start.elapsed();
        });
        Ok(())
    }

    /// Has the device work on what is filled. The drivers of some do the work before they return.
    fn work_all(
        &self,
        gpu: &Gpu,
        queue: &Queue,
        filled: &mpsc::Receiver<Filled>,
        loaded: mpsc::Sender<Loaded>,
    ) -> Result<()> {
        let _worker = queue.worker();
        let mut worker = self.work.prepare(gpu);
        let mut loaded = Some(loaded);
        let mut failure = None;
        for Filled { chunk, slot } in filled {
            let Some(sender) = &loaded else {
                queue.put_back(chunk);
                continue;
            };
            let worked = match &mut worker {
                Ok(worker) => self.work(gpu, slot, &chunk, &mut **worker),
                Err(error) => Err(error.clone()),
            };
            match worked {
                Ok(done) => {
                    if let Err(unsent) = sender.send(done) {
                        queue.put_back(unsent.0.chunk);
                    }
                }
                Err(error) => {
                    queue.put_back(chunk);
                    failure = Some(error);
                    // The unloader ends, and with it the filler.
                    loaded = None;
                }
            }
        }
        match (failure, worker) {
            (Some(failure), _) | (None, Err(failure)) => Err(failure),
            (None, Ok(_)) => Ok(()),
        }
    }

    fn work(
        &self,
        gpu: &Gpu,
        mut slot: Slot,
        chunk: &Chunk,
        worker: &mut dyn Worker,
    ) -> Result<Loaded> {
        let inputs = 0..self.sources.len();
        let tensors = inputs.map(|index| slot.tensor(gpu, index, &self.load(chunk, index)));
        let tensors = tensors.collect::<Result<Vec<_>>>()?;
        let ChunkResult {
            outputs,
            beside,
            saved,
        } = worker.run(chunk, tensors)?;
        let (places, submission) = slot.fetch(gpu, &outputs)?;
        Ok(Loaded {
            chunk: chunk.clone(),
            slot,
            places,
            submission,
            beside,
            saved,
        })
    }

    fn unload_all(
        &self,
        gpu: &Gpu,
        queue: &Queue,
        loaded: &mpsc::Receiver<Loaded>,
        free: mpsc::Sender<Slot>,
    ) -> Result<()> {
        let _worker = queue.worker();
        let mut free = Some(free);
        let mut failure = None;
        for loaded in loaded {
            let Some(sender) = &free else {
                queue.put_back(loaded.chunk);
                continue;
            };
            match self.unload(gpu, &loaded) {
                Ok(()) => {
                    self.meter.passed(&loaded.chunk, gpu.name());
                    queue.done();
                    match loaded.slot.free(gpu) {
                        // Nobody waits for it when all chunks are taken.
                        Ok(()) => drop(sender.send(loaded.slot)),
                        Err(error) => {
                            failure = Some(error);
                            free = None;
                        }
                    }
                }
                Err(Fail::Device(error)) => {
                    queue.put_back(loaded.chunk);
                    failure = Some(error);
                    free = None;
                }
                Err(Fail::Host(error)) => {
                    queue.stop(error);
                    free = None;
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn unload(&self, gpu: &Gpu, loaded: &Loaded) -> Result<(), Fail> {
        let start = Instant::now();
        gpu.poll(Some(loaded.submission.clone()))?;
        self.meter.note(|summary| summary.device += start.elapsed());
        let start = Instant::now();
        let beside = loaded.beside.iter().map(Tensor::download::<f32>);
        let beside = beside.collect::<Result<Vec<_>>>()?;
        let indices = loaded.saved.indices()?;
        let view = self.sinks.first().map_or(self.view, |(_, view)| *view);
        let chunk = loaded.chunk.of_result(self.view, view);
        let size = self.element.size() as usize;
        loaded
            .slot
            .empty(gpu, &loaded.places, chunk.len() * size, |outputs| {
                for (&(sink, view), output) in self.sinks.iter().zip(outputs) {
                    chunk.write(view, sink, output, size)?;
                    self.meter
                        .note(|summary| summary.downloaded += output.len() as u64);
                }
                let kept: Vec<_> = loaded.slot.kept.iter().map(Vec::as_slice).collect();
                let received = Received {
                    inputs: &kept,
                    outputs,
                    beside,
                    indices,
                };
                self.work.absorb(&loaded.chunk, received)
            })?;
        self.meter
            .note(|summary| summary.download += start.elapsed());
        Ok(())
    }
}

/// A thread, unless the system has none left.
fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    let started = thread::Builder::new().spawn_scoped(scope, work);
    started.map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))
}

/// What a thread made, or its panic.
fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

mod cpu;
#[cfg(test)]
mod tests;
