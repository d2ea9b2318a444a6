//! The adapters of this machine, under names that select them.

use std::collections::HashSet;

use crate::error::{Error, Result};

/// A way to a device: a chip seen through one backend.
#[derive(Debug, Clone)]
pub struct Adapter {
    name: String,
    raw: wgpu::Adapter,
}

impl Adapter {
    /// Its name: exact, unique on this machine, the same from run to run, such as
    /// `nvidia-h200-vulkan`. Two chips of one model are told apart by their PCI bus id.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the driver says of it.
    pub fn info(&self) -> wgpu::AdapterInfo {
        self.raw.get_info()
    }

    /// Whether the processor does the work for its driver.
    pub fn is_software(&self) -> bool {
        self.info().device_type == wgpu::DeviceType::Cpu
    }

    /// What it offers.
    pub fn features(&self) -> wgpu::Features {
        self.raw.features()
    }

    /// What it allows.
    pub fn limits(&self) -> wgpu::Limits {
        self.raw.limits()
    }

    pub(super) fn raw(&self) -> &wgpu::Adapter {
        &self.raw
    }
}

/// Every adapter of this machine, in the order that the backends list them, those of GL last. Blocking.
///
/// To look at GL loads its driver, which [`Gpu::new`](crate::Gpu::new) does only where there is no other:
/// Mesa's brings an LLVM along whose symbols get in the way of other LLVMs in the process.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, ShaderChecks, gpu::adapters};
///
/// // Every device of the machine.
/// let gpus: Vec<Gpu> = adapters()
///     .iter()
///     .map(|adapter| Gpu::open(adapter, ShaderChecks::default()))
///     .collect::<Result<_, _>>()?;
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[cfg(not(target_arch = "wasm32"))]
pub fn adapters() -> Vec<Adapter> {
    pollster::block_on(adapters_async(wgpu::Backends::all()))
}

/// Every adapter that `backends` list.
pub async fn adapters_async(backends: wgpu::Backends) -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        // Validation layers are for those who debug wgpu; its own checks are always on.
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let raw = list(&instance, backends).await;
    let infos: Vec<_> = raw.iter().map(wgpu::Adapter::get_info).collect();
    names(&infos)
        .into_iter()
        .zip(raw)
        .map(|(name, raw)| Adapter { name, raw })
        .collect()
}

#[cfg(not(target_arch = "wasm32"))]
async fn list(instance: &wgpu::Instance, backends: wgpu::Backends) -> Vec<wgpu::Adapter> {
    instance.enumerate_adapters(backends).await
}

/// A browser shows one adapter: which, depends on what is asked for.
#[cfg(target_arch = "wasm32")]
async fn list(instance: &wgpu::Instance, _: wgpu::Backends) -> Vec<wgpu::Adapter> {
    let wanted = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..Default::default()
    };
    instance
        .request_adapter(&wanted)
        .await
        .into_iter()
        .collect()
}

/// The adapters to choose from where none is named: every one that `backends` list, but those of GL only
/// where there is no other.
pub async fn usual_adapters_async(backends: wgpu::Backends) -> Vec<Adapter> {
    let native = adapters_async(backends - wgpu::Backends::GL).await;
    if native.is_empty() {
        return adapters_async(backends & wgpu::Backends::GL).await;
    }
    native
}

