//! What computes: a GPU or the processor.

use crate::{
    cpu::Cpu,
    error::Result,
    gpu::{self, Gpu, ShaderChecks},
};

/// A GPU or the processor. What takes a device takes either as it is.
///
/// ```
/// use wgpu_activations::{Device, cpu::Cpu};
///
/// assert_eq!(Device::from(&Cpu::new()).name(), "cpu");
/// ```
#[derive(Debug, Clone)]
pub enum Device {
    /// A GPU, or what its driver has compute.
    Gpu(Gpu),
    /// The processor.
    Cpu(Cpu),
}

impl Device {
    /// The best of this machine: its fastest GPU, else the processor. A software adapter is slower than that, and is
    /// taken where it is named alone: see [`gpu::find`]. Blocking.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Device, Offload};
    ///
    /// let device = Device::best()?;
    /// let mut y = [0.0; 3];
    /// Offload::new(&device).forward(&Activation::RELU.into(), &[3], &[-1.0f32, 0.0, 1.0], &mut y)?;
    /// assert_eq!(y, [0.0, 0.0, 1.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::DeviceRequest`](crate::Error::DeviceRequest) if there is a GPU that cannot be opened.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn best() -> Result<Self> {
        pollster::block_on(Self::best_async())
    }

    /// [`Device::best`] for asynchronous callers.
    ///
    /// # Errors
    ///
    /// As [`Device::best`].
    pub async fn best_async() -> Result<Self> {
        let mut adapters = gpu::usual_adapters_async(wgpu::Backends::all()).await;
        adapters.retain(|adapter| !adapter.is_software());
        Ok(match gpu::best(&adapters) {
            Ok(adapter) => Self::Gpu(Gpu::open_async(adapter, ShaderChecks::default()).await?),
            Err(_) => Self::Cpu(Cpu::new()),
        })
    }

    /// The adapter's name, or `cpu`.
    pub fn name(&self) -> &str {
        match self {
            Self::Gpu(gpu) => gpu.name(),
            Self::Cpu(_) => "cpu",
        }
    }

    /// Whether the processor does the work, by itself or for a driver.
    pub fn is_cpu(&self) -> bool {
        match self {
            Self::Gpu(gpu) => gpu.is_software(),
            Self::Cpu(_) => true,
        }
    }

    /// The GPU, if it is one.
    pub const fn gpu(&self) -> Option<&Gpu> {
        match self {
            Self::Gpu(gpu) => Some(gpu),
            Self::Cpu(_) => None,
        }
    }
}

impl From<&Gpu> for Device {
    fn from(gpu: &Gpu) -> Self {
        Self::Gpu(gpu.clone())
    }
}

impl From<&Cpu> for Device {
    fn from(cpu: &Cpu) -> Self {
        Self::Cpu(cpu.clone())
    }
}

impl From<&Self> for Device {
    fn from(device: &Self) -> Self {
        device.clone()
    }
}
