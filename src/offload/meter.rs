//! What a trip has moved, and how long that took.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::chunk::Chunk;
use crate::{
    family::Extra,
    gpu::{lock, unlocked},
};

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Elements that are done, over all passes.
    pub done: u64,
    /// Elements in all.
    pub of: u64,
}

/// What a job has moved, and how long that took. The times overlap.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Activation, Gpu};
///
/// # let gpu = Gpu::new()?;
/// let summary = Activation::GELU.apply(&gpu, &mut vec![0.5f32; 1 << 20])?;
/// assert_eq!(summary.uploaded, 4 << 20);
/// for (device, chunks) in &summary.devices {
///     println!("{device}: {chunks} of {} chunks", summary.chunks);
/// }
/// println!("{:.1} GB/s", summary.uploaded as f64 / summary.total.as_secs_f64() / 1e9);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Chunks, over all passes.
    pub chunks: u64,
    /// Bytes brought to the devices.
    pub uploaded: u64,
    /// Bytes brought back.
    pub downloaded: u64,
    /// Time that threads spent reading inputs and filling memory for the devices.
    pub upload: Duration,
    /// Time that threads waited for the devices.
    pub device: Duration,
    /// Time that threads spent taking results and writing them.
    pub download: Duration,
    /// From beginning to end.
    pub total: Duration,
    /// Devices by name with the chunks that each did.
    pub devices: Vec<(String, u64)>,
    /// What operations give beside the result, by their place in the chain: the statistics of a batch.
    pub extras: Vec<(usize, Extra)>,
    /// Devices that failed for good, with the reason; others took over.
    pub lost: Vec<(String, String)>,
}

pub(super) struct Meter<'a> {
    start: Instant,
    measures: Mutex<(Progress, Summary)>,
    watch: Option<&'a (dyn Fn(Progress) + Sync)>,
}

impl<'a> Meter<'a> {
    /// Of a job over so many elements, over all passes.
    pub(super) fn new(of: u64, watch: Option<&'a (dyn Fn(Progress) + Sync)>) -> Self {
        Self {
            start: Instant::now(),
            measures: Mutex::new((Progress { done: 0, of }, Summary::default())),
            watch,
        }
    }

    pub(super) fn note(&self, note: impl FnOnce(&mut Summary)) {
        note(&mut lock(&self.measures).1);
    }

    /// A chunk is done.
    pub(super) fn passed(&self, chunk: &Chunk, device: &str) {
        let mut measures = lock(&self.measures);
        let (progress, summary) = &mut *measures;
        progress.done += chunk.len() as u64;
        summary.chunks += 1;
        let mut devices = summary.devices.iter_mut();
        match devices.find(|(name, _)| name == device) {
            Some((_, chunks)) => *chunks += 1,
            None => summary.devices.push((device.to_owned(), 1)),
        }
        let progress = *progress;
        drop(measures);
        if let Some(watch) = self.watch {
            watch(progress);
        }
    }

    pub(super) fn summary(self) -> Summary {
        Summary {
            total: self.start.elapsed(),
            ..unlocked(self.measures).1
        }
    }
}
