//! The device: which adapter, its memory, its pipelines, and its failures as [`Error`]s.
//!
//! Longer than 500 lines: half of it is documentation of the calls, with examples that run.

mod adapter;
mod fault;
mod fold;
mod memory;
mod owner;
mod pipeline;
mod readback;
mod recent;
#[cfg(feature = "bench")]
mod timer;
mod tuning;

use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[cfg(not(target_arch = "wasm32"))]
pub use adapter::adapters;
pub use adapter::{Adapter, adapters_async, best, find, usual_adapters_async};
pub use fold::fold_over;
pub(crate) use fold::{MOST_WORKGROUPS, fold_within};
pub(crate) use memory::Allocation;
pub(crate) use pipeline::Pipeline;
pub use pipeline::{Binding, Kernel};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use readback::unmapped;
#[cfg(feature = "bench")]
pub(crate) use timer::Timer;
pub use tuning::{Tunable, Tuning};

use crate::{
    error::{Error, ErrorKind, Result},
    wgsl::{ARGUMENT_WORDS, Arguments},
};
use fault::Fault;
use memory::Memory;
use readback::Waiter;
use recent::Recent;

/// Whether the driver adds bounds checks of its own to our shaders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShaderChecks {
    /// The shaders run as written. Their bounds are proved by construction and by tests that run
    /// them checked too. Kernels and activations of your own are always checked.
    #[default]
    Trusted,
    /// wgpu adds bounds, division and loop checks, as it does for shaders of unknown origin.
    Checked,
}

/// An open device. Cheap to clone; clones share memory and pipelines.
#[derive(Clone)]
pub struct Gpu {
    shared: Arc<Shared>,
}

struct Shared {
    opened: Opened,
    tuning: Tuning,
    memory: Arc<Memory>,
    /// All that a program needs, but for one whose kernels differ without end.
    pipelines: Mutex<Recent<Kernel, Arc<Pipeline>, 512>>,
    /// Bind groups of arguments, each written once and never changed, so that a command recorded now and submitted
    /// later sees its own. Calls repeat their arguments, so they are kept; recorded commands hold on to theirs.
    arguments: Mutex<Recent<[u32; ARGUMENT_WORDS], wgpu::BindGroup, 4096>>,
    waiter: Waiter,
}

/// Bytes of the smallest storage buffer binding that kernels work with.
const LEAST_BINDING: u64 = 4096;

/// A device, whatever the shapes of its kernels.
#[derive(Clone)]
struct Opened {
    name: String,
    /// What it was opened from, unless the caller opened it.
    adapter: Option<Adapter>,
    device: wgpu::Device,
    queue: wgpu::Queue,
    limits: wgpu::Limits,
    software: bool,
    maps_tensors: bool,
    checks: ShaderChecks,
    fault: Arc<Fault>,
}

