//! Host data of any length streamed through devices, chunk by chunk.
//!
//! Chunks go through a ring of persistent staging buffers, so that copies on the host overlap work on
//! the device. One call takes a slice:
//!
//! ```no_run
//! use wgpu_activations::{Activation, Gpu};
//!
//! let gpu = Gpu::new()?;
//! let mut x = vec![0.5f32; 1 << 30]; // larger than many a card
//! Activation::GELU.apply(&gpu, &mut x)?;
//! # Ok::<(), wgpu_activations::Error>(())
//! ```
//!
//! # Whether it pays
//!
//! One activation rarely pays for the trip. An f32 crosses the link twice, 8 bytes; at 25 GB/s that
//! is 3 billion elements a second, and a CPU that reads and writes 50 GB/s of memory does 6 billion
//! where the function is cheap. Offload pays where the function is dear on the CPU, where the CPU is
//! busy, or where a [`Chain`] does several operations in one trip.

mod backward;
mod chain;
mod chunk;
#[cfg(feature = "npy")]
#[doc(hidden)]
pub mod file;
mod forward;
mod host;
mod joint;
mod meter;
mod probe;
mod queue;
mod slot;
mod trip;

pub use backward::Backward;
#[doc(hidden)]
pub use backward::BackwardJob;
#[cfg(feature = "check")]
pub(crate) use backward::Stage;
#[doc(hidden)]
pub use chain::Views;
pub use chain::{Chain, Step};
pub use meter::{Progress, Summary};
pub use probe::Rates;

#[doc(hidden)]
pub use chunk::Chunk;
#[doc(hidden)]
pub use host::{Sink, Source};

use crate::{
    activation::Activation,
    element::{Element, ElementType},
    error::{Error, Result},
    gpu::Gpu,
    tensor::View,
};
use chain::Plan;
use chunk::{Cut, cut_up, in_order};
use forward::{Apply, Device, Survey, softmax_of};
use host::{Shared, Slice};
pub(crate) use joint::Channel;
use joint::{Joint, MomentsOfChunks, RowsOfChunks};
use meter::Meter;
#[doc(hidden)]
pub use trip::Given;
use trip::{SLOTS, Station, Trip, Work};

/// Bytes of a chunk where no budget says otherwise: enough for the link's full speed, and for software
/// adapters what stays in the caches on its way (gelu on lavapipe: 620 ms per GiB, and 870 with 16 MiB).
const CHUNK: u64 = 16 << 20;
const CHUNK_ON_CPU: u64 = 4 << 20;

/// Elements that chunks are multiples of.
const ALIGNED: usize = 1024;

/// Streams host data through one device or several.
///
/// ```no_run
/// use wgpu_activations::{Activation, Gpu, Offload};
///
/// let gpu = Gpu::new()?;
/// let x = vec![0.5f32; 1 << 30];
/// let mut y = vec![0.0f32; 1 << 30];
/// let offload = Offload::new(&gpu).memory(256 << 20);
/// let summary = offload.forward(&Activation::GELU.into(), &[1 << 20, 1 << 10], &x, &mut y)?;
/// println!("{} chunks in {:?}", summary.chunks, summary.total);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Clone)]
pub struct Offload<'a> {
    gpus: Vec<Gpu>,
    memory: Option<u64>,
    progress: Option<&'a (dyn Fn(Progress) + Sync)>,
}

/// Data to be streamed, and who looks on.
#[doc(hidden)]
pub struct Job<'a> {
    pub chain: &'a Chain,
    pub shape: &'a [usize],
    pub element: ElementType,
    pub source: &'a dyn Source,
    pub sink: &'a dyn Sink,
    /// Where the winners of maxout go, as u32.
    pub winners: Option<&'a dyn Sink>,
    pub witness: Option<&'a dyn Witness>,
}

