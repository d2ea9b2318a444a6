//! What computes: a GPU or the processor.

use crate::{cpu::Cpu, gpu::Gpu};

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
