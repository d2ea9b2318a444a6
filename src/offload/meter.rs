//! What a trip has moved, and how long that took.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::chunk::Chunk;
use crate::{error::Error, family::Extra, gpu::Gpu};

/// How far a job has come.
///
/// ```
/// use wgpu_activations::offload::Progress;
///
/// let percent = |Progress { done, of }| 100 * done / of;
/// assert_eq!(percent(Progress { done: 1 << 20, of: 1 << 22 }), 25);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A sum of times taken by threads.
#[derive(Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    pub(super) fn since(&self, start: Instant) {
        let nanoseconds = start.elapsed().as_nanos() as u64;
        self.0.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    fn read(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Takes the measures of a job.
pub(super) struct Meter<'a> {
    start: Instant,
    /// Elements that will pass, over all passes.
    of: u64,
    done: AtomicU64,
    uploaded: AtomicU64,
    downloaded: AtomicU64,
    pub(super) upload: Clock,
    pub(super) device: Clock,
    pub(super) download: Clock,
    devices: Mutex<Vec<(String, u64)>>,
    lost: Mutex<Vec<(String, String)>>,
    progress: Option<&'a (dyn Fn(Progress) + Sync)>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(of: u64, progress: Option<&'a (dyn Fn(Progress) + Sync)>) -> Self {
        Self {
            start: Instant::now(),
            of,
            done: AtomicU64::default(),
            uploaded: AtomicU64::default(),
            downloaded: AtomicU64::default(),
            upload: Clock::default(),
            device: Clock::default(),
            download: Clock::default(),
            devices: Mutex::default(),
            lost: Mutex::default(),
            progress,
        }
    }

    pub(super) fn uploaded(&self, bytes: u64) {
        self.uploaded.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn downloaded(&self, bytes: u64) {
        self.downloaded.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A chunk is done.
    pub(super) fn passed(&self, chunk: &Chunk, gpu: &Gpu) {
        {
            let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
            match devices.iter_mut().find(|(name, _)| name == gpu.name()) {
                Some((_, chunks)) => *chunks += 1,
                None => devices.push((gpu.name().to_owned(), 1)),
            }
        }
        let elements = chunk.len() as u64;
        let done = self.done.fetch_add(elements, Ordering::Relaxed) + elements;
        if let Some(progress) = self.progress {
            progress(Progress { done, of: self.of });
        }
    }

    pub(super) fn lost(&self, gpu: &Gpu, failure: &Error) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.push((gpu.name().to_owned(), failure.to_string()));
    }

    pub(super) fn summary(self) -> Summary {
        let devices = self
            .devices
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        Summary {
            chunks: devices.iter().map(|(_, chunks)| chunks).sum(),
            uploaded: self.uploaded.into_inner(),
            downloaded: self.downloaded.into_inner(),
            upload: self.upload.read(),
            device: self.device.read(),
            download: self.download.read(),
            total: self.start.elapsed(),
            extras: Vec::new(),
            devices,
            lost: self
                .lost
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }
}
