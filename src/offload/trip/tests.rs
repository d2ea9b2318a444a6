//! Devices and files that fail on the way.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::{
    io::{Shared, Slice},
    offload::chunk::cut_up,
};

const ELEMENTS: usize = 100_000;

/// Work that hands the input on, and fails as it is told.
struct Faulty {
    /// Chunks larger than this find no memory.
    memory: usize,
    /// Chunks after which the device is lost, once.
    losses: AtomicUsize,
    largest: AtomicUsize,
    /// Whether the first chunk panics, while others wait for it.
    panics: bool,
}

struct Device<'a>(&'a Faulty);

impl ChunkWork for Faulty {
    fn prepare<'a>(&'a self, _: &Gpu) -> Result<Box<dyn Worker + 'a>> {
        Ok(Box::new(Device(self)))
    }

    fn compute(
        &self,
        chunk: &Chunk,
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
    ) -> Result<OnHost> {
        if chunk.len() > self.memory {
            return Err(Error::OutOfMemory("told so".to_owned()));
        }
        outputs[0].copy_from_slice(inputs[0]);
        Ok(OnHost::default())
    }

    fn absorb(&self, chunk: &Chunk, _: Received<'_>) -> Result<()> {
        assert!(!self.panics || chunk.outer.start > 0, "told so");
        self.largest.fetch_max(chunk.len(), Ordering::Relaxed);
        Ok(())
    }
}

impl Worker for Device<'_> {
    fn run(&mut self, chunk: &Chunk, mut inputs: Vec<Tensor>) -> Result<ChunkResult> {
        if chunk.len() > self.0.memory {
            return Err(Error::OutOfMemory("told so".to_owned()));
        }
        if self.0.losses.fetch_sub(1, Ordering::Relaxed) == 1 {
            return Err(Error::DeviceLost("told so".to_owned()));
        }
        Ok(ChunkResult {
            outputs: inputs.pop().into_iter().collect(),
            ..ChunkResult::default()
        })
    }
}

/// So many elements can be read or written, and no more.
struct Ends<T>(T, usize);

impl<T> Ends<T> {
    fn reach(&self, elements: usize) -> Result<()> {
        if elements <= self.1 {
            return Ok(());
        }
        Err(Error::File {
            path: "ends".into(),
            reason: "told so".to_owned(),
        })
    }
}

impl Sink for Ends<Shared<'_>> {
    fn write(&self, first: usize, bytes: &[u8]) -> Result<()> {
        self.reach(first + 1)?;
        self.0.write(first, bytes)
    }
}

impl Source for Ends<Slice<'_, f32>> {
    fn read(&self, elements: std::ops::Range<usize>, put: &mut dyn FnMut(&[u8])) -> Result<()> {
        self.reach(elements.end)?;
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
fn go(gpus: &[&Gpu], work: &Faulty, (readable, writable): (usize, usize)) -> Result<bool> {
    let x: Vec<f32> = (0..ELEMENTS).map(|index| index as f32).collect();
    let mut y = vec![0.0f32; ELEMENTS];
    let view = View {
        outer: ELEMENTS,
        ..View::ONE_CHANNEL
    };
    let meter = Meter::new(ELEMENTS as u64, None);
    let sink = Ends(Shared::new(&mut y), writable);
    let source = Ends(Slice(&x), readable);
    let trip = Trip {
        element: ElementType::F32,
        view,
        sources: vec![(&source, view)],
        sinks: vec![(&sink, view)],
        cut: Cut::Anywhere,
        most: 50_000,
        keep: false,
        work,
        meter: &meter,
        cancel: None,
    };
    let chunks = cut_up(&Chunk::whole(view), 50_000, Cut::Anywhere).unwrap();
    let mut devices: Vec<_> = gpus.iter().map(|&gpu| gpu.into()).collect();
    trip.run(&mut devices, chunks)?;
    Ok(x == y)
}

fn faulty(memory: usize, losses: usize) -> Faulty {
    Faulty {
        memory,
        losses: AtomicUsize::new(losses),
        largest: AtomicUsize::new(0),
        panics: false,
    }
}

const ALL: (usize, usize) = (ELEMENTS, ELEMENTS);

#[test]
fn a_device_short_of_memory_goes_on_with_smaller_chunks() {
    for gpu in gpus() {
        let work = faulty(30_000, 0);
        assert!(go(&[&gpu], &work, ALL).unwrap(), "{gpu:?}");
        assert_eq!(work.largest.into_inner(), 25_000);
        let none = go(&[&gpu], &faulty(1000, 0), ALL);
        assert!(matches!(none, Err(Error::OutOfMemory(_))), "{none:?}");
    }
}

#[test]
fn a_lost_device_is_opened_once_more() {
    for gpu in gpus() {
        for losses in [1, 2] {
            assert!(
                go(&[&gpu], &faulty(ELEMENTS, losses), ALL).unwrap(),
                "{gpu:?}"
            );
        }
    }
}

#[test]
fn what_cannot_be_read_or_written_ends_the_trip() {
    for gpu in gpus() {
        for limits in [(60_000, ELEMENTS), (ELEMENTS, 50_000), (0, 0)] {
            let failed = go(&[&gpu], &faulty(ELEMENTS, 0), limits);
            assert!(matches!(failed, Err(Error::File { .. })), "{failed:?}");
        }
    }
}

#[test]
fn a_panic_ends_the_trip_of_all_devices() {
    for gpu in gpus() {
        for devices in [&[&gpu][..], &[&gpu, &gpu]] {
            let work = Faulty {
                panics: true,
                ..faulty(ELEMENTS, 0)
            };
            let trip = catch_unwind(AssertUnwindSafe(|| go(devices, &work, ALL)));
            let panic = trip.unwrap_err();
            assert_eq!(panic.downcast_ref(), Some(&"told so"), "{gpu:?}");
        }
    }
}
