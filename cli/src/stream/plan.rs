//! Where a command line streams, and the files that it names.

use std::path::Path;

use super::{Device, Result, device};
use crate::{flags::Flags, operation, usage};
use wgpu_activations::{Chain, Math, family::Pass};

/// Why the processor refuses native math.
pub(crate) const NATIVE_ON_CPU: &str =
    "--math native is an adapter's; cpu has the crate's own math alone";

/// The devices that share the work.
pub(crate) fn devices(flags: &Flags) -> Result<Vec<Device>> {
    let wanted = flags.device.iter().map(|name| Some(&**name));
    let none = flags.device.is_empty().then_some(None);
    let devices = wanted.chain(none).map(device::open);
    let devices = devices.collect::<Result<Vec<_>>>()?;
    if devices.iter().all(|device| device.gpu().is_some()) {
        return Ok(devices);
    }
    if flags.math == Math::Native {
        return usage(NATIVE_ON_CPU);
    }
    Ok(devices)
}

/// The operations of a command line, and `--out NAME=FILE` in its parts.
pub(crate) fn chain<'a>(
    op: &str,
    flags: &Flags,
    out: &'a [String],
    pass: Pass,
) -> Result<(Chain, Vec<(&'a str, &'a Path)>)> {
    let mut files: Vec<(&str, &Path)> = Vec::new();
    for text in out {
        let parts = text.split_once('=').filter(|(_, path)| !path.is_empty());
        let Some((name, path)) = parts else {
            return usage(format!("--out {text}: write NAME=FILE"));
        };
        if files.iter().any(|(other, _)| *other == name) {
            return usage(format!("--out {text}: one file is enough for {name}"));
        }
        files.push((name, Path::new(path)));
    }
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    Ok((operation::chain(op, flags, pass, &names)?, files))
}