impl Gpu {
    /// Opens the machine's fastest adapter: discrete before integrated before software. GL is looked at only
    /// where there is no other backend.
    ///
    /// # Errors
    ///
    /// [`Error::NoAdapter`] if there is none, [`Error::DeviceRequest`] if it cannot be opened.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new() -> Result<Self> {
        pollster::block_on(Self::new_async())
    }

    /// [`Gpu::new`] for asynchronous callers, and for browsers, where nothing may block.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Gpu, Result};
    ///
    /// async fn gelu(x: &[f32]) -> Result<Vec<f32>> {
    ///     let gpu = Gpu::new_async().await?;
    ///     let x = gpu.upload(x, [x.len()])?;
    ///     Activation::GELU.forward(&x)?.download_async().await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Gpu::new`].
    pub async fn new_async() -> Result<Self> {
        let adapters = usual_adapters_async(wgpu::Backends::all()).await;
        Self::open_async(best(&adapters)?, ShaderChecks::default()).await
    }

    /// Opens `adapter` with all its limits.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceRequest`] with the driver's reason.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(adapter: &Adapter, checks: ShaderChecks) -> Result<Self> {
        pollster::block_on(Self::open_async(adapter, checks))
    }

    /// [`Gpu::open`] for asynchronous callers.
    ///
    /// # Errors
    ///
    /// As [`Gpu::open`].
    pub async fn open_async(adapter: &Adapter, checks: ShaderChecks) -> Result<Self> {
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("wgpu-activations"),
            required_features: adapter.raw().features() & wanted(&adapter.info()),
            required_limits: adapter.raw().limits(),
            ..Default::default()
        };
        let (device, queue) = adapter
            .raw()
            .request_device(&descriptor)
            .await
            .map_err(|error| Error::DeviceRequest {
                device: adapter.name().to_owned(),
                reason: error.to_string(),
            })?;
        let fault = Arc::new(Fault::default());
        fault.watch(&device);
        let name = adapter.name().to_owned();
        let adapter = Some(adapter.clone());
        Ok(Self::assemble(name, adapter, device, queue, checks, fault))
    }

    /// Works on a device and queue of the caller's own, with the limits that it was opened with, and with
    /// `SHADER_INT64` if it has that: lavapipe is up to 1.6 times as fast for it. No other feature matters.
    ///
    /// The device's error and loss handlers stay the caller's: errors of this crate's own calls
    /// still come back as [`Error`]. A queue of another device makes every call fail with [`Error::ForeignTensor`].
    ///
    /// ```
    /// use wgpu_activations::Gpu;
    ///
    /// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
    /// # let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    /// # let adapter = instance.request_adapter(&wgpu::RequestAdapterOptions::default()).await?;
    /// let (device, queue) = adapter.request_device(&wgpu::DeviceDescriptor::default()).await?;
    /// let gpu = Gpu::from_wgpu(device.clone(), queue.clone());
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_wgpu(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let name = device.adapter_info().name;
        let checks = ShaderChecks::default();
        let fault = Arc::<Fault>::default();
        if !owner::is_of(&queue, &device) {
            let op = "Gpu::from_wgpu".to_owned();
            fault.end(Error::ForeignTensor { op });
        }
        Self::assemble(name, None, device, queue, checks, fault)
    }

    fn assemble(
        name: String,
        adapter: Option<Adapter>,
        device: wgpu::Device,
        queue: wgpu::Queue,
        checks: ShaderChecks,
        fault: Arc<Fault>,
    ) -> Self {
        let limits = device.limits();
        let info = device.adapter_info();
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let mappable = wgpu::Features::MAPPABLE_PRIMARY_BUFFERS;
        let maps_tensors = shares_memory(&info) && device.features().contains(mappable);
        let opened = Opened {
            name,
            adapter,
            device,
            queue,
            limits,
            software,
            maps_tensors,
            checks,
            fault,
        };
        Self::tuned(opened, Tuning::of(&info))
    }

    fn tuned(opened: Opened, tuning: Tuning) -> Self {
        let tuning = tuning.sound(opened.device.features());
        Self {
            shared: Arc::new(Shared {
                opened,
                tuning,
                memory: Arc::default(),
                pipelines: Mutex::default(),
                arguments: Mutex::default(),
                waiter: Waiter::default(),
            }),
        }
    }

    /// The adapter's name, as [`Adapter::name`].
    pub fn name(&self) -> &str {
        &self.opened().name
    }

    /// The wgpu device.
    pub fn device(&self) -> &wgpu::Device {
        &self.opened().device
    }

    /// The wgpu queue.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.opened().queue
    }

    /// The limits that the device was opened with.
    pub fn limits(&self) -> &wgpu::Limits {
        &self.opened().limits
    }

    /// The shapes of its kernels.
    pub fn tuning(&self) -> &Tuning {
        &self.shared.tuning
    }

    /// The same device with kernels of other shapes. Tensors of one are foreign to the other.
    #[must_use]
    pub fn with_tuning(&self, tuning: Tuning) -> Self {
        Self::tuned(self.opened().clone(), tuning)
    }

    /// Waits until all submitted work is done.
    ///
    /// # Errors
    ///
    /// What the device reported since the last call: [`Error::OutOfMemory`],
    /// [`Error::DeviceLost`], [`Error::Validation`], [`Error::Internal`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn wait(&self) -> Result<()> {
        self.poll(None)?;
        self.opened().expect_caller_kept_it()
    }

    /// [`Gpu::wait`] for asynchronous callers.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Pointwise, Result, Tensor};
    ///
    /// async fn relu_in_place(x: &Tensor) -> Result<()> {
    ///     Pointwise::new(Activation::RELU).forward_in_place(x)?;
    ///     x.gpu().wait_async().await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Gpu::wait`].
    pub async fn wait_async(&self) -> Result<()> {
        // What is asked for last comes last.
        let last = self.allocate_bytes(4)?;
        self.read_async(&last.buffer, 0, &mut [0; 4]).await?;
        self.opened().expect_caller_kept_it()
    }

    /// Waits for all work: at once where that may be, else when the browser says so.
    #[cfg(feature = "bench")]
    pub(crate) async fn settle(&self) -> Result<()> {
        #[cfg(target_arch = "wasm32")]
        return self.wait_async().await;
        #[cfg(not(target_arch = "wasm32"))]
        self.wait()
    }

    /// Frees the device memory kept for reuse.
    pub fn trim(&self) {
        self.shared.memory.trim();
    }

    /// Whether the adapter is a CPU in disguise, to which barriers between threads are dear.
    pub(crate) fn is_software(&self) -> bool {
        self.opened().software
    }

    /// Whether the host can map tensors' own memory, since it is the device's, too.
    pub(crate) fn maps_tensors(&self) -> bool {
        self.opened().maps_tensors
    }

    /// The same adapter opened once more, after the device was lost.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceLost`] for a device of the caller's own, [`Error::DeviceRequest`].
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn reopen(&self) -> Result<Self> {
        match &self.opened().adapter {
            Some(adapter) => {
                let opened = Self::open(adapter, self.opened().checks)?;
                Ok(opened.with_tuning(self.tuning().clone()))
            }
            None => Err(Error::DeviceLost("it was opened by the caller".to_owned())),
        }
    }

    pub(crate) fn same_device(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A buffer or an encoder that `op` was given, which must be this device's.
    pub(crate) fn expect_own(&self, op: &str, resource: &dyn Debug) -> Result<()> {
        if owner::is_of(resource, self.device()) {
            return Ok(());
        }
        Err(Error::ForeignTensor { op: op.to_owned() })
    }

    /// Waits for a submission, or for all.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn poll(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        self.opened().wait(submission)
    }

    /// Runs `work` with errors of wgpu caught and returned.
    pub(crate) fn guarded<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let Opened { device, fault, .. } = self.opened();
        fault.check().inspect_err(|_| self.forget_arguments())?;
        let result = fault::scoped(fault, device, work);
        if let Err(error) = result {
            self.forget_arguments();
            // wgpu tells of a lost device when next polled, and until then only of what follows.
            self.opened().poll(wgpu::PollType::Poll)?;
            return Err(self.opened().cause(error));
        }
        self.opened().fault.check()?;
        result
    }

    /// Arguments written while memory was short may be empty.
    fn forget_arguments(&self) {
        lock(&self.shared.arguments).clear();
    }

    /// Records commands with `record` and submits them.
    pub(crate) fn submit<T>(
        &self,
        record: impl FnOnce(&mut wgpu::CommandEncoder) -> Result<T>,
    ) -> Result<(wgpu::SubmissionIndex, T)> {
        self.guarded(|| {
            let mut encoder = self.device().create_command_encoder(&Default::default());
            let result = record(&mut encoder)?;
            Ok((self.queue().submit([encoder.finish()]), result))
        })
    }

    /// That kernels can bind as much of a tensor as they work on at the least.
    pub(crate) fn expect_bindings(&self) -> Result<()> {
        let limit = self.opened().limits.max_storage_buffer_binding_size;
        if limit >= LEAST_BINDING {
            return Ok(());
        }
        Err(Error::TooLarge {
            what: "the part of a tensor that a kernel binds at the least".to_owned(),
            bytes: LEAST_BINDING,
            limit,
            advice: "open the device with a larger max_storage_buffer_binding_size",
        })
    }

    /// A buffer of at least `bytes` for a tensor, its contents unspecified.
    pub(crate) fn allocate_bytes(&self, bytes: u64) -> Result<Allocation> {
        self.expect_bindings()?;
        let limit = self.opened().limits.max_buffer_size;
        // Before it is rounded up, which may overflow, and after.
        if bytes > limit || memory::padded(bytes) > limit {
            return Err(Error::TooLarge {
                what: "the tensor".to_owned(),
                bytes,
                limit,
                advice: "work in smaller pieces",
            });
        }
        let size = memory::padded(bytes).next_multiple_of(256).min(limit);
        let create = || self.guarded(|| Ok(self.shared.memory.take(self.device(), size)));
        match create() {
            Err(Error::OutOfMemory(_)) => {
                self.trim();
                create()
            }
            other => other,
        }
    }

    /// Threads of a workgroup as near to `wanted` as the device allows: a power of two, since kernels that share
    /// memory join halves with halves.
    pub fn workgroup(&self, wanted: u32) -> u32 {
        let limits = &self.opened().limits;
        let threads = wanted
            .min(limits.max_compute_invocations_per_workgroup)
            .min(limits.max_compute_workgroup_size_x);
        1 << threads.max(1).ilog2()
    }

    /// The pipeline for `kernel`, built on first use.
    pub(crate) fn pipeline(&self, kernel: &Kernel) -> Result<Arc<Pipeline>> {
        if let Some(pipeline) = lock(&self.shared.pipelines).get(kernel) {
            return Ok(pipeline);
        }
        kernel.expect_within(&self.opened().limits)?;
        let (device, checks) = (&self.opened().device, self.opened().checks);
        let pipeline = self.guarded(|| Ok(Arc::new(Pipeline::build(device, checks, kernel))))?;
        lock(&self.shared.pipelines).insert(kernel.clone(), pipeline.clone());
        Ok(pipeline)
    }

    /// The bind group that holds a kernel's arguments, kept for the next call with the same ones.
    pub(crate) fn arguments(&self, arguments: &impl Arguments) -> wgpu::BindGroup {
        let words = arguments.words();
        let mut kept = lock(&self.shared.arguments);
        if let Some(group) = kept.get(&words) {
            return group;
        }
        let group = pipeline::write_arguments(&self.opened().device, &words);
        kept.insert(words, group.clone());
        group
    }

    fn opened(&self) -> &Opened {
        &self.shared.opened
    }
}

