//! Where a command line streams, and the files that it names.

use std::path::Path;

use super::{Device, Failure, Result, device};

/// The devices that share the work: the CPU alone, or any number of GPUs.
pub(super) fn devices(wanted: &[String]) -> Result<Vec<Device>> {
    if wanted.is_empty() {
        return Ok(vec![device::open(None)?]);
    }
    let devices = wanted
        .iter()
        .map(|wanted| device::open(Some(wanted)))
        .collect::<Result<Vec<_>>>()?;
    let gpus = devices
        .iter()
        .filter(|device| device.gpu().is_some())
        .count();
    if devices.len() > 1 && gpus < devices.len() {
        let rule = "cpu shares no work with other devices; name it alone, or leave it out";
        return Err(Failure::Usage(rule.to_owned()));
    }
    Ok(devices)
}

/// `--out NAME=FILE` in its parts.
pub(super) fn named_files(out: &[String]) -> Result<Vec<(&str, &Path)>> {
    let mut files: Vec<(&str, &Path)> = Vec::new();
    for text in out {
        let (name, path) = text
            .split_once('=')
            .filter(|(_, path)| !path.is_empty())
            .ok_or_else(|| Failure::Usage(format!("--out {text}: write NAME=FILE")))?;
        if files.iter().any(|(other, _)| *other == name) {
            return Err(Failure::Usage(format!(
                "--out {text}: one file is enough for {name}"
            )));
        }
        files.push((name, Path::new(path)));
    }
    Ok(files)
}
