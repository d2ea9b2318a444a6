//! Measures kernels and keeps what was measured.
//!
//! A [`Plan`] says what is measured; [`run`] hands its cases to a [`Measurer`] and keeps what comes back
//! as [`record::Row`]s of a [`record::Run`]. Every result is compared with the reference
//! before it is timed, and timed in turn with a kernel that only moves the same memory. On the processor a copy by the same
//! threads stands for that kernel.

mod case;
mod clock;
#[cfg(not(target_arch = "wasm32"))]
mod cost;
mod data;
pub mod facts;
#[cfg(not(target_arch = "wasm32"))]
mod host_side;
#[cfg(not(target_arch = "wasm32"))]
mod lineup;
mod plan;
#[cfg(not(target_arch = "wasm32"))]
mod processor;
pub mod record;
pub mod stats;
#[cfg(not(target_arch = "wasm32"))]
mod tune;
mod work;
mod worker;

use std::ops::ControlFlow;

pub use case::{Case, GRAIN, operations};
#[cfg(not(target_arch = "wasm32"))]
pub use cost::costs;
pub use plan::Plan;
#[cfg(not(target_arch = "wasm32"))]
pub use tune::{Knob, tune};
pub use worker::{Answer, Measured, Measurer, Request, Worker};

use crate::{check::Pass, error::Result};
use record::{
    Baseline, DeviceFacts, Host, Kind, Measurement, Program, Row, Run, SCHEMA, Settings, Status,
};
use stats::summary;

/// Where cases are measured.
#[derive(Debug)]
pub struct Target<M> {
    /// The device, with the shapes of kernels that it uses, if not the default.
    pub device: DeviceFacts,
    /// What measures on it.
    pub measurer: M,
}

/// What measures, when, and on which machine.
#[derive(Debug, Clone)]
pub struct About {
    /// The program.
    pub program: Program,
    /// The time: RFC 3339, UTC.
    pub started: String,
    /// The machine.
    pub host: Host,
}

