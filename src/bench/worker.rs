//! Verifies and samples cases, with what they need kept from one request to the next.

use std::{collections::HashMap, rc::Rc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    case::Case,
    clock::Stopwatch,
    data::Data,
    record::{Accuracy, Clock, Status},
    work::{self, Baseline, Measurable},
};
#[cfg(not(target_arch = "wasm32"))]
use super::{
    host_side::HostSide,
    processor::{Processor, Timed},
};
use crate::{
    accuracy::{Report, Sample},
    device::Device,
    error::{Error, Result},
    gpu::Gpu,
};

/// A case to verify, or samples of one to take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What is measured.
    pub case: Case,
    /// Samples to take.
    pub samples: u32,
    /// Whether results are compared with the reference, in place of being timed. Not in one process: while
    /// the host computes references, GPUs lower their clocks.
    pub verify: bool,
    /// What a sample lasts at least, milliseconds.
    pub min_time_ms: f64,
    /// What the tensors that take turns hold together at least, bytes.
    pub working_set_bytes: u64,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Results are right, by so much where there are any.
    Verified(Option<Accuracy>),
    /// Samples, with how they were taken.
    Measured(Measured),
    /// Not yet: one more sample was taken.
    Working,
    /// There are none.
    Refused {
        /// What kind of failure it was.
        status: Status,
        /// Why.
        message: String,
        /// How far results were off, where that is why.
        accuracy: Option<Accuracy>,
    },
}

/// Samples of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The clock that they come from.
    pub clock: Clock,
    /// Executions that a sample's time was divided by.
    pub repeats: u32,
    /// Bytes of the tensors that the executions take in turn.
    pub working_set_bytes: u64,
    /// Nanoseconds per tick of the device's clock.
    pub timestamp_period_ns: Option<f64>,
    /// Nanoseconds.
    pub samples_ns: Vec<f64>,
    /// Name, bytes moved and nanoseconds.
    pub baseline: Option<(String, u64, Vec<f64>)>,
}

/// Whom cases are handed to.
pub trait Measurer {
    /// Gives up what it holds: what follows lays out its memory anew.
    fn renew(&mut self);

    /// What came of `request`; none once `go_on`, asked again and again, says no.
    ///
    /// # Errors
    ///
    /// Where nothing can be measured at all. What goes wrong while measuring is an answer.
    fn ask(
        &mut self,
        request: &Request,
        go_on: &mut dyn FnMut() -> bool,
    ) -> impl Future<Output = Result<Option<Answer>>>;
}

/// Measures in this process.
pub struct Worker {
    device: Device,
    data: Option<Rc<Data>>,
    stopwatch: Option<Rc<Stopwatch>>,
    /// Cases that work on `data`, warmed up, by their text.
    prepared: HashMap<String, Subject>,
}

/// A case that is ready to be sampled.
enum Subject {
    Device {
        stopwatch: Rc<Stopwatch>,
        work: Box<dyn Measurable>,
        repeats: u32,
        baseline: Option<(Baseline, u32)>,
    },
    #[cfg(not(target_arch = "wasm32"))]
    Processor {
        processor: Box<Processor>,
        repeats: u32,
        /// Its name, bytes moved and executions.
        baseline: Option<(String, u64, u32)>,
    },
    #[cfg(not(target_arch = "wasm32"))]
    Host(HostSide),
}

impl Measurer for Worker {
    fn renew(&mut self) {
        self.prepared.clear();
        self.data = None;
        if let Device::Gpu(gpu) = &self.device {
            gpu.trim();
        }
    }

    async fn ask(
        &mut self,
        request: &Request,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Answer>> {
        if !go_on() {
            return Ok(None);
        }
        Ok(Some(self.answer_async(request, &mut || {}).await))
    }
}

impl Worker {
    /// One that measures on `device`.
    pub fn new(device: impl Into<Device>) -> Self {
        Self {
            device: device.into(),
            data: None,
            stopwatch: None,
            prepared: HashMap::new(),
        }
    }

    /// What comes of `request`. `working` is told of each sample.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn answer(&mut self, request: &Request, working: &mut dyn FnMut()) -> Answer {
        pollster::block_on(self.answer_async(request, working))
    }