/// One who sees every chunk on the host.
#[doc(hidden)]
pub trait Witness: Sync {
    /// A chunk's inputs before step `step`, of which the whole tensor's statistics are wanted.
    fn survey(&self, step: usize, chunk: &Chunk, inputs: &[Vec<u8>]) -> Result<()>;

    /// A chunk's inputs and its result, with what it gives beside that.
    fn result(&self, chunk: &Chunk, given: &Given<'_>) -> Result<()>;
}

/// What a job will take.
///
/// ```no_run
/// # use wgpu_activations::{Activation, ElementType, Gpu, Offload};
/// # let gpu = Gpu::new()?;
/// let offload = Offload::new(&gpu).memory(256 << 20);
/// let forecast = offload.forecast(&Activation::GELU.into(), &[1 << 30], ElementType::F32)?;
/// assert!(forecast.memory <= 256 << 20);
/// assert_eq!((forecast.passes, forecast.bytes), (1, 8 << 30)); // there and back
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Chunks of each pass.
    pub chunks: usize,
    /// Elements of a chunk at most.
    pub chunk_elements: usize,
    /// Passes over the input: one, and one more for each step that needs statistics of the whole.
    pub passes: usize,
    /// Bytes to the devices and back.
    pub bytes: u64,
    /// Memory for chunks under way, on the host and on the devices, at most.
    pub memory: u64,
    /// Whether input and result pass once and from beginning to end, as pipes need it.
    pub in_order: bool,
}

impl<'a> Offload<'a> {
    /// Through one device.
    pub fn new(gpu: &Gpu) -> Self {
        Self {
            gpus: vec![gpu.clone()],
            memory: None,
            progress: None,
        }
    }

