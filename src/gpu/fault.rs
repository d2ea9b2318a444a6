//! Errors of wgpu, which arrive out of band, brought back as values.

use std::sync::{Arc, Mutex, OnceLock};

use super::lock;
use crate::error::{Error, Result};

/// What a device has reported outside of a call.
#[derive(Default)]
pub(super) struct Fault {
    /// Why it will never work again.
    end: OnceLock<Error>,
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
            fault.lose(&reason);
        });
        let fault = self.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            lock(&fault.uncaptured).get_or_insert(convert(error));
        }));
    }

    /// The device is lost: the error from now on.
    pub(super) fn lose(&self, reason: &str) -> Error {
        self.end(Error::DeviceLost(reason.to_owned()))
    }

    /// The device will never work again: the error from now on. The first is the cause; later ones follow from it.
    pub(super) fn end(&self, error: Error) -> Error {
        self.end.get_or_init(|| error).clone()
    }

    /// The end of the device for good, any other error once.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(error) = self.end.get() {
            return Err(error.clone());
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
    let (validation, internal, memory) = (validation.pop(), internal.pop(), memory.pop());
    let errors = pollster::block_on(async { [validation.await, internal.await, memory.await] });
    // An allocation that fails makes what uses it invalid: the cause is the last in the list.
    match errors.into_iter().flatten().last() {
        Some(error) => Err(convert(error)),
        None => result,
    }
}

/// Whether the device is lost: it makes buffers that cannot be written to, and no error of them.
pub(super) fn is_lost(device: &wgpu::Device) -> bool {
    let probe = scoped(device, || {
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("probe"),
            size: wgpu::COPY_BUFFER_ALIGNMENT,
            usage: wgpu::BufferUsages::MAP_WRITE,
            mapped_at_creation: true,
        });
        Ok(buffer.get_mapped_range_mut(..).is_err())
    });
    matches!(probe, Ok(true))
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
