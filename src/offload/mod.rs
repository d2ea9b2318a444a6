//! Host data of any length streamed through devices, chunk by chunk.
//!
//! Chunks go through a ring of persistent staging buffers, so that copies on the host overlap work on
//! the device. One call takes a slice:
//!
//! ```
//! # wgpu_activations::needs_adapter!();
//! use wgpu_activations::{Activation, Gpu};
//!
//! let gpu = Gpu::new()?;
//! let mut x = vec![0.5f32; 1 << 20]; // or larger than the device's memory
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
//!
//! In a browser, which has no threads to overlap, there is no streaming: there work on tensors, which must fit.

mod chunk;
#[cfg(not(target_arch = "wasm32"))]
mod gather;
mod host;
#[cfg(not(target_arch = "wasm32"))]
mod meter;
mod observer;
#[cfg(not(target_arch = "wasm32"))]
mod passes;
#[cfg(not(target_arch = "wasm32"))]
mod prepared;
#[cfg(not(target_arch = "wasm32"))]
mod probe;
#[cfg(not(target_arch = "wasm32"))]
mod queue;
#[cfg(not(target_arch = "wasm32"))]
mod room;
#[cfg(not(target_arch = "wasm32"))]
mod slot;
mod task;
#[cfg(not(target_arch = "wasm32"))]
mod trip;

pub use chunk::Chunk;
#[cfg(not(target_arch = "wasm32"))]
pub use meter::{Progress, Summary};
pub use observer::{Observer, Received};
#[cfg(not(target_arch = "wasm32"))]
pub use prepared::{Prepared, Purpose};
#[cfg(not(target_arch = "wasm32"))]
pub use probe::Rates;
pub use task::Task;

#[cfg(not(target_arch = "wasm32"))]
use std::sync::atomic::AtomicBool;

#[cfg(not(target_arch = "wasm32"))]
use crate::{
    activation::Activation,
    chain::Chain,
    device::Device,
    element::{Element, ElementType},
    io::{Shared, Sink, Slice, Source},
};
use crate::{
    chain::Layout,
    element::count,
    error::{Error, Result},
    family::Gradient,
};
#[cfg(feature = "check")]
pub(crate) use task::surveys;

/// Bytes for what is known of channels and rows where no budget says otherwise. A shape alone takes no memory: of an
/// empty tensor the channels are but a claim.
#[cfg(any(feature = "check", not(target_arch = "wasm32")))]
pub(crate) const KNOWN: u64 = 4 << 30;

/// Tables that an observer keeps of a survey, of one of several operations: whose inputs, or upstream gradients, may be
/// off.
#[cfg(any(feature = "check", not(target_arch = "wasm32")))]
pub(crate) const TABLES_OBSERVED: u64 = 7;

/// Streams host data through one device or several.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Activation, Gpu, Offload};
///
/// let gpu = Gpu::new()?;
/// let x = vec![0.5f32; 1 << 20];
/// let mut y = vec![0.0f32; 1 << 20];
/// let offload = Offload::new(&gpu).memory(4 << 20);
/// let summary = offload.forward(&Activation::GELU.into(), &[1 << 10, 1 << 10], &x, &mut y)?;
/// println!("{} chunks in {:?}", summary.chunks, summary.total);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone)]
pub struct Offload<'a> {
    devices: Vec<Device>,
    memory: Option<u64>,
    /// Whether extras are given, and parameters' gradients.
    beside: bool,
    progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    cancel: Option<&'a AtomicBool>,
}

/// Data to be streamed, and who watches.
#[cfg(not(target_arch = "wasm32"))]
pub struct Request<'a> {
    /// Where the elements of each input come from.
    pub sources: Vec<&'a dyn Source>,
    /// Where the gradient of the loss with respect to the result comes from, for a backward pass.
    pub upstream: Option<&'a dyn Source>,
    /// Where the result goes, or the gradients with respect to each input.
    pub sinks: Vec<&'a dyn Sink>,
    /// Where the indices go that the last operation saves, as u32.
    pub indices: Option<&'a dyn Sink>,
    /// Sees every chunk on the host; what was prepared must keep the inputs for it.
    pub observer: Option<&'a dyn Observer>,
}

#[cfg(not(target_arch = "wasm32"))]
impl<'a> Request<'a> {
    /// The result of one input.
    pub fn new(source: &'a dyn Source, sink: &'a dyn Sink) -> Self {
        Self {
            sources: vec![source],
            upstream: None,
            sinks: vec![sink],
            indices: None,
            observer: None,
        }
    }
}

/// What a backward pass over host data gives beside dx.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Activation, Gpu, Offload, offload::Backward};
///
/// let gpu = Gpu::new()?;
/// let (x, upstream, mut dx) = ([-2.0f32, 4.0], [1.0f32, 1.0], [0.0f32; 2]);
/// let prelu = Activation::PRELU.into();
/// let Backward { parameters, summary, .. } =
///     Offload::new(&gpu).backward(&prelu, &[2], &x, &upstream, &mut dx)?;
/// assert_eq!(dx, [0.25, 1.0]);
/// assert_eq!((parameters[0].name, &parameters[0].values[..]), ("alpha", &[-2.0][..]));
/// assert_eq!(summary.downloaded, 8);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Backward {
    /// Gradients of the parameters of all operations.
    pub parameters: Vec<HostGradient>,
    /// What was moved.
    pub summary: Summary,
}

