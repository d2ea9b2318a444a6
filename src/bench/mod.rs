//! Measures kernels, keeps what was measured, compares and shows it.
//!
//! A [`Plan`] says what is measured; [`run`] hands its cases to a process of their own and keeps what
//! comes back as [`record::Row`]s of a [`record::Run`]. Every result is compared with the reference
//! before it is timed, and timed in turn with a kernel that only moves the same memory.

mod case;
mod clock;
pub mod compare;
mod data;
mod facts;
mod host_side;
mod plan;
pub mod record;
pub mod report;
pub mod stats;
mod supervisor;
mod tune;
mod work;
mod worker;

use std::{process::Command, time::Duration};

pub use case::{Case, GRAIN, operations};
pub(crate) use facts::device as device_facts;
pub use plan::Plan;
pub use tune::{Knob, tune};
pub(crate) use worker::serve;

use crate::{
    check::Pass,
    error::Result,
    gpu::{Adapter, Tuning},
};
use record::{Baseline, DeviceFacts, Kind, Measurement, Row, Run, SCHEMA, Settings, Status};
use stats::summary;
use supervisor::Supervisor;
use worker::{Answer, Measured, Request};

/// How long a measuring process may take to answer.
const PATIENCE: Duration = Duration::from_secs(180);

/// Measures the cases of `plan` on each of `adapters`. `worker` gives the command that answers
/// requests for an adapter, `tuning` the shapes of kernels that it uses, if not the default; `watch` is told of each case before it is measured, with the share of the
/// run that is done, and of the run afterwards. Once `go_on`, asked ten times a second, says no, the run
/// ends with what it has.
///
/// # Errors
///
/// [`Error::File`](crate::Error::File) if a measuring process cannot be started, and what `watch`
/// returns. What goes wrong while measuring is a row.
pub fn run(
    plan: &Plan,
    adapters: &[&Adapter],
    worker: impl Fn(&Adapter) -> Command,
    tuning: impl Fn(&Adapter) -> Option<Tuning>,
    mut watch: impl FnMut(Event<'_>) -> Result<()>,
    mut go_on: impl FnMut() -> bool,
) -> Result<Run> {
    let mut run = Run {
        schema: SCHEMA.to_owned(),
        program: facts::program(),
        started: facts::now(),
        complete: false,
        host: facts::host(),
        settings: Settings {
            preset: plan.preset.to_owned(),
            samples: plan.samples,
            rounds: plan.rounds,
            min_time_ms: plan.min_time_ms,
            working_set_bytes: plan.working_set_bytes,
        },
        devices: adapters
            .iter()
            .map(|adapter| DeviceFacts {
                tuning: tuning(adapter),
                ..facts::device(adapter)
            })
            .collect(),
        rows: Vec::new(),
    };
    let groups: Vec<_> = adapters
        .iter()
        .flat_map(|adapter| {
            let software = adapter.info().device_type == wgpu::DeviceType::Cpu;
            let groups = plan.cases(software).into_iter();
            groups.map(move |group| (*adapter, group))
        })
        .collect();
    let rounds = plan.rounds.max(1);
    let steps = groups.iter().map(|(_, group)| group.len()).sum::<usize>() * rounds as usize;
    let mut step = 0;
    let mut supervisor: Option<(&str, Supervisor)> = None;
    for (adapter, group) in groups {
        if supervisor
            .as_ref()
            .is_none_or(|(name, _)| *name != adapter.name())
        {
            supervisor = Some((adapter.name(), Supervisor::new(worker(adapter), PATIENCE)));
        }
        let Some((_, supervisor)) = &mut supervisor else {
            continue;
        };
        let first = run.rows.len();
        run.rows
            .extend(group.iter().map(|case| row(case, adapter.name())));
        for round in 0..rounds {
            // A new process lays out its memory anew, which is part of what differs between runs.
            supervisor.renew();
            for (index, case) in group.iter().enumerate() {
                step += 1;
                if run.rows[first + index].status != Status::Ok {
                    continue;
                }
                let event = Event::Case {
                    case,
                    device: adapter.name(),
                    done: (step - 1) as f64 / steps as f64,
                };
                watch(event)?;
                let share = plan.samples.div_ceil(rounds);
                let request = Request {
                    case: case.clone(),
                    samples: share,
                    verify: round == 0,
                    min_time_ms: plan.min_time_ms,
                    working_set_bytes: plan.working_set_bytes,
                };
                let Some(answer) = supervisor.ask(&request, &mut go_on)? else {
                    return Ok(run);
                };
                if let Answer::Measured(measured) = &answer
                    && let Some(period) = measured.timestamp_period_ns
                {
                    for facts in &mut run.devices {
                        if facts.name == adapter.name() {
                            facts.timestamp_period_ns = Some(period);
                        }
                    }
                }
                run.rows[first + index].take(answer);
                watch(Event::Measured(&run))?;
            }
        }
    }
    run.complete = true;
    watch(Event::Measured(&run))?;
    Ok(run)
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
fn row(case: &Case, device: &str) -> Row {
    let program = facts::program();
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
            Answer::Measured(measured) => {
                self.accuracy = measured.accuracy.clone().or(self.accuracy.take());
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
            samples
                .into_iter()
                .map(|ns| (ns * 10.0).round() / 10.0)
                .collect()
        };
        let (mut rounds_ns, before) = match before {
            Some(before) => (before.rounds_ns, before.baseline),
            None => (Vec::new(), None),
        };
        rounds_ns.push(rounded(self.samples_ns));
        let baseline = self.baseline.map(|(name, moved_bytes, samples)| {
            let mut rounds_ns = before.map_or_else(Vec::new, |before| before.rounds_ns);
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
