//! Errors of wgpu, which arrive out of band, brought back as values.

use std::sync::{Arc, Mutex, OnceLock};

use super::lock;
use crate::error::{Error, Result};

/// What a device has reported outside of a call.
#[derive(Default)]
pub(super) struct Fault {
    lost: OnceLock<String>,
    uncaptured: Mutex<Option<Error>>,
}

impl Fault {
    /// Takes the place of wgpu's default handlers, which panic.
    pub(super) fn watch(self: &Arc<Self>, device: &wgpu::Device) {
        let fault = self.clone();
        device.set_device_lost_callback(move |reason, message| {
            let reason = if message.is_empty() {
                format!("{reason:?}")
            } else {
                message
            };
            // The first reason is the cause; later ones follow from it.
            let _ = fault.lost.set(reason);
        });
        let fault = self.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            lock(&fault.uncaptured).get_or_insert(convert(error));
        }));
    }

    /// The loss of the device for good, any other error once.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(reason) = self.lost.get() {
            return Err(Error::DeviceLost(reason.clone()));
        }
        lock(&self.uncaptured).take().map_or(Ok(()), Err)
    }
}

/// Runs `work` and returns the first error that wgpu reports from it.
pub(super) fn scoped<T>(device: &wgpu::Device, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let result = work();
    // On native backends these futures are ready at once.
    let errors = [
        pollster::block_on(validation.pop()),
        pollster::block_on(internal.pop()),
        pollster::block_on(memory.pop()),
    ];
    // An allocation that fails makes what uses it invalid: the cause is the last in the list.
    match errors.into_iter().flatten().last() {
        Some(error) => Err(convert(error)),
        None => result,
    }
}

fn convert(error: wgpu::Error) -> Error {
    match error {
        wgpu::Error::OutOfMemory { source } => Error::OutOfMemory(one_line(&source.to_string())),
        wgpu::Error::Validation { description, .. } => Error::Validation(one_line(&description)),
        wgpu::Error::Internal { description, .. } => Error::Internal(one_line(&description)),
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
