//! What differs between two runs beside their times: the machine, the devices, the programs.

use std::collections::BTreeSet;

use wgpu_activations::bench::record::{DeviceFacts, Host, Run};

/// What something is called, and what it is of a T.
type Fact<T> = (&'static str, fn(&T) -> String);

/// What differs, a line each: "driver of llvmpipe-vulkan: Mesa 22.3.6, then Mesa 23.1.0".
pub(crate) fn differences(before: &Run, after: &Run) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |what: &str, before: String, after: String| {
        if before != after {
            found.push(format!("{what}: {before}, then {after}"));
        }
    };
    let version = |run: &Run| {
        let commit = run.program.commit.as_ref();
        let commit = commit.map_or_else(String::new, |commit| format!(" of commit {commit}"));
        format!("{} {}{commit}", run.program.name, run.program.version)
    };
    note("program", version(before), version(after));
    let of_host: [Fact<Host>; 6] = [
        ("system", |host| host.os.clone()),
        ("kernel", |host| host.kernel.clone()),
        ("architecture", |host| host.arch.clone()),
        ("CPU", |host| host.cpu.clone()),
        ("logical processors", |host| host.cores.to_string()),
        ("memory in bytes", |host| host.memory_bytes.to_string()),
    ];
    for (what, of) in of_host {
        note(what, of(&before.host), of(&after.host));
    }
    let of_device: [Fact<DeviceFacts>; 4] = [
        ("adapter", |device| device.adapter.clone()),
        ("backend", |device| device.backend.clone()),
        ("driver", |device| device.driver.clone()),
        ("PCI bus id", |device| {
            device
                .pci_bus_id
                .clone()
                .unwrap_or_else(|| "none".to_owned())
        }),
    ];
    for device in &after.devices {
        let same = |other: &&DeviceFacts| other.name == device.name;
        if let Some(other) = before.devices.iter().find(same) {
            for (what, of) in of_device {
                note(&format!("{what} of {}", device.name), of(other), of(device));
            }
        }
    }
    // Those of peers, whose results the program only collects.
    let others = |run: &Run| {
        let names = run.rows.iter().map(|row| row.implementation.clone());
        let own =
            |name: &String| name.rsplit_once(' ').map(|(name, _)| name) == Some(&run.program.name);
        let names: BTreeSet<_> = names.filter(|name| !own(name)).collect();
        Vec::from_iter(names).join(", ")
    };
    let (before, after) = (others(before), others(after));
    if !before.is_empty() && !after.is_empty() {
        note("other implementations", before, after);
    }
    found
}
