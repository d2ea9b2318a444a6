//! What a command line asks to be streamed through, and where.

use std::path::Path;

use super::{Device, Failure, Job, Pass, Request, Result, Wanted, device};

/// The operations of `a | b | c`.
pub(super) fn jobs(wanted: &Wanted<'_>, outs: &[(&str, &Path)]) -> Result<Vec<Job>> {
    let flags = wanted.flags;
    let names: Vec<_> = outs.iter().map(|(name, _)| *name).collect();
    let ops: Vec<_> = wanted.op.split('|').map(str::trim).collect();
    if let [_, _, ..] = ops[..] {
        if let Some(param) = flags.param.first() {
            return Err(Failure::Usage(format!(
                "--param {param}: in a chain, parameters stand with their operation, as in \
                 \"elu(alpha=0.5) | softmax\""
            )));
        }
        if let Some(name) = names.first() {
            return Err(Failure::Usage(format!(
                "--out {name}: a chain gives nothing beside the output"
            )));
        }
    }
    let job = |op: &&str| {
        Job::parse(Request {
            op,
            pass: Pass::Forward,
            flags,
            outs: &names,
            in_chain: ops.len() > 1,
        })
    };
    let jobs = ops.iter().map(job).collect::<Result<Vec<_>>>()?;
    if ops.len() > 1 && flags.axis.is_some() && !jobs.iter().any(Job::has_axis) {
        let rule = "--axis has no effect on this chain";
        return Err(Failure::Usage(rule.to_owned()));
    }
    Ok(jobs)
}

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
