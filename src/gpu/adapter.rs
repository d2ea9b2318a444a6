//! The adapters of this machine, under names that select them.

use crate::error::{Error, Result};

/// A way to a device: a chip seen through one backend.
///
/// ```
/// use wgpu_activations::gpu::adapters;
///
/// for adapter in adapters() {
///     println!("{}: {:?}", adapter.name(), adapter.info().device_type);
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
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

/// Every adapter of this machine, in the order that the backends list them. Blocking.
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
pub fn adapters() -> Vec<Adapter> {
    pollster::block_on(adapters_async(wgpu::Backends::all()))
}

/// Every adapter that `backends` list.
///
/// ```
/// use wgpu_activations::gpu::{Adapter, adapters_async};
///
/// async fn on_vulkan() -> Vec<Adapter> {
///     adapters_async(wgpu::Backends::VULKAN).await
/// }
/// ```
pub async fn adapters_async(backends: wgpu::Backends) -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        // Validation layers are for those who debug wgpu; its own checks are always on.
        flags: wgpu::InstanceFlags::empty(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let raw = instance.enumerate_adapters(backends).await;
    let infos: Vec<_> = raw.iter().map(wgpu::Adapter::get_info).collect();
    names(&infos)
        .into_iter()
        .zip(raw)
        .map(|(name, raw)| Adapter { name, raw })
        .collect()
}

/// The one adapter that `wanted` names: its exact name, its place in the list, its PCI bus id, or
/// a part of its name, driver or backend that no other has.
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
    let infos: Vec<_> = adapters.iter().map(Adapter::info).collect();
    let names: Vec<_> = adapters
        .iter()
        .map(|adapter| adapter.name.as_str())
        .collect();
    select(&names, &infos, wanted).map(|index| &adapters[index])
}

/// The adapter to use where none is asked for: discrete before integrated before software, native
/// backends before GL.
///
/// ```
/// use wgpu_activations::{Error, gpu::best};
///
/// // With `gpu::adapters()` the adapter that `Gpu::new` opens; without any:
/// assert!(matches!(best(&[]), Err(Error::NoAdapter { .. })));
/// ```
///
/// # Errors
///
/// [`Error::NoAdapter`] if there is none.
pub fn best(adapters: &[Adapter]) -> Result<&Adapter> {
    adapters
        .iter()
        .min_by_key(|adapter| rank(&adapter.info()))
        .ok_or(Error::NoAdapter {
            hint: "install a Vulkan driver, or a software one: `apt-get install mesa-vulkan-drivers`",
        })
}

/// Discrete before integrated before software; native backends before GL.
fn rank(info: &wgpu::AdapterInfo) -> (u8, bool) {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    };
    (kind, info.backend == wgpu::Backend::Gl)
}

fn select(names: &[&str], infos: &[wgpu::AdapterInfo], wanted: &str) -> Result<usize> {
    if let Some(exact) = names.iter().position(|name| *name == wanted) {
        return Ok(exact);
    }
    if let Some(index) = wanted.parse().ok().filter(|index| *index < names.len()) {
        return Ok(index);
    }
    let wanted_lower = wanted.to_lowercase();
    let matches: Vec<_> = (0..names.len())
        .filter(|&index| {
            let info = &infos[index];
            !wanted.is_empty()
                && [
                    names[index],
                    &info.name,
                    &info.driver,
                    &info.device_pci_bus_id,
                ]
                .iter()
                .any(|text| text.to_lowercase().contains(&wanted_lower))
        })
        .collect();
    match matches[..] {
        [one] => Ok(one),
        _ => Err(Error::UnknownDevice {
            wanted: wanted.to_owned(),
            reason: if matches.is_empty() {
                "no device matches"
            } else {
                "several devices match"
            },
            available: names.join(", "),
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
        let mut candidate = name.clone();
        if plain.iter().filter(|other| *other == name).count() > 1
            && !info.device_pci_bus_id.is_empty()
        {
            candidate = format!("{name}@{}", info.device_pci_bus_id);
        }
        let mut unique = candidate.clone();
        for number in 2.. {
            if !names.contains(&unique) {
                break;
            }
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
    let words: Vec<_> = name[..end]
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() {
        "adapter".to_owned()
    } else {
        words.join("-")
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
        let infos = [
            info(
                "NVIDIA GeForce RTX 4090",
                wgpu::Backend::Vulkan,
                "0000:01:00.0",
            ),
            info(
                "NVIDIA GeForce RTX 4090",
                wgpu::Backend::Vulkan,
                "0000:02:00.0",
            ),
            info("NVIDIA GeForce RTX 4090/PCIe/SSE2", wgpu::Backend::Gl, ""),
            info("llvmpipe (LLVM 15.0.6, 256 bits)", wgpu::Backend::Gl, ""),
            info("llvmpipe (LLVM 19.1, 512 bits)", wgpu::Backend::Gl, ""),
            info("", wgpu::Backend::Gl, ""),
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
    fn a_device_is_found_by_name_place_bus_or_a_part_that_is_its_own() {
        let infos = [
            info("AMD Radeon", wgpu::Backend::Vulkan, "0000:01:00.0"),
            info("llvmpipe", wgpu::Backend::Vulkan, ""),
            info("llvmpipe", wgpu::Backend::Gl, ""),
        ];
        let names = names(&infos);
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let found = |wanted| select(&names, &infos, wanted);
        assert_eq!(found("llvmpipe-gl").unwrap(), 2);
        assert_eq!(found("1").unwrap(), 1);
        assert_eq!(found("0000:01:00.0").unwrap(), 0);
        assert_eq!(found("RADEON").unwrap(), 0);
        assert_eq!(found("gl").unwrap(), 2);
        let several = found("llvmpipe").unwrap_err().to_string();
        assert_eq!(
            several,
            "several devices match `llvmpipe`; available: amd-radeon-vulkan, llvmpipe-vulkan, llvmpipe-gl"
        );
        assert!(
            found("h200")
                .unwrap_err()
                .to_string()
                .starts_with("no device matches `h200`")
        );
        assert!(found("").is_err());
        assert!(found("3").is_err());
    }
}
