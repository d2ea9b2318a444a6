//! Files through a chain, chunk by chunk.

use std::{
    io::Error as IoError,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use pyo3::prelude::*;
use tempfile::NamedTempFile;
use wgpu_activations::{
    Error, Result,
    io::{self, Order, Sink, Source, StoredArray, Target},
    offload::{Progress, Request},
};

use crate::{
    chain::{Chain, Job},
    device::Device,
    job::watched,
};

/// Streams the array of a file (.npy, .npz or .safetensors, by its content) through a chain to a new file, whose format
/// goes by its name and which appears when it is complete. `progress` is called with the elements done and their number.
/// Gives the result's shape.
#[pyfunction]
#[pyo3(signature = (input, output, chain, device, force=false, memory=None, progress=None))]
#[allow(clippy::too_many_arguments)] // Python's, by name
pub(crate) fn run_file(
    py: Python<'_>,
    input: PathBuf,
    output: PathBuf,
    chain: &Chain,
    device: &Device,
    force: bool,
    memory: Option<u64>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Vec<usize>> {
    let (done, of) = (AtomicU64::new(0), AtomicU64::new(0));
    let note = |progress: Progress| {
        done.store(progress.done, Ordering::Relaxed);
        of.store(progress.of, Ordering::Relaxed);
    };
    let tell = || match &progress {
        Some(progress) => {
            let counts = (done.load(Ordering::Relaxed), of.load(Ordering::Relaxed));
            progress.call1(counts).map(drop)
        }
        None => Ok(()),
    };
    let work = |cancel: &AtomicBool| {
        let job =
            |chain: &wgpu_activations::Chain, array: StoredArray, temporary: &NamedTempFile| {
                streamed(
                    chain, array, temporary, &output, device, memory, &note, cancel,
                )
            };
        let array = io::open(&input, &[])?.into_only()?;
        if !force && output.exists() {
            return Err(refused(&output, "exists; give force=True to replace it"));
        }
        let folder = output.parent().filter(|it| !it.as_os_str().is_empty());
        let temporary = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
        let temporary = temporary.map_err(|error| cannot_write(&output, &error))?;
        let shape = job(chain.get(), array, &temporary)?;
        let renamed = match force {
            true => temporary.persist(&output),
            false => temporary.persist_noclobber(&output),
        };
        renamed.map_err(|error| cannot_write(&output, &error.error))?;
        Ok(shape)
    };
    let shape = watched(py, work, tell)?;
    device.after(shape)
}

#[allow(clippy::too_many_arguments)] // of one caller
fn streamed(
    chain: &wgpu_activations::Chain,
    array: StoredArray,
    temporary: &NamedTempFile,
    path: &Path,
    device: &Device,
    memory: Option<u64>,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &AtomicBool,
) -> Result<Vec<usize>> {
    let order = array.order;
    let mut shape = array.shape.clone();
    let mut chain = chain.clone();
    if order != Order::C && shape.len() > 1 {
        if chain.steps().iter().any(|step| !step.takes_any_order()) {
            return Err(refused(
                path,
                "cannot be made of an array in Fortran order: places count",
            ));
        }
        chain = chain.with_axes_reversed(shape.len());
        shape.reverse();
    }
    let mut result = chain.result_shape(&shape)?;
    if order != Order::C {
        result.reverse();
    }
    let file = temporary.as_file().try_clone();
    let file = file.map_err(|error| cannot_write(path, &error))?;
    let target = Target::File(file);
    let (element, new) = (array.element, array.like(&result, order));
    let new = io::NewArray { place: None, ..new };
    let sink = io::format_of(path)
        .begin(target, path, &new)?
        .in_any_order()?;
    let source = array.elements(false)?;
    let (source, to): (&dyn Source, &dyn Sink) = (&*source, &sink);
    let job = Job {
        chain: &chain,
        shape: &shape,
        element,
        memory,
        progress: Some(progress),
    };
    job.forward(device, &Request::new(source, to), cancel)?;
    sink.finish()?;
    Ok(result)
}

fn refused(path: &Path, reason: &str) -> Error {
    Error::File {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn cannot_write(path: &Path, error: &IoError) -> Error {
    refused(path, &format!("cannot be written: {error}"))
}