    /// [`Worker::answer`] for asynchronous callers.
    pub async fn answer_async(&mut self, request: &Request, working: &mut dyn FnMut()) -> Answer {
        let answer = if request.verify {
            self.verify(request).await
        } else {
            self.measure(request, working).await.map(Answer::Measured)
        };
        answer.unwrap_or_else(|error| Answer::Refused {
            status: match error {
                Error::TooLarge { .. } | Error::Blocking { .. } => Status::Unsupported,
                _ => Status::Failed,
            },
            message: error.to_string(),
            accuracy: None,
        })
    }

    async fn verify(&mut self, request: &Request) -> Result<Answer> {
        let case = &request.case;
        let working_set = request.working_set_bytes;
        let report = match self.device.clone() {
            Device::Gpu(gpu) if !case.is_of_host() => {
                let data = self.data_for(case, &gpu, working_set);
                Some(work::build(case, &data)?.verify().await?)
            }
            _ => self.verify_on_host(case, working_set)?,
        };
        Ok(match report {
            Some(report) if !report.passed() => Answer::Refused {
                status: Status::Wrong,
                message: report.to_string(),
                accuracy: Some(accuracy(&report)),
            },
            report => Answer::Verified(report.as_ref().map(accuracy)),
        })
    }

    /// What the host does, and what the processor computes.
    #[cfg(not(target_arch = "wasm32"))]
    fn verify_on_host(&self, case: &Case, working_set: u64) -> Result<Option<Report>> {
        match &self.device {
            Device::Cpu(cpu) if !case.is_of_host() => {
                Processor::new(case, cpu, working_set)?.verify().map(Some)
            }
            device => HostSide::new(case, device)?.verify(),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn prepare_on_host(&mut self, request: &Request) -> Result<Subject> {
        let case = &request.case;
        match self.device.clone() {
            Device::Cpu(cpu) if !case.is_of_host() => {
                // Arrays of other cases are given up first.
                self.renew();
                let min_time = Duration::from_secs_f64(request.min_time_ms / 1e3);
                Subject::of(
                    Processor::new(case, &cpu, request.working_set_bytes)?,
                    min_time,
                )
            }
            device => {
                let mut host = HostSide::new(case, &device)?;
                // The first time pipelines are built and memory is new.
                host.sample()?;
                Ok(Subject::Host(host))
            }
        }
    }

    #[cfg(target_arch = "wasm32")]
    fn verify_on_host(&self, case: &Case, _: u64) -> Result<Option<Report>> {
        Err(blocking(case))
    }

    #[cfg(target_arch = "wasm32")]
    fn prepare_on_host(&self, request: &Request) -> Result<Subject> {
        Err(blocking(&request.case))
    }

    async fn measure(&mut self, request: &Request, working: &mut dyn FnMut()) -> Result<Measured> {
        let key = format!("{:?}", request.case);
        let mut subject = match self.prepared.remove(&key) {
            Some(subject) => subject,
            None => {
                let subject = self.prepare(request).await?;
                working();
                subject
            }
        };
        let measured = subject.sample(request.samples, working).await;
        self.prepared.insert(key, subject);
        measured
    }

    async fn prepare(&mut self, request: &Request) -> Result<Subject> {
        let case = &request.case;
        let gpu = match self.device.clone() {
            Device::Gpu(gpu) if !case.is_of_host() => gpu,
            _ => return self.prepare_on_host(request),
        };
        let min_time = Duration::from_secs_f64(request.min_time_ms / 1e3);
        let data = self.data_for(case, &gpu, request.working_set_bytes);
        let work = work::build(case, &data)?;
        let stopwatch = match &self.stopwatch {
            Some(stopwatch) => stopwatch.clone(),
            None => {
                let copy = Baseline::of("copy", &data)?;
                Rc::new(Stopwatch::new(&gpu, &copy).await?)
            }
        };
        self.stopwatch = Some(stopwatch.clone());
        let repeats = stopwatch.repeats(&*work, min_time).await?;
        let baseline = match work.baseline()? {
            Some(baseline) => {
                let repeats = stopwatch.repeats(&baseline, min_time).await?;
                Some((baseline, repeats))
            }
            None => None,
        };
        stopwatch.warm_up(&*work, repeats, min_time).await?;
        Ok(Subject::Device {
            stopwatch,
            work,
            repeats,
            baseline,
        })
    }

    /// The tensors for a case; those of another type or size are given up first.
    fn data_for(&mut self, case: &Case, gpu: &Gpu, working_set: u64) -> Rc<Data> {
        if let Some(data) = &self.data
            && data.is_of(case.element, case.bytes)
        {
            return data.clone();
        }
        self.renew();
        let data = Rc::new(Data::new(gpu, case.element, case.bytes, working_set));
        self.data = Some(data.clone());
        data
    }
}

impl Subject {
    /// On the processor, warmed up.
    #[cfg(not(target_arch = "wasm32"))]
    fn of(mut processor: Processor, min_time: Duration) -> Result<Self> {
        let repeats = processor.repeats(Timed::Case, min_time)?;
        let baseline = match processor.baseline() {
            None => None,
            Some((name, bytes)) => {
                let repeats = processor.repeats(Timed::Baseline, min_time)?;
                Some((name, bytes, repeats))
            }
        };
        Ok(Self::Processor {
            processor: Box::new(processor),
            repeats,
            baseline,
        })
    }

    async fn sample(&mut self, samples: u32, working: &mut dyn FnMut()) -> Result<Measured> {
        match self {
            #[cfg(not(target_arch = "wasm32"))]
            Self::Host(host) => Ok(Measured {
                clock: Clock::Host,
                repeats: host.repeats(),
                working_set_bytes: 0,
                timestamp_period_ns: None,
                samples_ns: (0..samples)
                    .map(|_| {
                        working();
                        host.sample()
                    })
                    .collect::<Result<_>>()?,
                baseline: None,
            }),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Processor {
                processor,
                repeats,
                baseline,
            } => {
                let (mut samples_ns, mut beside) = (Vec::new(), Vec::new());
                for _ in 0..samples {
                    working();
                    if let Some((_, _, repeats)) = baseline {
                        beside.push(processor.sample(Timed::Baseline, *repeats)?);
                    }
                    samples_ns.push(processor.sample(Timed::Case, *repeats)?);
                }
                let named = |(name, bytes, _): &(String, u64, u32)| (name.clone(), *bytes, beside);
                Ok(Measured {
                    clock: Clock::Host,
                    repeats: *repeats,
                    working_set_bytes: processor.working_set(),
                    timestamp_period_ns: None,
                    samples_ns,
                    baseline: baseline.as_ref().map(named),
                })
            }
            Self::Device {
                stopwatch,
                work,
                repeats,
                baseline,
            } => {
                let (mut samples_ns, mut beside) = (Vec::new(), Vec::new());
                for _ in 0..samples {
                    working();
                    // In turn, so that both see the same machine.
                    if let Some((baseline, repeats)) = baseline {
                        beside.push(stopwatch.sample(baseline, *repeats).await?);
                    }
                    samples_ns.push(stopwatch.sample(&**work, *repeats).await?);
                }
                let named = |(baseline, _): &(Baseline, u32)| {
                    (baseline.name().to_owned(), baseline.moved_bytes(), beside)
                };
                Ok(Measured {
                    clock: stopwatch.clock(),
                    repeats: *repeats,
                    working_set_bytes: work.working_set(),
                    timestamp_period_ns: stopwatch.period_ns(),
                    samples_ns,
                    baseline: baseline.as_ref().map(named),
                })
            }
        }
    }
}

/// What the host's clock alone would see, with the host waiting.
#[cfg(target_arch = "wasm32")]
fn blocking(case: &Case) -> Error {
    Error::Blocking {
        what: format!("measuring `{}` by the host's clock", case.title()),
        instead: "leave host_side out of the plan",
    }
}

fn accuracy(report: &Report) -> Accuracy {
    // JSON has no infinity.
    let worst = |of: fn(&Sample) -> f64| report.worst.as_ref().map_or(0.0, of).min(f64::MAX);
    Accuracy {
        compared: report.compared,
        failed: report.failed,
        worst_ulp: worst(|sample| sample.ulp),
        worst_of_allowed: worst(|sample| sample.severity),
    }
}