/// The gradient of a parameter of an operation in a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct HostGradient {
    /// The operation's place in the chain.
    pub step: usize,
    /// The parameter.
    pub name: &'static str,
    /// The parameter's shape; empty for one number.
    pub shape: Vec<usize>,
    /// The gradient in C order.
    pub values: Vec<f32>,
}

impl HostGradient {
    /// Those of all operations, of which these are the numbers.
    pub(crate) fn all(layout: &Layout, parameters: Vec<Vec<Vec<f32>>>) -> Vec<Self> {
        let steps = layout.gradients.iter().zip(parameters).enumerate();
        let gradients = steps.flat_map(|(step, (gradients, values))| {
            let named = gradients.iter().zip(values);
            named.map(move |(gradient, values)| Self::new(step, gradient, values))
        });
        gradients.collect()
    }

    pub(crate) fn new(step: usize, gradient: &Gradient, values: Vec<f32>) -> Self {
        Self {
            step,
            name: gradient.name,
            shape: gradient.shape.clone(),
            values,
        }
    }
}

/// What a job will take.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// # use wgpu_activations::{Activation, ElementType, Gpu, Offload};
/// # let gpu = Gpu::new()?;
/// let offload = Offload::new(&gpu).memory(256 << 20);
/// let forecast = offload.forecast(&Activation::GELU.into(), &[1 << 30], ElementType::F32)?;
/// assert!(forecast.memory <= 256 << 20);
/// assert_eq!((forecast.passes, forecast.bytes), (1, 8 << 30)); // there and back
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Forecast {
    /// Chunks of each pass.
    pub chunks: usize,
    /// Elements of a chunk at most, of the result where the input has none.
    pub chunk_elements: usize,
    /// Passes over the input: one, and one more for each step that needs statistics of the whole.
    pub passes: usize,
    /// Bytes to the devices and back.
    pub bytes: u64,
    /// Memory for chunks under way, on the host and on the devices, and for `known`, at most.
    pub memory: u64,
    /// Of this, what is known of channels and rows: their statistics, and what is given beside the result.
    pub known: u64,
    /// Whether input and result pass once and from beginning to end, as pipes need it.
    pub in_order: bool,
}

#[cfg(not(target_arch = "wasm32"))]
impl<'a> Offload<'a> {
    /// Through one device.
    pub fn new(device: impl Into<Device>) -> Self {
        Self {
            devices: vec![device.into()],
            memory: None,
            beside: true,
            progress: None,
            cancel: None,
        }
    }

