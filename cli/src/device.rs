//! Which device a command works on.

use super::{Failure, Result, text, tuning, usage};
use wgpu::Backends;
use wgpu_activations::{Adapter, Cpu, Device, Error, Gpu, ShaderChecks, gpu};

/// The name of the processor that runs this command, as a device.
pub(super) const CPU: &str = "cpu";

/// The environment variable that limits the backends.
const BACKEND: &str = "WGPU_BACKEND";

/// The environment variable that names a device where none is given.
const NAME: &str = "WGPU_ADAPTER_NAME";

/// The adapters of the backends that WGPU_BACKEND names, or of all.
pub(super) fn adapters() -> Result<Vec<Adapter>> {
    let backends = backends()?.unwrap_or(Backends::all());
    Ok(pollster::block_on(gpu::adapters_async(backends)))
}

/// The same without those of GL where there are others, unless WGPU_BACKEND names it.
fn usual_adapters() -> Result<Vec<Adapter>> {
    match backends()? {
        Some(_) => adapters(),
        None => Ok(pollster::block_on(gpu::usual_adapters_async(
            Backends::all(),
        ))),
    }
}

/// What WGPU_BACKEND names; a name that there is not is an error.
pub(super) fn backends() -> Result<Option<Backends>> {
    let Some(value) = variable(BACKEND) else {
        return Ok(None);
    };
    let names = value.split(',').map(str::trim);
    if let Some(unknown) = names
        .clone()
        .find(|name| Backends::from_comma_list(name).is_empty())
    {
        return usage(format!(
            "{BACKEND}={value}: there is no backend {unknown:?}; name some of vulkan, gl, metal, dx12"
        ));
    }
    Ok(Some(Backends::from_comma_list(&value)))
}

/// Opens the device called `wanted`, else what WGPU_ADAPTER_NAME names, else the best there is:
/// the CPU where there is no adapter, which is said.
pub(super) fn open(wanted: Option<&str>) -> Result<Device> {
    if named(wanted).is_some_and(|wanted| is_cpu(&wanted)) {
        return Ok(Device::Cpu(Cpu::new()));
    }
    match choose(wanted) {
        Err(Failure::Error(error @ Error::NoAdapter { .. })) => {
            text::note(&format!("{error}; the CPU does the work"));
            Ok(Device::Cpu(Cpu::new()))
        }
        chosen => Ok(Device::Gpu(open_tuned(&chosen?)?)),
    }
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
pub(super) fn choose_all(names: &[String], all: bool) -> Result<Vec<Adapter>> {
    if all {
        let adapters = adapters()?;
        best(&adapters)?;
        return Ok(adapters);
    }
    if names.is_empty() {
        return Ok(vec![choose(None)?]);
    }
    let mut chosen: Vec<Adapter> = Vec::new();
    for name in names {
        let adapter = choose(Some(name))?;
        if chosen.iter().all(|other| other.name() != adapter.name()) {
            chosen.push(adapter);
        }
    }
    Ok(chosen)
}

/// Every GPU, or the devices that `names` call, each once; the default one where there are none.
pub(super) fn open_all(names: &[String], all: bool) -> Result<Vec<Device>> {
    let (cpu, gpus): (Vec<_>, Vec<_>) = names.iter().cloned().partition(|name| is_cpu(name));
    let mut devices = Vec::new();
    if all || cpu.is_empty() || !gpus.is_empty() {
        for adapter in choose_all(&gpus, all)? {
            devices.push(Device::Gpu(open_tuned(&adapter)?));
        }
    }
    if !cpu.is_empty() {
        devices.push(Device::Cpu(Cpu::new()));
    }
    Ok(devices)
}

/// The GPU adapter called `wanted`, else what WGPU_ADAPTER_NAME names, else the best there is.
pub(super) fn choose(wanted: Option<&str>) -> Result<Adapter> {
    // Whoever asks for GL, or for a place in the list, has it looked at.
    let is_of_all =
        |wanted: &str| wanted.to_lowercase().contains("gl") || wanted.parse::<usize>().is_ok();
    match named(wanted) {
        Some(wanted) if is_cpu(&wanted) => {
            usage("cpu has no kernels of a GPU to be measured; name another device")
        }
        Some(wanted) if is_of_all(&wanted) => find(&adapters()?, &wanted),
        Some(wanted) => {
            let usual = find(&usual_adapters()?, &wanted);
            usual.or_else(|_| find(&adapters()?, &wanted))
        }
        None => best(&usual_adapters()?).cloned(),
    }
}

/// The one of all adapters that is used where no device is named; none where that is the CPU.
pub(super) fn default(adapters: &[Adapter]) -> Result<Option<Adapter>> {
    match named(None) {
        Some(wanted) if is_cpu(&wanted) => Ok(None),
        Some(wanted) => find(adapters, &wanted).map(Some),
        None => Ok(gpu::best(adapters).ok().cloned()),
    }
}

/// What `wanted` or WGPU_ADAPTER_NAME names.
fn named(wanted: Option<&str>) -> Option<String> {
    let wanted = wanted.map(str::to_owned);
    wanted.or_else(|| variable(NAME))
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

/// As [`gpu::best`], but says what was looked for.
fn best(adapters: &[Adapter]) -> Result<&Adapter> {
    Ok(gpu::best(adapters).map_err(|mut error| {
        if let Error::NoAdapter { hint, .. } = &mut error {
            *hint += &limited();
        }
        error
    })?)
}

/// As [`gpu::find`], with `cpu` among the names there are.
fn find(adapters: &[Adapter], wanted: &str) -> Result<Adapter> {
    let found = gpu::find(adapters, wanted).cloned();
    Ok(found.map_err(|mut error| {
        if let Error::UnknownDevice { available, .. } = &mut error {
            let separator = if available.is_empty() { "" } else { ", " };
            *available += &format!("{separator}{CPU}{}", limited());
        }
        error
    })?)
}
