//! Times, sample by sample in turn, spread over rounds.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use wgpu_activations::bench::{
    record::{Baseline, Clock, Measurement, Row, Status},
    stats,
};

use crate::Result;

/// Executions of a sample, at most.
const MOST_REPEATS: u32 = 10_000;

/// Something to time: it runs so many times and waits once.
pub struct Timer {
    run: Box<dyn Fn(u32) -> Result<Duration>>,
    repeats: u32,
    rounds_ns: Vec<Vec<f64>>,
}

impl Timer {
    /// Warms up and finds how many executions a sample takes to last `least`.
    pub fn new(run: Box<dyn Fn(u32) -> Result<Duration>>, least: Duration) -> Result<Self> {
        let mut repeats = 1;
        // The first executions build pipelines and pick kernels.
        for _ in 0..3 {
            guarded(|| run(1))?;
        }
        loop {
            let taken = guarded(|| run(repeats))?;
            if taken >= least || repeats == MOST_REPEATS {
                break;
            }
            let factor = least.as_secs_f64() / taken.as_secs_f64().max(1e-9);
            // A little more than enough, at most tenfold at once.
            let more = f64::from(repeats) * (factor * 1.1).clamp(1.0, 10.0);
            repeats = (more.ceil() as u32).clamp(repeats + 1, MOST_REPEATS);
        }
        Ok(Self {
            run,
            repeats,
            rounds_ns: Vec::new(),
        })
    }

    fn begin_round(&mut self) {
        self.rounds_ns.push(Vec::new());
    }

    fn sample(&mut self) -> Result<()> {
        let taken = guarded(|| (self.run)(self.repeats))?;
        let nanoseconds = taken.as_secs_f64() * 1e9 / f64::from(self.repeats);
        if let Some(round) = self.rounds_ns.last_mut() {
            round.push(nanoseconds);
        }
        Ok(())
    }
}

/// A row to be, with what is timed for it until that fails.
pub struct Line {
    row: Row,
    timer: Option<Timer>,
}

impl Line {
    /// A row without times.
    pub const fn untimed(row: Row) -> Self {
        Self { row, timer: None }
    }

    /// A row whose results were right.
    pub fn new(row: Row, run: Box<dyn Fn(u32) -> Result<Duration>>, least: Duration) -> Self {
        match Timer::new(run, least) {
            Ok(timer) => Self {
                row,
                timer: Some(timer),
            },
            Err(error) => Self::untimed(failed(row, &error.to_string())),
        }
    }
}

/// The same row, which failed.
pub fn failed(row: Row, message: &str) -> Row {
    Row {
        status: Status::Failed,
        message: Some(message.to_owned()),
        measurement: None,
        ..row
    }
}

/// Lines of one operation, with the baseline of all of them.
pub struct Group {
    /// Lines.
    pub lines: Vec<Line>,
    /// Its name, its bytes, and its times.
    pub baseline: Option<(&'static str, u64, Timer)>,
    /// Bytes of the tensors that are taken in turn.
    pub working_set_bytes: u64,
}

impl Group {
    /// Times every line and the baseline `samples` times in turn; another one is first each time.
    pub fn round(&mut self, samples: u32) {
        let baseline = self.baseline.iter_mut().map(|(_, _, timer)| timer);
        let timers = self.lines.iter_mut().filter_map(|line| line.timer.as_mut());
        baseline.chain(timers).for_each(Timer::begin_round);
        let count = self.lines.len() + 1;
        for sample in 0..samples as usize {
            for turn in 0..count {
                self.sample((sample + turn) % count);
            }
        }
    }

    /// One sample of a line, or of the baseline behind the last.
    fn sample(&mut self, index: usize) {
        let Some(line) = self.lines.get_mut(index) else {
            let ran = match &mut self.baseline {
                Some((_, _, timer)) => timer.sample().is_ok(),
                None => true,
            };
            if !ran {
                self.baseline = None;
            }
            return;
        };
        if let Some(Err(error)) = line.timer.as_mut().map(Timer::sample) {
            line.timer = None;
            line.row = failed(line.row.clone(), &error.to_string());
        }
    }

    /// The rows, with the times taken so far.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.lines.iter().map(|line| {
            let mut row = line.row.clone();
            if let Some(timer) = &line.timer {
                row.measurement = Some(self.measurement(row.moved_bytes, timer));
            }
            row
        })
    }

    fn measurement(&self, moved_bytes: u64, timer: &Timer) -> Measurement {
        let baseline = self
            .baseline
            .as_ref()
            .map(|(name, moved_bytes, timer)| Baseline {
                name: (*name).to_owned(),
                moved_bytes: *moved_bytes,
                rounds_ns: timer.rounds_ns.clone(),
            });
        Measurement {
            clock: Clock::Host,
            repeats: timer.repeats,
            working_set_bytes: self.working_set_bytes,
            summary: stats::summary(moved_bytes, &timer.rounds_ns, baseline.as_ref()),
            rounds_ns: timer.rounds_ns.clone(),
            baseline,
        }
    }
}

/// Runs `work`; a panic of its own is an error.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(words(&*panic).into()))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    format!("panicked: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let error = guarded::<()>(|| panic!("{} of {}", 1, 2)).unwrap_err();
        assert_eq!(error.to_string(), "panicked: 1 of 2");
    }

    #[test]
    fn a_sample_lasts_long_enough() {
        let each = Duration::from_micros(30);
        let timer = Timer::new(Box::new(move |n| Ok(each * n)), Duration::from_millis(20));
        let repeats = timer.unwrap().repeats;
        assert!((667..1000).contains(&repeats), "{repeats}");
    }
}