/// Measures the cases of `plan` on each of `targets`. `watch` is told of each case before it is measured
/// and of the run afterwards. Once `go_on`, asked ten times a second, says no, the run ends with what it
/// has.
///
/// # Errors
///
/// What a measurer and `watch` return. What goes wrong while measuring is a row.
#[cfg(not(target_arch = "wasm32"))]
pub fn run<M: Measurer>(
    plan: &Plan,
    about: About,
    targets: Vec<Target<M>>,
    watch: impl FnMut(Event<'_>) -> Result<()>,
    go_on: impl FnMut() -> bool,
) -> Result<Run> {
    pollster::block_on(run_async(plan, about, targets, watch, go_on))
}

/// [`run`] for asynchronous callers.
///
/// # Errors
///
/// As [`run`].
pub async fn run_async<M: Measurer>(
    plan: &Plan,
    about: About,
    targets: Vec<Target<M>>,
    watch: impl FnMut(Event<'_>) -> Result<()>,
    go_on: impl FnMut() -> bool,
) -> Result<Run> {
    let devices = targets.iter().map(|target| target.device.clone());
    let run = Run {
        schema: SCHEMA.to_owned(),
        program: about.program,
        started: about.started,
        complete: false,
        host: about.host,
        settings: Settings {
            preset: plan.preset.to_owned(),
            samples: plan.samples,
            rounds: plan.rounds,
            min_time_ms: plan.min_time_ms,
            working_set_bytes: plan.working_set_bytes,
        },
        devices: devices.collect(),
        rows: Vec::new(),
    };
    let mut session = Session {
        plan,
        run,
        done: 0,
        cases: targets
            .iter()
            .map(|target| plan.cases(&target.device.r#type).concat().len())
            .sum(),
        watch,
        go_on,
    };
    for mut target in targets {
        let DeviceFacts { name, r#type, .. } = &target.device;
        for group in plan.cases(r#type) {
            let flow = session.measure(name, &mut target.measurer, &group);
            let flow = flow.await?;
            if flow.is_break() {
                return Ok(session.run);
            }
        }
    }
    session.run.complete = true;
    (session.watch)(Event::Measured(&session.run))?;
    Ok(session.run)
}

/// A run under way.
struct Session<'a, W, G> {
    plan: &'a Plan,
    run: Run,
    /// Rounds over cases that are behind, and cases in all.
    done: usize,
    cases: usize,
    watch: W,
    go_on: G,
}

impl<W: FnMut(Event<'_>) -> Result<()>, G: FnMut() -> bool> Session<'_, W, G> {
    /// Verifies cases of one element type and size, then measures them, round by round.
    async fn measure(
        &mut self,
        device: &str,
        measurer: &mut impl Measurer,
        group: &[Case],
    ) -> Result<ControlFlow<()>> {
        let first = self.run.rows.len();
        let rows = group
            .iter()
            .map(|case| row(case, device, &self.run.program));
        self.run.rows.extend(rows);
        for round in 0..=self.plan.rounds {
            // How memory is laid out is part of what differs between runs.
            measurer.renew();
            for (index, case) in group.iter().enumerate() {
                let done = self.done as f64 / (self.cases as f64 * f64::from(self.plan.rounds + 1));
                self.done += 1;
                if self.run.rows[first + index].status != Status::Ok {
                    continue;
                }
                (self.watch)(Event::Case { case, device, done })?;
                let request = Request {
                    case: case.clone(),
                    samples: self.plan.samples.div_ceil(self.plan.rounds),
                    verify: round == 0,
                    min_time_ms: self.plan.min_time_ms,
                    working_set_bytes: self.plan.working_set_bytes,
                };
                let Some(answer) = measurer.ask(&request, &mut self.go_on).await? else {
                    return Ok(ControlFlow::Break(()));
                };
                self.note_clock(device, &answer);
                let verified = matches!(answer, Answer::Verified(_));
                self.run.rows[first + index].take(answer);
                if !verified {
                    (self.watch)(Event::Measured(&self.run))?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Keeps what a device's clock counts in, which is known once it is open.
    fn note_clock(&mut self, device: &str, answer: &Answer) {
        let Answer::Measured(measured) = answer else {
            return;
        };
        let devices = self.run.devices.iter_mut();
        for facts in devices.filter(|facts| facts.name == device) {
            facts.timestamp_period_ns = measured.timestamp_period_ns.or(facts.timestamp_period_ns);
        }
    }
}

/// What a run tells who watches it.
#[derive(Debug)]
pub enum Event<'a> {
    /// This case comes next.
    Case {
        /// The case.
        case: &'a Case,
        /// Where it is measured.
        device: &'a str,
        /// The share of the run that is done, from 0 to 1.
        done: f64,
    },
    /// The run so far, with one more measurement.
    Measured(&'a Run),
}

/// The row of a case before it is measured.
fn row(case: &Case, device: &str, program: &Program) -> Row {
    Row {
        implementation: format!("{} {}", program.name, program.version),
        device: device.to_owned(),
        kind: case.kind,
        op: case.op.clone(),
        pass: case.pass.map_or("-", Pass::name).to_owned(),
        dtype: case.element.name().to_owned(),
        math: matches!(case.kind, Kind::Kernel | Kind::Offload)
            .then(|| case.math.name().to_owned()),
        shape: case.shape().iter().map(|&axis| axis as u64).collect(),
        input_bytes: case.bytes,
        moved_bytes: case.moved_bytes(),
        status: Status::Ok,
        message: None,
        accuracy: None,
        measurement: None,
    }
}

impl Row {
    /// Takes in an answer: another round of samples, or why there are none.
    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Refused {
                status,
                message,
                accuracy,
            } => {
                self.status = status;
                self.message = Some(message);
                self.accuracy = accuracy.or(self.accuracy.take());
                self.measurement = None;
            }
            Answer::Working => {}
            Answer::Verified(accuracy) => self.accuracy = accuracy,
            Answer::Measured(measured) => {
                let before = self.measurement.take();
                self.measurement = Some(measured.joined(before, self.moved_bytes));
            }
        }
    }
}

impl Measured {
    /// A measurement with one more round.
    fn joined(self, before: Option<Measurement>, moved_bytes: u64) -> Measurement {
        let rounded = |samples: Vec<f64>| -> Vec<f64> {
            let tenths = samples.into_iter().map(|ns| (ns * 10.0).round());
            tenths.map(|tenths| tenths / 10.0).collect()
        };
        let (mut rounds_ns, baseline) = before.map_or_else(Default::default, |before| {
            (before.rounds_ns, before.baseline)
        });
        rounds_ns.push(rounded(self.samples_ns));
        let baseline = self.baseline.map(|(name, moved_bytes, samples)| {
            let mut rounds_ns = baseline.map_or_else(Vec::new, |before| before.rounds_ns);
            rounds_ns.push(rounded(samples));
            Baseline {
                name,
                moved_bytes,
                rounds_ns,
            }
        });
        Measurement {
            clock: self.clock,
            repeats: self.repeats,
            working_set_bytes: self.working_set_bytes,
            summary: summary(moved_bytes, &rounds_ns, baseline.as_ref()),
            rounds_ns,
            baseline,
        }
    }
}
