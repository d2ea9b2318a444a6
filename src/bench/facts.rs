//! The machine, its devices and this program, as result files describe them.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::record::{DeviceFacts, DeviceLimits, Host, Program};
use crate::gpu::Adapter;

/// This program.
///
/// ```
/// use wgpu_activations::bench::facts;
///
/// assert_eq!(facts::program().name, "wgpu-activations");
/// ```
pub fn program() -> Program {
    Program {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("ACTIVATIONS_COMMIT").map(str::to_owned),
    }
}

/// The time: RFC 3339, UTC, to the second.
///
/// ```
/// use wgpu_activations::bench::facts;
///
/// assert!(facts::now().ends_with('Z'));
/// ```
pub fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

/// This machine.
///
/// ```
/// use wgpu_activations::bench::facts;
///
/// assert_eq!(facts::host().arch, std::env::consts::ARCH);
/// ```
pub fn host() -> Host {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted);
    let unknown = || "unknown".to_owned();
    let cpus = system.cpus();
    Host {
        os: System::long_os_version().unwrap_or_else(unknown),
        kernel: System::kernel_version().unwrap_or_else(unknown),
        arch: std::env::consts::ARCH.to_owned(),
        cpu: cpus
            .first()
            .map(|cpu| cpu.brand().trim().to_owned())
            .filter(|brand| !brand.is_empty())
            .unwrap_or_else(unknown),
        cores: cpus.len() as u32,
        memory_bytes: system.total_memory(),
    }
}

/// An adapter.
///
/// ```no_run
/// use wgpu_activations::{bench::facts, gpu};
///
/// for adapter in gpu::adapters() {
///     let device = facts::device(&adapter);
///     println!("{}: {} by {}", device.name, device.r#type, device.driver);
/// }
/// ```
pub fn device(adapter: &Adapter) -> DeviceFacts {
    let info = adapter.info();
    let limits = adapter.limits();
    DeviceFacts {
        name: adapter.name().to_owned(),
        adapter: info.name,
        r#type: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        }
        .to_owned(),
        backend: info.backend.to_str().to_owned(),
        driver: [info.driver, info.driver_info].join(" ").trim().to_owned(),
        vendor_id: info.vendor,
        device_id: info.device,
        pci_bus_id: Some(info.device_pci_bus_id).filter(|id| !id.is_empty()),
        limits: Some(DeviceLimits {
            max_buffer_bytes: limits.max_buffer_size,
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_workgroup_threads: limits.max_compute_invocations_per_workgroup,
            workgroup_memory_bytes: limits.max_compute_workgroup_storage_size,
            subgroup_min: info.subgroup_min_size,
            subgroup_max: info.subgroup_max_size,
        }),
        features: [
            (wgpu::Features::SHADER_F16, "shader-f16"),
            (wgpu::Features::SHADER_INT64, "shader-int64"),
            (wgpu::Features::SUBGROUP, "subgroup"),
            (wgpu::Features::TIMESTAMP_QUERY, "timestamp-query"),
            (
                wgpu::Features::MAPPABLE_PRIMARY_BUFFERS,
                "mappable-primary-buffers",
            ),
        ]
        .into_iter()
        .filter(|(feature, _)| adapter.features().contains(*feature))
        .map(|(_, name)| name.to_owned())
        .collect(),
        timestamp_period_ns: None,
        tuning: None,
    }
}
