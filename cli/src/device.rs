//! Which device a command works on.

use super::{Result, text, tuning, usage};
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

/// What a name calls.
#[derive(Clone)]
pub(super) enum Choice {
    /// An adapter, not yet open.
    Adapter(Adapter),
    /// The processor.
    Cpu,
}

impl Choice {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Adapter(adapter) => adapter.name(),
            Self::Cpu => CPU,
        }
    }

    /// Opens it, with the shapes of kernels that `activations tune` found.
    pub(super) fn open(&self) -> Result<Device> {
        Ok(match self {
            Self::Adapter(adapter) => Device::Gpu(open_tuned(adapter)?),
            Self::Cpu => Device::Cpu(Cpu::new()),
        })
    }
}

/// Opens an adapter with the shapes of kernels that `activations tune` found.
fn open_tuned(adapter: &Adapter) -> Result<Gpu> {
    let gpu = Gpu::open(adapter, ShaderChecks::Trusted)?;
    Ok(match tuning::find(adapter) {
        Some(tuning) => gpu.with_tuning(tuning),
        None => gpu,
    })
}

/// Opens the device that [`choose`] finds.
pub(super) fn open(wanted: Option<&str>) -> Result<Device> {
    choose(wanted)?.open()
}

/// Every device, or those that `names` call, each once; the default one where there are none.
pub(super) fn choose_all(names: &[String], all: bool) -> Result<Vec<Choice>> {
    if all {
        let adapters = adapters()?.into_iter().map(Choice::Adapter);
        return Ok(adapters.chain([Choice::Cpu]).collect());
    }
    if names.is_empty() {
        return Ok(vec![choose(None)?]);
    }
    let mut chosen: Vec<Choice> = Vec::new();
    for name in names {
        let choice = choose(Some(name))?;
        if chosen.iter().all(|other| other.name() != choice.name()) {
            chosen.push(choice);
        }
    }
    Ok(chosen)
}

/// The same, opened.
pub(super) fn open_all(names: &[String], all: bool) -> Result<Vec<Device>> {
    choose_all(names, all)?.iter().map(Choice::open).collect()
}

/// The device called `wanted`, else what WGPU_ADAPTER_NAME names, else the best there is.
pub(super) fn choose(wanted: Option<&str>) -> Result<Choice> {
    // Whoever asks for GL, or for a place in the list, has it looked at.
    let is_of_all =
        |wanted: &str| wanted.to_lowercase().contains("gl") || wanted.parse::<usize>().is_ok();
    let Some(wanted) = named(wanted) else {
        let best = best(&usual_adapters()?);
        if let (Choice::Cpu, Some(value)) = (&best, variable(BACKEND)) {
            text::note(&format!(
                "{BACKEND}={value} has no adapter; the CPU does the work"
            ));
        }
        return Ok(best);
    };
    let adapter = match &*wanted {
        wanted if is_cpu(wanted) => return Ok(Choice::Cpu),
        wanted if is_of_all(wanted) => find(&adapters()?, wanted),
        wanted => {
            let usual = find(&usual_adapters()?, wanted);
            usual.or_else(|_| find(&adapters()?, wanted))
        }
    };
    adapter.map(Choice::Adapter)
}

/// The one of all devices that is used where none is named.
pub(super) fn default(adapters: &[Adapter]) -> Result<Choice> {
    match named(None) {
        Some(wanted) if is_cpu(&wanted) => Ok(Choice::Cpu),
        Some(wanted) => find(adapters, &wanted).map(Choice::Adapter),
        None => Ok(best(adapters)),
    }
}

/// The best where none is named: a GPU, else the CPU, as [`Device::best`]. Whoever names backends has a software adapter
/// of these taken, too.
fn best(adapters: &[Adapter]) -> Choice {
    let asked_for = variable(BACKEND).is_some();
    let is_gl = |adapter: &Adapter| adapter.info().backend == wgpu::Backend::Gl;
    // As where only the usual ones are looked at.
    let gl_alone = adapters.iter().all(is_gl);
    let may_be =
        |adapter: &&Adapter| asked_for || !adapter.is_software() && (gl_alone || !is_gl(adapter));
    let adapters: Vec<_> = adapters.iter().filter(may_be).cloned().collect();
    let best = gpu::best(&adapters).cloned();
    best.map_or(Choice::Cpu, Choice::Adapter)
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