    /// Through one more device, each taking the next chunk when it is ready for one.
    ///
    /// ```no_run
    /// use wgpu_activations::{Activation, Gpu, Offload, ShaderChecks, gpu};
    ///
    /// let adapters = gpu::adapters();
    /// let open = |name| Gpu::open(gpu::find(&adapters, name)?, ShaderChecks::default());
    /// let mut x = vec![0.5f32; 1 << 26];
    /// let both = Offload::new(&open("0")?).and(&open("1")?);
    /// let summary = both.forward_in_place(&Activation::MISH.into(), &[1 << 26], &mut x)?;
    /// println!("{:?}", summary.devices);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn and(mut self, gpu: &Gpu) -> Self {
        self.gpus.push(gpu.clone());
        self
    }

    /// With at most this many bytes for chunks under way, on the host and on the devices together.
    #[must_use]
    pub fn memory(self, bytes: u64) -> Self {
        Self {
            memory: Some(bytes),
            ..self
        }
    }

    /// With `progress` called after every chunk, from several threads.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Activation, Gpu, Offload, offload::Progress};
    /// # let gpu = Gpu::new()?;
    /// # let mut x = vec![0.5f32; 1 << 26];
    /// let told = |Progress { done, of }| println!("{} %", 100 * done / of);
    /// let offload = Offload::new(&gpu).progress(&told);
    /// offload.forward_in_place(&Activation::GELU.into(), &[1 << 26], &mut x)?;
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn progress(self, progress: &'a (dyn Fn(Progress) + Sync)) -> Self {
        Self {
            progress: Some(progress),
            ..self
        }
    }

    /// y = chain(x), x being of `shape`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if x or y is not as long as its shape says, as
    /// [`Chain::result_shape`], [`Error::TooLarge`] if the memory does not hold the smallest chunk
    /// that the chain can work on, and what the devices report.
    pub fn forward<T: Element>(
        &self,
        chain: &Chain,
        shape: &[usize],
        x: &[T],
        y: &mut [T],
    ) -> Result<Summary> {
        expect_len(shape, x.len())?;
        expect_len(&chain.result_shape(shape)?, y.len())?;
        let job = Job {
            chain,
            shape,
            element: T::TYPE,
            source: &Slice(x),
            sink: &Shared::new(y),
            winners: None,
            witness: None,
        };
        self.run(&job)
    }

    /// x = chain(x), for a chain that keeps the shape.
    ///
    /// ```no_run
    /// # use wgpu_activations::{Activation, Gpu, Offload};
    /// # let gpu = Gpu::new()?;
    /// let mut x = vec![-0.5f32; 1 << 26];
    /// Offload::new(&gpu).forward_in_place(&Activation::RELU.into(), &[1 << 26], &mut x)?;
    /// assert_eq!(x[1 << 25], 0.0);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Offload::forward`]; what was done before an error stays in x.
    pub fn forward_in_place<T: Element>(
        &self,
        chain: &Chain,
        shape: &[usize],
        x: &mut [T],
    ) -> Result<Summary> {
        expect_len(shape, x.len())?;
        expect_len(&chain.result_shape(shape)?, x.len())?;
        let shared = Shared::new(x);
        let job = Job {
            chain,
            shape,
            element: T::TYPE,
            source: &shared,
            sink: &shared,
            winners: None,
            witness: None,
        };
        self.run(&job)
    }

    /// What streaming a tensor of this shape will take.
    ///
    /// ```no_run
    /// # use wgpu_activations::{ElementType, Gpu, Offload};
    /// use wgpu_activations::offload::{Chain, Step};
    ///
    /// # let gpu = Gpu::new()?;
    /// // Dice in training needs the statistics of the whole before the first result.
    /// let dice = Step::Dice { alpha: vec![0.0; 64], epsilon: 1e-8, statistics: None };
    /// let offload = Offload::new(&gpu);
    /// let forecast = offload.forecast(&Chain::new(dice), &[1 << 20, 64], ElementType::F32)?;
    /// assert_eq!((forecast.passes, forecast.in_order), (2, false));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Offload::forward`], before any work.
    pub fn forecast(
        &self,
        chain: &Chain,
        shape: &[usize],
        element: ElementType,
    ) -> Result<Forecast> {
        let plan = chain.layout(shape)?;
        let most = self.most(element, &plan, false);
        let chunks = self.chunks(chain, &plan, most, element)?;
        let passes = 1 + surveyed(chain, &plan, &chunks).len();
        let elements = |view: View| (view.outer * view.extent * view.inner) as u64;
        let bytes = passes as u64 * elements(plan.view) + elements(plan.result);
        let largest = chunks.iter().map(Chunk::len).max().unwrap_or(0);
        let result: Vec<_> = chunks
            .iter()
            .map(|chunk| chunk.of_result(plan.view, plan.result))
            .collect();
        Ok(Forecast {
            in_order: passes == 1
                && self.gpus.len() == 1
                && in_order(&chunks, plan.view)
                && in_order(&result, plan.result),
            chunks: chunks.len(),
            chunk_elements: largest,
            passes,
            bytes: bytes * element.size(),
            memory: largest as u64 * per_element(element, &plan, false) * self.gpus.len() as u64,
        })
    }

    #[doc(hidden)]
    pub fn run(&self, job: &Job<'_>) -> Result<Summary> {
        let chain = job.chain;
        let plan = chain.layout(job.shape)?;
        let keep = job.witness.is_some();
        let most = self.most(job.element, &plan, keep);
        let chunks = self.chunks(chain, &plan, most, job.element)?;
        let surveyed = surveyed(chain, &plan, &chunks);
        let passes = 1 + surveyed.len();
        let elements: usize = chunks.iter().map(Chunk::len).sum();
        let meter = Meter::new((elements * passes) as u64, self.progress);
        let mut gpus = self.gpus.clone();
        let mut joints = vec![Joint::Nothing; chain.steps.len()];
        let mut moments = Vec::new();
        let whole_rows = !surveyed
            .iter()
            .any(|step| matches!(chain.steps[*step], Step::Softmax { .. }));
        let way = Way {
            job,
            plan: &plan,
            cut: match plan.cut {
                // Nothing is known that would join them.
                Cut::Rows if whole_rows => Cut::WholeAxis,
                cut => cut,
            },
            most,
            meter: &meter,
        };
        for step in surveyed {
            let mut survey = Surveying {
                job,
                plan: &plan,
                joints: &joints,
                step,
                found: Found::new(chain, &plan, step),
            };
            way.trip(&survey, None).run(&mut gpus, chunks.clone())?;
            let found = std::mem::replace(&mut survey.found, Found::Nothing);
            joints[step] = match found {
                Found::Nothing => Joint::Nothing,
                Found::Moments(found) => {
                    let channels = found.finish();
                    let joint = Joint::of_moments(&channels);
                    moments.push((step, Channel::moments(&channels)?));
                    joint
                }
                Found::Rows(rows) => {
                    let softmax = softmax_of(&chain.steps[step], chain.math);
                    Joint::Rows(rows.finish(&gpus[0], softmax, false)?)
                }
            };
        }
        let applying = Applying {
            job,
            plan: &plan,
            joints: &joints,
        };
        way.trip(&applying, Some((job.sink, plan.result)))
            .run(&mut gpus, chunks)?;
        Ok(Summary {
            moments,
            ..meter.summary()
        })
    }

    fn chunks(
        &self,
        chain: &Chain,
        plan: &Plan,
        most: usize,
        element: ElementType,
    ) -> Result<Vec<Chunk>> {
        cut_up(&Chunk::whole(plan.view), most, plan.cut).map_err(|smallest| Error::TooLarge {
            what: format!("the smallest chunk that `{chain}` can work on"),
            bytes: smallest as u64 * element.size(),
            limit: most as u64 * element.size(),
            advice: "allow more memory, or take its operations one by one",
        })
    }

    /// Elements of a chunk.
    fn most(&self, element: ElementType, plan: &Plan, keep: bool) -> usize {
        let bindings = self
            .gpus
            .iter()
            .map(|gpu| gpu.limits().max_storage_buffer_binding_size);
        let binding = bindings.min().unwrap_or(CHUNK);
        let bytes = match self.memory {
            None if self.gpus.iter().all(Gpu::is_software) => CHUNK_ON_CPU,
            None => CHUNK,
            Some(memory) => {
                let share = memory / self.gpus.len().max(1) as u64;
                share / per_element(element, plan, keep) * element.size()
            }
        };
        let elements = (bytes.min(binding / 2) / element.size()) as usize;
        (elements / ALIGNED * ALIGNED).max(ALIGNED)
    }
}

