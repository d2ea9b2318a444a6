//! Devices, as result files describe them.

use super::record::{DeviceFacts, DeviceLimits};
use crate::{cpu::Cpu, gpu::Adapter};

/// The processor.
pub fn cpu() -> DeviceFacts {
    DeviceFacts {
        name: "cpu".to_owned(),
        adapter: format!("{} threads", Cpu::new().threads()),
        r#type: "cpu".to_owned(),
        backend: "-".to_owned(),
        driver: Cpu::instructions().to_owned(),
        vendor_id: 0,
        device_id: 0,
        pci_bus_id: None,
        limits: None,
        features: Vec::new(),
        timestamp_period_ns: None,
        tuning: None,
    }
}

/// An adapter.
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
