//! Errors of wgpu, which arrive out of band, brought back as values.

use std::sync::{Arc, Mutex, OnceLock};
#[cfg(target_arch = "wasm32")]
use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::lock;
use crate::error::{Error, Result};

/// What a device has reported outside of a call.
#[derive(Default)]
pub(super) struct Fault {
    /// Why it will never work again.
    end: OnceLock<Error>,
    uncaptured: Mutex<Option<Error>>,
    /// What a browser, which answers later, has been asked, in this order.
    #[cfg(target_arch = "wasm32")]
    asked: Mutex<VecDeque<Answer>>,
}

/// The error of some work, once the browser tells.
#[cfg(target_arch = "wasm32")]
type Answer = Pin<Box<dyn Future<Output = Option<wgpu::Error>> + Send>>;

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
        #[cfg(target_arch = "wasm32")]
        self.take_answers();
        if let Some(error) = self.end.get() {
            return Err(error.clone());
        }
        lock(&self.uncaptured).take().map_or(Ok(()), Err)
    }

    /// [`Fault::check`], once all that was asked is answered.
    pub(super) async fn settled(&self) -> Result<()> {
        #[cfg(target_arch = "wasm32")]
        while let Some(answer) = self.next_asked() {
            self.keep(answer.await);
        }
        self.check()
    }

    #[cfg(target_arch = "wasm32")]
    fn next_asked(&self) -> Option<Answer> {
        lock(&self.asked).pop_front()
    }

    /// Takes in what is answered by now.
    #[cfg(target_arch = "wasm32")]
    fn take_answers(&self) {
        let mut context = Context::from_waker(Waker::noop());
        let mut asked = lock(&self.asked);
        while let Some(answer) = asked.front_mut()
            && let Poll::Ready(error) = answer.as_mut().poll(&mut context)
        {
            asked.pop_front();
            self.keep(error);
        }
    }

    #[cfg(target_arch = "wasm32")]
    fn keep(&self, error: Option<wgpu::Error>) {
        if let Some(error) = error {
            lock(&self.uncaptured).get_or_insert(convert(error));
        }
    }
}

/// Runs `work`. A browser tells of errors later: the next call gives them, or [`Fault::settled`].
#[cfg(target_arch = "wasm32")]
pub(super) fn scoped<T>(
    fault: &Fault,
    device: &wgpu::Device,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    // None for internal errors: wgpu 30.0 panics when it is given one there.
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let result = work();
    let (validation, memory) = (validation.pop(), memory.pop());
    let answer = async move {
        let errors = [validation.await, memory.await];
        errors.into_iter().flatten().last()
    };
    lock(&fault.asked).push_back(Box::pin(answer));
    result
}

/// Runs `work` and returns the first error that wgpu reports from it.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn scoped<T>(
    _: &Fault,
    device: &wgpu::Device,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
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

/// Whether the device is lost: it makes buffers that cannot be written to, and no error of them. A browser tells by the
/// callback alone.
pub(super) fn is_lost(fault: &Fault, device: &wgpu::Device) -> bool {
    if cfg!(target_arch = "wasm32") {
        return false;
    }
    let probe = scoped(fault, device, || {
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