impl Opened {
    /// Waits for a submission, or for all.
    #[cfg(not(target_arch = "wasm32"))]
    fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        self.poll(wgpu::PollType::Wait {
            submission_index: submission,
            timeout: None,
        })
    }

    /// Has wgpu look at what the device has done.
    fn poll(&self, how: wgpu::PollType) -> Result<()> {
        // wgpu panics where it finds, waiting, that the device is lost.
        let polled = catch_unwind(AssertUnwindSafe(|| self.device.poll(how)));
        self.fault.check()?;
        let Ok(polled) = polled else {
            return Err(self.fault.lose("wgpu panicked while it waited"));
        };
        let polled = polled.map_err(|error| self.cause(Error::Internal(error.to_string())));
        polled.map(drop)
    }

    /// The loss of the device, where that lies behind an error of wgpu: all that a lost device makes is invalid, and the
    /// loss itself is told once, to one of the threads, or to the caller whose device it is.
    fn cause(&self, error: Error) -> Error {
        let is_of_wgpu = matches!(error.kind(), ErrorKind::Internal | ErrorKind::OutOfMemory);
        if is_of_wgpu && fault::is_lost(&self.fault, &self.device) {
            return self.fault.lose("it takes no more work");
        }
        error
    }

    /// Fails if the device is the caller's, who alone is told of its loss, and is lost.
    fn expect_caller_kept_it(&self) -> Result<()> {
        if self.adapter.is_none() && fault::is_lost(&self.fault, &self.device) {
            return Err(self.fault.lose("it takes no more work"));
        }
        Ok(())
    }
}

impl Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Gpu").field(&self.opened().name).finish()
    }
}

/// Features to open an adapter with, where it has them.
fn wanted(info: &wgpu::AdapterInfo) -> wgpu::Features {
    let everywhere = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SHADER_INT64;
    if shares_memory(info) {
        // Elsewhere it would move tensors to memory that is far from the device.
        everywhere | wgpu::Features::MAPPABLE_PRIMARY_BUFFERS
    } else {
        everywhere
    }
}

/// Whether host and device have one memory.
fn shares_memory(info: &wgpu::AdapterInfo) -> bool {
    matches!(
        info.device_type,
        wgpu::DeviceType::IntegratedGpu | wgpu::DeviceType::Cpu
    )
}

/// Locks; a thread that panics while it holds one of this crate's locks leaves nothing half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was locked, when nobody else has it any more.
pub(crate) fn unlocked<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