/// The one adapter that `wanted` names: its exact name, its place in the list, its backend, its PCI bus id, or
/// a part of its name or driver. Where one card answers through several backends, it is the first of them, and
/// GL is the last.
///
/// ```no_run
/// use wgpu_activations::{Gpu, ShaderChecks, gpu};
///
/// let adapters = gpu::adapters();
/// let adapter = gpu::find(&adapters, "nvidia")?;
/// let gpu = Gpu::open(adapter, ShaderChecks::default())?;
/// assert!(gpu.name().starts_with("nvidia"));
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::UnknownDevice`] with the names there are, if none or several match.
pub fn find<'a>(adapters: &'a [Adapter], wanted: &str) -> Result<&'a Adapter> {
    let known: Vec<_> = adapters.iter().map(|it| (it.name(), it.info())).collect();
    select(&known, wanted).map(|index| &adapters[index])
}

/// The adapter to use where none is asked for: native backends before GL, discrete before integrated before
/// software.
///
/// # Errors
///
/// [`Error::NoAdapter`] if there is none.
pub fn best(adapters: &[Adapter]) -> Result<&Adapter> {
    let rank = |adapter: &&Adapter| {
        let info = adapter.info();
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        };
        (info.backend == wgpu::Backend::Gl, kind)
    };
    let best = adapters.iter().min_by_key(rank);
    best.ok_or_else(|| Error::NoAdapter {
        hint: if cfg!(target_arch = "wasm32") {
            "take a browser with WebGPU, and let it use graphics acceleration"
        } else {
            "install a Vulkan driver, or a software one: `apt-get install mesa-vulkan-drivers`"
        }
        .to_owned(),
    })
}

fn select(known: &[(&str, wgpu::AdapterInfo)], wanted: &str) -> Result<usize> {
    use wgpu::Backend::Gl;
    if let Some(exact) = known.iter().position(|(name, _)| *name == wanted) {
        return Ok(exact);
    }
    if let Some(index) = wanted.parse().ok().filter(|index| *index < known.len()) {
        return Ok(index);
    }
    let wanted_lower = wanted.to_lowercase();
    let is_meant = |index: &usize| {
        let (name, info) = &known[*index];
        let texts = [name, &*info.name, &info.driver, &info.device_pci_bus_id];
        let mut texts = texts.iter().map(|text| text.to_lowercase());
        !wanted.is_empty() && texts.any(|text| text.contains(&wanted_lower))
    };
    let backend = |index: usize| known[index].1.backend;
    let all = 0..known.len();
    let mut matches: Vec<_> = all
        .clone()
        .filter(|index| backend(*index).to_str() == wanted_lower)
        .collect();
    if matches.is_empty() {
        matches.extend(all.filter(is_meant));
    }
    if matches.iter().any(|index| backend(*index) != Gl) {
        matches.retain(|index| backend(*index) != Gl);
    }
    let backends: HashSet<_> = matches.iter().map(|index| backend(*index)).collect();
    match matches[..] {
        // Once through each backend: one card.
        [first, ..] if backends.len() == matches.len() => Ok(first),
        _ => Err(Error::UnknownDevice {
            wanted: wanted.to_owned(),
            reason: if matches.is_empty() {
                "no device matches"
            } else {
                "several devices match"
            },
            available: known
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// A name for each: the chip's name and the backend; the PCI bus id or a number where that is not
/// enough to tell two apart.
fn names(infos: &[wgpu::AdapterInfo]) -> Vec<String> {
    let plain: Vec<_> = infos
        .iter()
        .map(|info| format!("{}-{}", slug(&info.name), info.backend.to_str()))
        .collect();
    let mut names: Vec<String> = Vec::new();
    for (info, name) in infos.iter().zip(&plain) {
        let is_shared = plain.iter().filter(|other| *other == name).count() > 1;
        let bus = &info.device_pci_bus_id;
        let candidate = if is_shared && !bus.is_empty() {
            format!("{name}@{bus}")
        } else {
            name.clone()
        };
        let mut unique = candidate.clone();
        let mut number = 1;
        while names.contains(&unique) {
            number += 1;
            unique = format!("{candidate}-{number}");
        }
        names.push(unique);
    }
    names
}

/// `NVIDIA GeForce RTX 4090/PCIe/SSE2` gives `nvidia-geforce-rtx-4090`; details in parentheses,
/// which change with the driver, are left out.
fn slug(name: &str) -> String {
    let end = name.find(['(', '/']).unwrap_or(name.len());
    let words = name[..end].split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    match &words[..] {
        [] => "adapter".to_owned(),
        words => words.join("-").to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, backend: wgpu::Backend, pci: &str) -> wgpu::AdapterInfo {
        let mut info = wgpu::AdapterInfo::new(wgpu::DeviceType::DiscreteGpu, backend);
        info.name = name.to_owned();
        info.device_pci_bus_id = pci.to_owned();
        info
    }

    #[test]
    fn names_are_unique_and_leave_out_what_changes() {
        let vulkan = wgpu::Backend::Vulkan;
        let gl = |name| info(name, wgpu::Backend::Gl, "");
        let infos = [
            info("NVIDIA GeForce RTX 4090", vulkan, "0000:01:00.0"),
            info("NVIDIA GeForce RTX 4090", vulkan, "0000:02:00.0"),
            gl("NVIDIA GeForce RTX 4090/PCIe/SSE2"),
            gl("llvmpipe (LLVM 15.0.6, 256 bits)"),
            gl("llvmpipe (LLVM 19.1, 512 bits)"),
            gl(""),
        ];
        assert_eq!(
            names(&infos),
            [
                "nvidia-geforce-rtx-4090-vulkan@0000:01:00.0",
                "nvidia-geforce-rtx-4090-vulkan@0000:02:00.0",
                "nvidia-geforce-rtx-4090-gl",
                "llvmpipe-gl",
                "llvmpipe-gl-2",
                "adapter-gl",
            ]
        );
    }

    #[test]
    fn a_device_is_found_by_name_place_bus_backend_or_a_part_that_is_its_own() {
        let infos = [
            info("AMD Radeon", wgpu::Backend::Vulkan, "0000:01:00.0"),
            info("llvmpipe", wgpu::Backend::Vulkan, ""),
            info("AMD Radeon", wgpu::Backend::Dx12, "0000:01:00.0"),
            info("llvmpipe", wgpu::Backend::Gl, ""),
            info("Mesa Intel (Google)", wgpu::Backend::Gl, ""),
        ];
        let names = names(&infos);
        let known: Vec<_> = names.iter().map(String::as_str).zip(infos).collect();
        let found = |wanted| select(&known, wanted);
        assert_eq!(found("llvmpipe-gl").unwrap(), 3);
        assert_eq!(found("1").unwrap(), 1);
        assert_eq!(found("google").unwrap(), 4);
        assert_eq!(found("DX12").unwrap(), 2);
        // One card through two backends.
        assert_eq!(found("0000:01:00.0").unwrap(), 0);
        assert_eq!(found("RADEON").unwrap(), 0);
        assert_eq!(found("llvmpipe").unwrap(), 1);
        let error = |wanted| found(wanted).unwrap_err().to_string();
        assert_eq!(
            error("gl"),
            "several devices match `gl`; available: amd-radeon-vulkan, llvmpipe-vulkan, amd-radeon-dx12, \
             llvmpipe-gl, mesa-intel-gl"
        );
        assert!(error("vulkan").starts_with("several devices match"));
        assert!(error("h200").starts_with("no device matches `h200`"));
        assert!(found("").is_err());
        assert!(found("5").is_err());
    }
}