/// Bytes of memory per element of a chunk: for the slots of the ring, input and result and what is
/// kept of the input; and for the tensors of the chunk that is worked on.
fn per_element(element: ElementType, plan: &Plan, keep: bool) -> u64 {
    let result = (plan.result.extent as u64).div_ceil(plan.view.extent.max(1) as u64);
    let slots = SLOTS as u64 * (1 + result + u64::from(keep));
    element.size() * (slots + 1 + 2 * result)
}

/// The steps that need to know the whole tensor before they work on a chunk.
fn surveyed(chain: &Chain, plan: &Plan, chunks: &[Chunk]) -> Vec<usize> {
    let cut = chunks
        .iter()
        .any(|chunk| chunk.extent.len() < plan.view.extent);
    let needs = |step: &Step| match step {
        Step::Dice { statistics, .. } => statistics.is_none() && !chunks.is_empty(),
        Step::Softmax { .. } => cut,
        _ => false,
    };
    let steps = chain.steps.iter().enumerate();
    steps
        .filter(|(_, step)| needs(step))
        .map(|(index, _)| index)
        .collect()
}

/// What a survey finds.
enum Found {
    Nothing,
    Moments(MomentsOfChunks),
    Rows(RowsOfChunks),
}

impl Found {
    fn new(chain: &Chain, plan: &Plan, step: usize) -> Self {
        match &chain.steps[step] {
            Step::Dice { alpha, .. } => Self::Moments(MomentsOfChunks::new(alpha.len())),
            Step::Softmax { .. } => Self::Rows(RowsOfChunks::new(plan.view)),
            _ => Self::Nothing,
        }
    }
}

