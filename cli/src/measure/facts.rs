//! The machine and this program, as result files describe them.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use wgpu_activations::bench::record::{Host, Program};

/// This program.
pub fn program() -> Program {
    Program {
        name: "wgpu-activations".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("ACTIVATIONS_COMMIT").map(str::to_owned),
    }
}

/// The time: RFC 3339, UTC, to the second.
pub fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

/// This machine.
pub fn host() -> Host {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted);
    let unknown = || "unknown".to_owned();
    let cpus = system.cpus();
    let brand = cpus.first().map(|cpu| cpu.brand().trim().to_owned());
    Host {
        os: System::long_os_version().unwrap_or_else(unknown),
        kernel: System::kernel_version().unwrap_or_else(unknown),
        arch: std::env::consts::ARCH.to_owned(),
        cpu: brand
            .filter(|brand| !brand.is_empty())
            .unwrap_or_else(unknown),
        cores: cpus.len() as u32,
        memory_bytes: system.total_memory(),
    }
}