    /// Through one more device, each taking the next chunk when it is ready for one.
    ///
    /// ```no_run
    /// use wgpu_activations::{Activation, Gpu, Offload, ShaderChecks, gpu};
    ///
    /// let adapters = gpu::adapters();
    /// let open = |name| Gpu::open(gpu::find(&adapters, name)?, ShaderChecks::default());
    /// let mut x = vec![0.5f32; 1 << 20];
    /// let both = Offload::new(&open("0")?).and(&open("1")?);
    /// let summary = both.forward_in_place(&Activation::MISH.into(), &[1 << 20], &mut x)?;
    /// println!("{:?}", summary.devices);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn and(mut self, device: impl Into<Device>) -> Self {
        self.devices.push(device.into());
        self
    }

    /// With at most this many bytes for chunks under way, on the host and on the devices together, and for what is
    /// known of channels and rows. What takes more is refused.
    #[must_use]
    pub fn memory(self, bytes: u64) -> Self {
        Self {
            memory: Some(bytes),
            ..self
        }
    }

    /// Without what operations give beside the result, and the memory that it takes: [`Summary::extras`] and
    /// gradients of parameters.
    #[must_use]
    pub fn result_only(self) -> Self {
        Self {
            beside: false,
            ..self
        }
    }

    /// With `progress` called after every chunk, from several threads.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Offload, offload::Progress};
    /// # let gpu = Gpu::new()?;
    /// # let mut x = vec![0.5f32; 1 << 20];
    /// let told = |Progress { done, of, .. }| println!("{} %", 100 * done / of);
    /// let offload = Offload::new(&gpu).progress(&told);
    /// offload.forward_in_place(&Activation::GELU.into(), &[1 << 20], &mut x)?;
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn progress(self, progress: &'a (dyn Fn(Progress) + Sync)) -> Self {
        Self {
            progress: Some(progress),
            ..self
        }
    }

    /// Stops with [`Error::Cancelled`] soon after `cancel` is set, by whichever thread: no further chunk is begun.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use std::sync::atomic::AtomicBool;
    /// use wgpu_activations::{Activation, Error, Gpu, Offload};
    ///
    /// # let gpu = Gpu::new()?;
    /// # let mut x = vec![0.5f32; 1 << 20];
    /// let stop = AtomicBool::new(true); // as a handler of Ctrl-C would
    /// let offload = Offload::new(&gpu).cancelled_by(&stop);
    /// let ended = offload.forward_in_place(&Activation::GELU.into(), &[1 << 20], &mut x);
    /// assert!(matches!(ended, Err(Error::Cancelled)));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    #[must_use]
    pub fn cancelled_by(self, cancel: &'a AtomicBool) -> Self {
        Self {
            cancel: Some(cancel),
            ..self
        }
    }

    /// The devices, in the order in which they were given.
    ///
    /// ```
    /// use wgpu_activations::{Offload, cpu::Cpu};
    ///
    /// let offload = Offload::new(&Cpu::new()).memory(256 << 20);
    /// assert_eq!((offload.devices().len(), offload.get_memory()), (1, Some(256 << 20)));
    /// ```
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// What [`Offload::memory`] sets, if anything.
    pub const fn get_memory(&self) -> Option<u64> {
        self.memory
    }

    /// y = chain(x), x being of `shape`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if x or y is not as long as its shape says, as
    /// [`Chain::result_shape`], [`Error::MemoryLimit`] if the memory does not hold the smallest chunk
    /// that the chain can work on beside what must be known of channels and rows, and what the devices report.
    pub fn forward<T: Element>(
        &self,
        chain: &Chain,
        shape: &[usize],
        x: &[T],
        y: &mut [T],
    ) -> Result<Summary> {
        expect_len(shape, x.len())?;
        let prepared = self.prepare(chain, shape, T::TYPE, Purpose::Forward)?;
        expect_len(&prepared.layout().result_shape, y.len())?;
        let y = self.shared(y);
        Ok(prepared.run(&Request::new(&Slice(x), &y))?.summary)
    }

    /// x = chain(x), for a chain that keeps the shape.
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
        let prepared = self.prepare(chain, shape, T::TYPE, Purpose::Forward)?;
        expect_len(&prepared.layout().result_shape, x.len())?;
        let x = Shared::new(x);
        Ok(prepared.run(&Request::new(&x, &x))?.summary)
    }

    /// dx, of x's shape and type, and the gradients of all parameters, from `upstream`, the gradient of the loss
    /// with respect to the chain's result. What lies between the operations is computed again from x.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if x, upstream or dx is not as long as its shape says, and as
    /// [`Offload::forward`].
    pub fn backward<T: Element>(
        &self,
        chain: &Chain,
        shape: &[usize],
        x: &[T],
        upstream: &[T],
        dx: &mut [T],
    ) -> Result<Backward> {
        expect_len(shape, x.len())?;
        expect_len(shape, dx.len())?;
        let prepared = self.prepare(chain, shape, T::TYPE, Purpose::Backward)?;
        expect_len(&prepared.layout().result_shape, upstream.len())?;
        let (upstream, dx) = (Slice(upstream), self.shared(dx));
        prepared.run(&Request {
            upstream: Some(&upstream),
            ..Request::new(&Slice(x), &dx)
        })
    }

    /// A result as its devices write it best.
    fn shared<'s, T: Element>(&self, slice: &'s mut [T]) -> Shared<'s> {
        match &self.devices[..] {
            [Device::Cpu(_)] => Shared::undivided(slice),
            _ => Shared::new(slice),
        }
    }

    /// What streaming a tensor of this shape will take.
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
        let prepared = self.prepare(chain, shape, element, Purpose::Forward)?;
        Ok(prepared.forecast())
    }

    /// Lays out a tensor of this shape and cuts it into chunks: once, for a forecast, a probe and the run.
    ///
    /// # Errors
    ///
    /// As [`Offload::forward`], before any work.
    pub fn prepare<'b>(
        &'b self,
        chain: &'b Chain,
        shape: &[usize],
        element: ElementType,
        purpose: Purpose,
    ) -> Result<Prepared<'b>> {
        let mut prepared = Prepared {
            layout: chain.layout(shape)?,
            offload: self,
            chain,
            element,
            purpose,
            most: 0,
            chunks: Vec::new(),
            surveys: Vec::new(),
        };
        prepared.cut_to_fit()?;
        Ok(prepared)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Activation {
    /// x = f(x) for host data of any length, through a device: see [`offload`](crate::offload).
    ///
    /// # Errors
    ///
    /// What the device reports; what was done before stays in x.
    pub fn apply<T: Element>(self, device: impl Into<Device>, x: &mut [T]) -> Result<Summary> {
        let shape = [x.len()];
        Offload::new(device).forward_in_place(&self.into(), &shape, x)
    }
}

fn expect_len(shape: &[usize], found: usize) -> Result<()> {
    let expected = count(shape);
    if expected == Some(found) {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        shape: shape.to_vec(),
        expected: expected.unwrap_or(usize::MAX),
        found,
    })
}
