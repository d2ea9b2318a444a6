//! The way of a tensor's chunks through the devices: one thread fills memory for a device, one has it
//! work, one takes results, so that copies on the host go on while a device works.

use std::{
    collections::VecDeque,
    panic::resume_unwind,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::Instant,
};

use super::{
    chunk::{Chunk, Cut, cut_up},
    host::{Sink, Source},
    meter::Meter,
    slot::{Load, Place, Slot},
};
use crate::{
    element::ElementType,
    error::{Error, Result},
    gpu::Gpu,
    ops::maxout::Winners,
    tensor::{Tensor, View},
};

/// Chunks under way per device: one being filled, one worked on, one being emptied.
pub(super) const SLOTS: usize = 3;

/// Elements of the smallest chunks that a device short of memory is given.
const LEAST: usize = 1 << 14;

/// What is done with each chunk.
pub(super) trait Work: Sync {
    /// Brings to a device what it needs for all chunks.
    fn prepare<'a>(&'a self, gpu: &Gpu) -> Result<Box<dyn Station + 'a>>;

    /// Takes in what a chunk gave.
    fn absorb(&self, chunk: &Chunk, given: Given<'_>) -> Result<()>;
}

/// A device at work.
pub(super) trait Station {
    /// Works on a chunk. The inputs may be overwritten.
    fn run(&mut self, chunk: &Chunk, inputs: Vec<Tensor>) -> Result<Done>;
}

/// What a device has made of a chunk.
#[derive(Default)]
pub(super) struct Done {
    pub(super) output: Option<Tensor>,
    pub(super) beside: Vec<Beside>,
}

/// What it has made beside the output.
pub(super) enum Beside {
    Tensor(Tensor),
    Winners(Winners),
}

/// The same, on the host. Witnesses, which the command has, read more of it than the library does.
#[cfg_attr(not(feature = "cli"), allow(dead_code))]
pub(crate) struct Given<'a> {
    /// Bytes of the inputs, where they are kept.
    pub(crate) inputs: &'a [Vec<u8>],
    /// Bytes of the output.
    pub(crate) output: &'a [u8],
    /// Winners, and bits of f32.
    pub(crate) beside: Vec<Vec<u32>>,
}

