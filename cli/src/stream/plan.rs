//! Where a command line streams, and the files that it names.

use std::path::Path;

use super::{Device, Result, device};
use crate::{flags::Flags, operation, usage};
use wgpu_activations::{Chain, family::Pass};

/// The devices that share the work: the CPU alone, or any number of GPUs.
pub(crate) fn devices(wanted: &[String]) -> Result<Vec<Device>> {
    if wanted.is_empty() {
        return Ok(vec![device::open(None)?]);
    }
    let devices = wanted.iter().map(|wanted| device::open(Some(wanted)));
    let devices = devices.collect::<Result<Vec<_>>>()?;
    if devices.len() > 1 && devices.iter().any(|device| device.gpu().is_none()) {
        return usage("cpu shares no work with other devices; name it alone, or leave it out");
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
