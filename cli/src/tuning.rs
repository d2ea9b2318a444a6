//! What `activations tune` found, kept from run to run.

use std::{collections::BTreeMap, io::Write, path::PathBuf};

use super::{file_error, temporary};
use wgpu_activations::{
    Adapter, Result,
    bench::{facts, record::read_text},
    gpu::Tuning,
};

/// The file: by device, driver and version of this program.
fn path() -> Option<PathBuf> {
    let folder = dirs::cache_dir()?.join("wgpu-activations");
    Some(folder.join("tuning.json"))
}

fn key(adapter: &Adapter) -> String {
    let device = facts::device(adapter);
    [&device.name, &device.driver, env!("CARGO_PKG_VERSION")].join(" | ")
}

/// All that is kept; nothing where there is no such file, or none that can be read.
fn load() -> BTreeMap<String, Tuning> {
    let text = path().and_then(|path| read_text(&path).ok());
    let kept = text.and_then(|text| serde_json::from_str(&text).ok());
    kept.unwrap_or_default()
}

/// What is kept for an adapter.
pub(super) fn find(adapter: &Adapter) -> Option<Tuning> {
    load().remove(&key(adapter))
}

/// Keeps a tuning for an adapter, or forgets what is kept; returns the file.
pub(super) fn keep(adapter: &Adapter, tuning: Option<Tuning>) -> Result<PathBuf> {
    let no_folder = || file_error("tuning.json", "there is no folder for caches; set HOME");
    let path = path().ok_or_else(no_folder)?;
    let mut all = load();
    match tuning {
        Some(tuning) => all.insert(key(adapter), tuning),
        None => all.remove(&key(adapter)),
    };
    let write = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(&path);
        std::fs::create_dir_all(folder)?;
        temporary::remove_abandoned(&path);
        let mut file = temporary::beside(&path)?;
        serde_json::to_writer_pretty(&mut file, &all)?;
        writeln!(file)?;
        file.persist(&path)?;
        Ok(())
    };
    match write() {
        Ok(()) => Ok(path),
        Err(error) => Err(file_error(path, format!("cannot be written: {error}"))),
    }
}