/// Chunks, and where they lead.
pub(super) struct Trip<'a> {
    pub(super) element: ElementType,
    pub(super) view: View,
    /// The inputs, each as its view: another one where it is like the result.
    pub(super) sources: Vec<(&'a dyn Source, View)>,
    pub(super) sink: Option<(&'a dyn Sink, View)>,
    pub(super) cut: Cut,
    /// Elements of a chunk at most.
    pub(super) most: usize,
    /// Whether [`Work::absorb`] gets the inputs.
    pub(super) keep: bool,
    pub(super) work: &'a dyn Work,
    pub(super) meter: &'a Meter<'a>,
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
    place: Option<Place>,
    submission: wgpu::SubmissionIndex,
    beside: Vec<Beside>,
}

/// Whose fault it is.
enum Fail {
    /// The device's: another may do it.
    Device(Error),
    /// Nobody else would fare better.
    Host(Error),
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self::Device(error)
    }
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
    pub(super) fn run(&self, gpus: &mut [Gpu], chunks: Vec<Chunk>) -> Result<()> {
        let queue = Queue::new(chunks, gpus.len());
        thread::scope(|scope| {
            for gpu in gpus.iter_mut() {
                scope.spawn(|| self.serve(gpu, &queue));
            }
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
                        Err(_) => return queue.lose(gpu, failure, self.meter),
                    }
                }
                failure => return queue.lose(gpu, failure, self.meter),
            }
        }
    }

    fn serve_until_failure(&self, gpu: &Gpu, queue: &Queue, most: usize) -> Result<()> {
        let (filled_sender, filled) = mpsc::channel();
        let (loaded_sender, loaded) = mpsc::channel();
        let (free_sender, free) = mpsc::channel();
        thread::scope(|scope| {
            let unloader = scope.spawn(move || self.unload_all(gpu, queue, &loaded, free_sender));
            let worker = scope.spawn(move || self.work_all(gpu, queue, &filled, loaded_sender));
            let filling = self.fill_all(gpu, queue, most, &free, filled_sender);
            let working = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            let unloading = unloader.join().unwrap_or_else(|panic| resume_unwind(panic));
            filling.and(working).and(unloading)
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
        let mut slots = 0;
        while let Some(chunk) = queue.take(most, self.cut) {
            let mut slot = match free.try_recv() {
                Ok(slot) => slot,
                Err(_) if slots < SLOTS => {
                    slots += 1;
                    Slot::default()
                }
                Err(_) => match free.recv() {
                    Ok(slot) => slot,
                    Err(_) => {
                        queue.put_back(chunk);
                        return Ok(());
                    }
                },
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

    fn fill(&self, gpu: &Gpu, slot: &mut Slot, chunk: &Chunk) -> std::result::Result<(), Fail> {
        let start = Instant::now();
        for index in 0..self.sources.len() {
            let load = self.load(chunk, index);
            slot.fill(gpu, index, &load)?.map_err(Fail::Host)?;
            let bytes = load.chunk.len() as u64 * self.element.size();
            self.meter.uploaded(bytes);
        }
        self.meter.upload.since(start);
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
        let mut station = self.work.prepare(gpu);
        let mut loaded = Some(loaded);
        let mut failure = None;
        for Filled { chunk, slot } in filled {
            let worked = match (&mut station, &loaded) {
                (_, None) => {
                    queue.put_back(chunk);
                    continue;
                }
                (Ok(station), Some(_)) => self.work(gpu, slot, &chunk, &mut **station),
                (Err(error), Some(_)) => Err(error.clone()),
            };
            match (worked, &loaded) {
                (Ok(done), Some(sender)) => {
                    if let Err(unsent) = sender.send(done) {
                        queue.put_back(unsent.0.chunk);
                    }
                }
                (Err(error), _) => {
                    queue.put_back(chunk);
                    failure = Some(error);
                    // The unloader ends, and with it the filler.
                    loaded = None;
                }
                (Ok(_), None) => {}
            }
        }
        match (failure, station) {
            (Some(failure), _) | (None, Err(failure)) => Err(failure),
            (None, Ok(_)) => Ok(()),
        }
    }

    fn work(
        &self,
        gpu: &Gpu,
        mut slot: Slot,
        chunk: &Chunk,
        station: &mut dyn Station,
    ) -> Result<Loaded> {
        let inputs = 0..self.sources.len();
        let tensors = inputs.map(|index| slot.tensor(gpu, index, &self.load(chunk, index)));
        let tensors = tensors.collect::<Result<Vec<_>>>()?;
        let Done { output, beside } = station.run(chunk, tensors)?;
        let (place, submission) = match &output {
            Some(output) => {
                let (place, submission) = slot.fetch(gpu, output)?;
                (Some(place), submission)
            }
            None => (None, gpu.submit(|_| Ok(()))?),
        };
        Ok(Loaded {
            chunk: chunk.clone(),
            slot,
            place,
            submission,
            beside,
        })
    }

    fn unload_all(
        &self,
        gpu: &Gpu,
        queue: &Queue,
        loaded: &mpsc::Receiver<Loaded>,
        free: mpsc::Sender<Slot>,
    ) -> Result<()> {
        let mut free = Some(free);
        let mut failure = None;
        for loaded in loaded {
            let Some(sender) = &free else {
                queue.put_back(loaded.chunk);
                continue;
            };
            match self.unload(gpu, &loaded) {
                Ok(()) => {
                    self.meter.passed(&loaded.chunk, gpu);
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

    fn unload(&self, gpu: &Gpu, loaded: &Loaded) -> std::result::Result<(), Fail> {
        let start = Instant::now();
        gpu.poll(Some(loaded.submission.clone()))?;
        self.meter.device.since(start);
        let start = Instant::now();
        let mut beside = Vec::with_capacity(loaded.beside.len());
        for part in &loaded.beside {
            beside.push(match part {
                Beside::Winners(winners) => winners.download()?,
                Beside::Tensor(tensor) => {
                    let words = tensor.download::<f32>()?;
                    words.into_iter().map(f32::to_bits).collect()
                }
            });
        }
        let take = |output: &[u8]| {
            if let Some((sink, view)) = self.sink {
                let size = self.element.size() as usize;
                let mut at = 0;
                for run in loaded.chunk.of_result(self.view, view).runs(view) {
                    let bytes = run.len() * size;
                    sink.write(run.start, &output[at..at + bytes])?;
                    at += bytes;
                }
            }
            self.meter.downloaded(output.len() as u64);
            let given = Given {
                inputs: &loaded.slot.kept,
                output,
                beside,
            };
            self.work.absorb(&loaded.chunk, given)
        };
        match loaded.place {
            None => take(&[]).map_err(Fail::Host)?,
            Some(place) => {
                let view = self.sink.map_or(self.view, |(_, view)| view);
                let bytes = loaded.chunk.of_result(self.view, view).len() as u64;
                let bytes = (bytes * self.element.size()) as usize;
                let emptied = loaded.slot.empty(gpu, place, bytes, take)?;
                emptied.map_err(Fail::Host)?;
            }
        }
        self.meter.download.since(start);
        Ok(())
    }
}

/// The chunks that are left, and those under way.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    left: VecDeque<Chunk>,
    under_way: usize,
    devices: usize,
    stopped: Option<Error>,
}

impl Queue {
    fn new(chunks: Vec<Chunk>, devices: usize) -> Self {
        Self {
            state: Mutex::new(State {
                left: chunks.into(),
                under_way: 0,
                devices,
                stopped: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// The next chunk, cut to `most` elements; waits while one that is under way may come back.
    fn take(&self, most: usize, cut: Cut) -> Option<Chunk> {
        let mut state = self.lock();
        loop {
            if state.stopped.is_some() {
                return None;
            }
            if let Some(chunk) = state.left.pop_front() {
                state.under_way += 1;
                let parts = if chunk.len() > most {
                    // What cannot be cut is tried as it is.
                    cut_up(&chunk, most, cut).unwrap_or_default()
                } else {
                    Vec::new()
                };
                let mut parts = parts.into_iter();
                let first = parts.next().unwrap_or(chunk);
                for part in parts.rev() {
                    state.left.push_front(part);
                }
                return Some(first);
            }
            if state.under_way == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self) {
        self.change(|state| state.under_way -= 1);
    }

    fn put_back(&self, chunk: Chunk) {
        self.change(|state| {
            state.under_way -= 1;
            state.left.push_front(chunk);
        });
    }

    /// No more chunks are taken.
    fn stop(&self, error: Error) {
        self.change(|state| {
            state.stopped.get_or_insert(error);
        });
    }

    /// One device less.
    fn lose(&self, gpu: &Gpu, failure: Error, meter: &Meter<'_>) {
        self.change(|state| {
            state.devices -= 1;
            if state.devices == 0 {
                state.stopped.get_or_insert(failure);
            } else {
                meter.lost(gpu, &failure);
            }
        });
    }

    fn finish(self) -> Result<()> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        state.stopped.map_or(Ok(()), Err)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::offload::host::{Shared, Slice};

    const ELEMENTS: usize = 100_000;

    /// Work that hands the input on, and fails as it is told.
    struct Faulty {
        /// Chunks larger than this find no memory.
        memory: usize,
        /// Chunks after which the device is lost, once.
        losses: AtomicUsize,
        largest: AtomicUsize,
    }

    struct Device<'a>(&'a Faulty);

    impl Work for Faulty {
        fn prepare<'a>(&'a self, _: &Gpu) -> Result<Box<dyn Station + 'a>> {
            Ok(Box::new(Device(self)))
        }

        fn absorb(&self, chunk: &Chunk, _: Given<'_>) -> Result<()> {
            self.largest.fetch_max(chunk.len(), Ordering::Relaxed);
            Ok(())
        }
    }

    impl Station for Device<'_> {
        fn run(&mut self, chunk: &Chunk, mut inputs: Vec<Tensor>) -> Result<Done> {
            if chunk.len() > self.0.memory {
                return Err(Error::OutOfMemory("told so".to_owned()));
            }
            if self.0.losses.fetch_sub(1, Ordering::Relaxed) == 1 {
                return Err(Error::DeviceLost("told so".to_owned()));
            }
            Ok(Done {
                output: inputs.pop(),
                beside: Vec::new(),
            })
        }
    }

    /// Where elements from some place on cannot be written.
    struct Full<'a>(Shared<'a>, usize);

    impl Sink for Full<'_> {
        fn write(&self, first: usize, bytes: &[u8]) -> Result<()> {
            if first >= self.1 {
                return Err(Error::File {
                    path: "full".into(),
                    reason: "no space".to_owned(),
                });
            }
            self.0.write(first, bytes)
        }
    }

    /// An input that has become shorter.
    struct Short<'a>(Slice<'a, f32>, usize);

    impl Source for Short<'_> {
        fn read(&self, elements: std::ops::Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
            if elements.end > self.1 {
                return Err(Error::File {
                    path: "short".into(),
                    reason: "ended".to_owned(),
                });
            }
            self.0.read(elements, put)
        }
    }

    /// Every adapter; with REQUIRE_GPU=1 there must be one.
    fn gpus() -> Vec<Gpu> {
        let adapters = crate::gpu::adapters();
        let required = std::env::var("REQUIRE_GPU").is_ok_and(|value| value == "1");
        assert!(!adapters.is_empty() || !required, "no adapter");
        adapters
            .iter()
            .map(|adapter| Gpu::open(adapter, crate::ShaderChecks::Trusted).unwrap())
            .collect()
    }

    /// Takes x to y in chunks of 50,000; y where that went well.
    fn go(gpu: &Gpu, work: &Faulty, (readable, writable): (usize, usize)) -> Result<bool> {
        let x: Vec<f32> = (0..ELEMENTS).map(|index| index as f32).collect();
        let mut y = vec![0.0f32; ELEMENTS];
        let view = View {
            outer: ELEMENTS,
            ..View::ONE_CHANNEL
        };
        let meter = Meter::new(ELEMENTS as u64, None);
        let sink = Full(Shared::new(&mut y), writable);
        let source = Short(Slice(&x), readable);
        let trip = Trip {
            element: ElementType::F32,
            view,
            sources: vec![(&source, view)],
            sink: Some((&sink, view)),
            cut: Cut::Anywhere,
            most: 50_000,
            keep: false,
            work,
            meter: &meter,
        };
        let chunks = cut_up(&Chunk::whole(view), 50_000, Cut::Anywhere).unwrap();
        trip.run(&mut [gpu.clone()], chunks)?;
        Ok(x == y)
    }

    fn faulty(memory: usize, losses: usize) -> Faulty {
        Faulty {
            memory,
            losses: AtomicUsize::new(losses),
            largest: AtomicUsize::new(0),
        }
    }

    const ALL: (usize, usize) = (ELEMENTS, ELEMENTS);

    #[test]
    fn a_device_short_of_memory_goes_on_with_smaller_chunks() {
        for gpu in gpus() {
            let work = faulty(30_000, 0);
            assert!(go(&gpu, &work, ALL).unwrap(), "{gpu:?}");
            assert_eq!(work.largest.into_inner(), 25_000);
            let none = go(&gpu, &faulty(1000, 0), ALL);
            assert!(matches!(none, Err(Error::OutOfMemory(_))), "{none:?}");
        }
    }

    #[test]
    fn a_lost_device_is_opened_once_more() {
        for gpu in gpus() {
            for losses in [1, 2] {
                assert!(go(&gpu, &faulty(ELEMENTS, losses), ALL).unwrap(), "{gpu:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_or_written_ends_the_trip() {
        for gpu in gpus() {
            for limits in [(60_000, ELEMENTS), (ELEMENTS, 50_000), (0, 0)] {
                let failed = go(&gpu, &faulty(ELEMENTS, 0), limits);
                assert!(matches!(failed, Err(Error::File { .. })), "{failed:?}");
            }
        }
    }
}