/// What the passes of a job have in common.
struct Way<'a> {
    job: &'a Job<'a>,
    plan: &'a Plan,
    cut: Cut,
    most: usize,
    meter: &'a Meter<'a>,
}

impl Way<'_> {
    fn trip<'a>(&'a self, work: &'a dyn Work, sink: Option<(&'a dyn Sink, View)>) -> Trip<'a> {
        Trip {
            element: self.job.element,
            view: self.plan.view,
            sources: vec![(self.job.source, self.plan.view)],
            sink,
            cut: self.cut,
            most: self.most,
            keep: self.job.witness.is_some(),
            work,
            meter: self.meter,
        }
    }
}

/// A pass that only looks.
struct Surveying<'a> {
    job: &'a Job<'a>,
    plan: &'a Plan,
    joints: &'a [Joint],
    step: usize,
    found: Found,
}

impl Work for Surveying<'_> {
    fn prepare<'a>(&'a self, gpu: &Gpu) -> Result<Box<dyn Station + 'a>> {
        Ok(Box::new(Survey {
            device: Device::new(gpu, self.job.chain, self.plan, self.joints),
            step: self.step,
        }))
    }

    fn absorb(&self, chunk: &Chunk, given: Given<'_>) -> Result<()> {
        for words in &given.beside {
            match &self.found {
                Found::Nothing => {}
                Found::Moments(moments) => moments.absorb(chunk, words),
                Found::Rows(rows) => rows.absorb(chunk, words),
            }
        }
        match self.job.witness {
            Some(witness) => witness.survey(self.step, chunk, given.inputs),
            None => Ok(()),
        }
    }
}

/// The pass that writes the result.
struct Applying<'a> {
    job: &'a Job<'a>,
    plan: &'a Plan,
    joints: &'a [Joint],
}

impl Work for Applying<'_> {
    fn prepare<'a>(&'a self, gpu: &Gpu) -> Result<Box<dyn Station + 'a>> {
        let device = Device::new(gpu, self.job.chain, self.plan, self.joints);
        Ok(Box::new(Apply(device)))
    }

    fn absorb(&self, chunk: &Chunk, given: Given<'_>) -> Result<()> {
        if let (Some(sink), Some(winners)) = (self.job.winners, given.beside.last()) {
            let mut at = 0;
            for run in chunk
                .of_result(self.plan.view, self.plan.result)
                .runs(self.plan.result)
            {
                let part = &winners[at..at + run.len()];
                sink.write(run.start, bytemuck::cast_slice(part))?;
                at += run.len();
            }
        }
        match self.job.witness {
            Some(witness) => witness.result(chunk, &given),
            None => Ok(()),
        }
    }
}

impl Activation {
    /// x = f(x) for host data of any length, through a device: see [`offload`](crate::offload).
    ///
    /// ```no_run
    /// use half::f16;
    /// use wgpu_activations::{Activation, Gpu};
    ///
    /// # let gpu = Gpu::new()?;
    /// let mut x = vec![f16::from_f32(-0.5); 1 << 26];
    /// Activation::RELU.apply(&gpu, &mut x)?;
    /// assert_eq!(x[0], f16::ZERO);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What the device reports; what was done before stays in x.
    pub fn apply<T: Element>(self, gpu: &Gpu, x: &mut [T]) -> Result<Summary> {
        let shape = [x.len()];
        Offload::new(gpu).forward_in_place(&self.into(), &shape, x)
    }
}

fn expect_len(shape: &[usize], found: usize) -> Result<()> {
    let expected = if shape.contains(&0) {
        Some(0)
    } else {
        shape
            .iter()
            .try_fold(1_usize, |len, &axis| len.checked_mul(axis))
    };
    if expected == Some(found) {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        shape: shape.to_vec(),
        expected: expected.unwrap_or(usize::MAX),
        found,
    })
}
