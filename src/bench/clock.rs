//! How long executions take, by the device's clock where it can be trusted, else by the host's.

use std::{cell::Cell, time::Duration};

use web_time::Instant;

use super::{record::Clock, stats::median, work::Measurable};
use crate::{
    error::{Error, Result},
    gpu::{Gpu, Timer},
    kernel::recorder::recorded,
};

/// Executions of one submission, at most.
const MOST_REPEATS: u32 = 1 << 14;

/// Warming up ends at the latest after this many times what a sample lasts.
const WARM_UP: u32 = 20;

/// How long the work lasts by which clocks are compared. Browsers' clocks go in steps of up to a millisecond.
const AGREEMENT: Duration =
    Duration::from_millis(if cfg!(target_arch = "wasm32") { 60 } else { 10 });

/// Tries to get a time.
const TRIES: usize = 5;

/// Samples that must agree for the speed to have settled, and by how much.
const SETTLED: (usize, f64) = (3, 0.03);

/// Times work on one device.
pub(super) struct Stopwatch {
    gpu: Gpu,
    timer: Option<Timer>,
    clock: Clock,
    /// Executions so far: whose turn it is in the rings.
    turn: Cell<usize>,
}

impl Stopwatch {
    /// With the device's clock if it agrees with the host's about `work`: never longer than from
    /// submission to the end of the wait, and in the best of some tries half as long at least.
    pub(super) async fn new(gpu: &Gpu, work: &dyn Measurable) -> Result<Self> {
        let mut stopwatch = Self {
            gpu: gpu.clone(),
            timer: Timer::new(gpu)?,
            clock: Clock::HostSlope,
            turn: Cell::new(0),
        };
        if stopwatch.timer.is_some() {
            let repeats = stopwatch.repeats(work, AGREEMENT).await?;
            let mut shares = Vec::new();
            for _ in 0..TRIES {
                let (host, device) = stopwatch.run(work, repeats).await?;
                // No time at all is no share of it.
                shares.push(device.unwrap_or(f64::INFINITY) / host);
            }
            let most = shares.into_iter().fold(0.0, f64::max);
            if (0.5..1.02).contains(&most) {
                stopwatch.clock = Clock::Device;
            }
        }
        Ok(stopwatch)
    }

    /// Nanoseconds per tick of the device's clock, if it has one.
    pub(super) fn period_ns(&self) -> Option<f64> {
        self.timer.as_ref().map(Timer::period_ns)
    }

    pub(super) const fn clock(&self) -> Clock {
        self.clock
    }

    /// Executions of `work` that last `min_time` together.
    pub(super) async fn repeats(&self, work: &dyn Measurable, min_time: Duration) -> Result<u32> {
        let wanted = min_time.as_nanos() as f64;
        self.run(work, 1).await?;
        let mut repeats = 1;
        loop {
            let (host, _) = self.run(work, repeats).await?;
            if host >= wanted || repeats == MOST_REPEATS {
                return Ok(repeats);
            }
            // No more than eight times as many: the first executions are slow.
            let factor = (1.1 * wanted / host).clamp(1.1, 8.0);
            repeats = ((f64::from(repeats) * factor).ceil() as u32).min(MOST_REPEATS);
        }
    }

    /// Runs `work` until its speed has settled.
    pub(super) async fn warm_up(
        &self,
        work: &dyn Measurable,
        repeats: u32,
        min_time: Duration,
    ) -> Result<()> {
        let (count, spread) = SETTLED;
        let end = Instant::now() + WARM_UP * min_time;
        let mut samples = Vec::new();
        while Instant::now() < end {
            samples.push(self.sample(work, repeats).await?);
            if samples.len() >= 2 * count {
                let (before, last) = samples.split_at(samples.len() - count);
                let before = median(&before[before.len() - count..]);
                if (median(last) / before - 1.0).abs() < spread {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Nanoseconds of one execution, from `repeats` of them.
    pub(super) async fn sample(&self, work: &dyn Measurable, repeats: u32) -> Result<f64> {
        for _ in 0..TRIES {
            let time = match self.clock {
                Clock::Device => self.run(work, repeats).await?.1,
                Clock::HostSlope | Clock::Host => {
                    let (once, _) = self.run(work, repeats).await?;
                    let (twice, _) = self.run(work, 2 * repeats).await?;
                    Some(twice - once).filter(|ns| *ns > 0.0)
                }
            };
            if let Some(time) = time {
                return Ok(time / f64::from(repeats));
            }
        }
        Err(Error::Internal(format!(
            "the clock gave no time for {repeats} executions in {TRIES} tries; let samples last longer \
             (--min-time)"
        )))
    }

    /// Nanoseconds of one submission by the host's clock, and by the device's.
    async fn run(&self, work: &dyn Measurable, repeats: u32) -> Result<(f64, Option<f64>)> {
        let gpu = &self.gpu;
        let first = self.turn.get();
        self.turn.set(first.wrapping_add(repeats as usize));
        let (start, scratch) = gpu.guarded(|| {
            let mut encoder = gpu.device().create_command_encoder(&Default::default());
            self.stamp(&mut encoder, 0);
            let ((), scratch) = recorded(gpu, &mut encoder, |recorder| {
                (0..repeats as usize)
                    .try_for_each(|repeat| work.record(recorder, first.wrapping_add(repeat)))
            })?;
            self.stamp(&mut encoder, 1);
            let commands = encoder.finish();
            let start = Instant::now();
            gpu.queue().submit([commands]);
            Ok((start, scratch))
        })?;
        gpu.settle().await?;
        let host = start.elapsed().as_nanos() as f64;
        drop(scratch);
        let device = match &self.timer {
            Some(timer) => timer.elapsed_ns(gpu).await?,
            None => None,
        };
        Ok((host, device))
    }

    fn stamp(&self, encoder: &mut wgpu::CommandEncoder, index: u32) {
        if let Some(timer) = &self.timer {
            timer.stamp(encoder, index);
        }
    }
}
