//! The machine and its adapter, as result files describe them.

use std::{fs, process::Command};

use wgpu_activations::{
    Adapter,
    bench::record::{DeviceFacts, DeviceLimits, Host},
};

/// This machine; empty where it does not say.
pub fn host() -> Host {
    let cpu_info = read("/proc/cpuinfo");
    let memory = field(&read("/proc/meminfo"), "MemTotal", ':');
    let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
    let os = field(&read("/etc/os-release"), "PRETTY_NAME", '=');
    Host {
        os: if os.is_empty() {
            std::env::consts::OS.to_owned()
        } else {
            os.trim_matches('"').to_owned()
        },
        kernel: output("uname", "-r"),
        arch: std::env::consts::ARCH.to_owned(),
        cpu: field(&cpu_info, "model name", ':'),
        cores: std::thread::available_parallelism().map_or(0, |cores| cores.get() as u32),
        memory_bytes: kib * 1024,
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// What stands behind `name` and `separator` in the first line that has them.
fn field(text: &str, name: &str, separator: char) -> String {
    let found = text.lines().find_map(|line| {
        let (key, value) = line.split_once(separator)?;
        (key.trim() == name).then(|| value.trim().to_owned())
    });
    found.unwrap_or_default()
}

fn output(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The adapter, as `activations devices --json` has it.
pub fn device(adapter: &Adapter) -> DeviceFacts {
    let (info, limits) = (adapter.info(), adapter.limits());
    DeviceFacts {
        name: adapter.name().to_owned(),
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
        adapter: info.name,
        features: [
            (wgpu::Features::TIMESTAMP_QUERY, "timestamp-query"),
            (wgpu::Features::SUBGROUP, "subgroup"),
        ]
        .into_iter()
        .filter(|(feature, _)| adapter.features().contains(*feature))
        .map(|(_, name)| name.to_owned())
        .collect(),
        timestamp_period_ns: None,
    }
}
