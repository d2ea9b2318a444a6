//! Which device a command works on.

use super::{Failure, Result, text, tuning, usage};
use wgpu_activations::{Adapter, Error, Gpu, ShaderChecks, gpu};

/// What does the work.
pub(super) enum Device {
    /// A GPU, or what passes for one.
    Gpu(Gpu),
    /// The f64 reference.
    Cpu,
}

impl Device {
    pub(super) const fn gpu(&self) -> Option<&Gpu> {
        match self {
            Self::Gpu(gpu) => Some(gpu),
            Self::Cpu => None,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Gpu(gpu) => gpu.name(),
            Self::Cpu => CPU,
        }
    }
}

/// The name of the processor that runs this command, as a device.
pub(super) const CPU: &str = "cpu";

/// The environment variable that limits the backends.
const BACKEND: &str = "WGPU_BACKEND";

/// The adapters of the backends that WGPU_BACKEND names, or of all.
pub(super) fn adapters() -> Vec<Adapter> {
    let backends = variable(BACKEND)
        .and_then(|_| wgpu::Backends::from_env())
        .unwrap_or_default();
    pollster::block_on(gpu::adapters_async(backends))
}

/// Opens the device called `wanted`, else what WGPU_ADAPTER_NAME names, else the best there is:
/// the CPU where there is no adapter, which is said.
pub(super) fn open(wanted: Option<&str>) -> Result<Device> {
    match open_strictly(wanted) {
        Err(Failure::Error(error @ Error::NoAdapter { .. })) => {
            text::note(&format!("{error}{}; the CPU does the work", limited()));
            Ok(Device::Cpu)
        }
        opened => opened,
    }
}

/// As [`open`], but [`Error::NoAdapter`] where there is no adapter and none is named.
pub(super) fn open_strictly(wanted: Option<&str>) -> Result<Device> {
    if named(wanted).is_some_and(|wanted| is_cpu(&wanted)) {
        return Ok(Device::Cpu);
    }
    let adapters = adapters();
    Ok(Device::Gpu(open_tuned(choose(&adapters, wanted)?)?))
}

/// Opens an adapter with the shapes of kernels that `activations tune` found.
pub(super) fn open_tuned(adapter: &Adapter) -> Result<Gpu> {
    let gpu = Gpu::open(adapter, ShaderChecks::Trusted)?;
    Ok(match tuning::find(adapter) {
        Some(tuning) => gpu.with_tuning(tuning),
        None => gpu,
    })
}

/// Every adapter, or those that `names` call, each once; the default one where there are none.
pub(super) fn choose_all<'a>(
    adapters: &'a [Adapter],
    names: &[String],
    all: bool,
) -> Result<Vec<&'a Adapter>> {
    if all {
        gpu::best(adapters)?;
        return Ok(adapters.iter().collect());
    }
    if names.is_empty() {
        return Ok(vec![choose(adapters, None)?]);
    }
    let mut chosen: Vec<&Adapter> = Vec::new();
    for name in names {
        let adapter = choose(adapters, Some(name))?;
        if chosen.iter().all(|other| other.name() != adapter.name()) {
            chosen.push(adapter);
        }
    }
    Ok(chosen)
}

/// The GPU adapter called `wanted`, else what WGPU_ADAPTER_NAME names, else the best there is.
fn choose<'a>(adapters: &'a [Adapter], wanted: Option<&str>) -> Result<&'a Adapter> {
    match named(wanted) {
        Some(wanted) if is_cpu(&wanted) => {
            usage("cpu is the reference that devices are held against; name another device")
        }
        Some(wanted) => find(adapters, &wanted),
        None => Ok(gpu::best(adapters)?),
    }
}

/// What `wanted` or WGPU_ADAPTER_NAME names.
fn named(wanted: Option<&str>) -> Option<String> {
    let wanted = wanted.map(str::to_owned);
    wanted.or_else(|| variable("WGPU_ADAPTER_NAME"))
}

fn is_cpu(wanted: &str) -> bool {
    wanted.eq_ignore_ascii_case(CPU)
}

/// An environment variable; an empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Why there may be more adapters than were looked for.
fn limited() -> String {
    variable(BACKEND).map_or_else(String::new, |value| {
        format!(" (only {BACKEND}={value} was looked for)")
    })
}

/// As [`gpu::find`], with `cpu` among the names there are.
fn find<'a>(adapters: &'a [Adapter], wanted: &str) -> Result<&'a Adapter> {
    Ok(gpu::find(adapters, wanted).map_err(|mut error| {
        if let Error::UnknownDevice { available, .. } = &mut error {
            let separator = if available.is_empty() { "" } else { ", " };
            *available += &format!("{separator}{CPU}");
        }
        error
    })?)
}
