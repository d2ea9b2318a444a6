//! Which device a command works on.

use super::{Result, text};
use crate::{
    error::Error,
    gpu::{self, Adapter, Gpu, ShaderChecks},
};

/// What does the work.
pub(super) enum Device {
    /// A GPU, or what passes for one.
    Gpu(Gpu),
    /// The f64 reference.
    Cpu,
}

impl Device {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Gpu(gpu) => gpu.name(),
            Self::Cpu => CPU,
        }
    }
}

/// The name of the processor that runs this command, as a device.
pub(super) const CPU: &str = "cpu";

/// The adapters of the backends that WGPU_BACKEND names, or of all.
pub(super) fn adapters() -> Vec<Adapter> {
    let backends = wgpu::Backends::from_env().unwrap_or_default();
    pollster::block_on(gpu::adapters_async(backends))
}

/// Opens the device called `wanted`, else what WGPU_ADAPTER_NAME names, else the best there is:
/// the CPU where there is no adapter, which is said.
pub(super) fn open(wanted: Option<&str>) -> Result<Device> {
    if wanted == Some(CPU) {
        return Ok(Device::Cpu);
    }
    let adapters = adapters();
    let wanted = wanted
        .map(str::to_owned)
        .or_else(|| std::env::var("WGPU_ADAPTER_NAME").ok());
    let adapter = match (&wanted, gpu::best(&adapters)) {
        (Some(wanted), _) => find(&adapters, wanted)?,
        (None, Ok(best)) => best,
        (None, Err(error)) => {
            text::note(&format!("{error}; the CPU does the work"));
            return Ok(Device::Cpu);
        }
    };
    Ok(Device::Gpu(Gpu::open(adapter, ShaderChecks::Trusted)?))
}

/// As [`gpu::find`], with `cpu` among the names there are.
pub(super) fn find<'a>(adapters: &'a [Adapter], wanted: &str) -> Result<&'a Adapter> {
    gpu::find(adapters, wanted).map_err(|error| {
        match error {
            Error::UnknownDevice {
                wanted,
                reason,
                available,
            } => Error::UnknownDevice {
                wanted,
                reason,
                available: if available.is_empty() {
                    CPU.to_owned()
                } else {
                    format!("{available}, {CPU}")
                },
            },
            other => other,
        }
        .into()
    })
}
