//! Bytes from device memory back to the host.

#[cfg(not(target_arch = "wasm32"))]
use std::{
    pin::pin,
    sync::{Mutex, mpsc},
    task::{Context, Poll, Waker},
    thread,
};

use futures_intrusive::channel::shared::oneshot_channel;

#[cfg(not(target_arch = "wasm32"))]
use super::lock;
use super::{Gpu, Opened, fault::one_line};
use crate::error::{Error, Result};

/// Bytes per step: what staging memory a download takes at most.
const STEP: u64 = 64 << 20;

impl Gpu {
    /// Fills `bytes` from `buffer` at `offset`, blocking.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn read(&self, buffer: &wgpu::Buffer, offset: u64, bytes: &mut [u8]) -> Result<()> {
        let wait = |submission| self.poll(Some(submission));
        pollster::block_on(self.read_in_steps(buffer, offset, bytes, wait))
    }

    /// Fills `bytes` from `buffer` at `offset`.
    pub(crate) async fn read_async(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<()> {
        let wait = |submission| self.shared.waiter.wait(self.opened(), submission);
        self.read_in_steps(buffer, offset, bytes, wait).await
    }

    async fn read_in_steps(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        bytes: &mut [u8],
        wait: impl Fn(wgpu::SubmissionIndex) -> Result<()>,
    ) -> Result<()> {
        let steps = (offset..).step_by(STEP as usize);
        for (at, chunk) in steps.zip(bytes.chunks_mut(STEP as usize)) {
            // Copies take multiples of 4 bytes; tensors are padded to more.
            let size = (chunk.len() as u64).next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT);
            let staging = self.guarded(|| {
                Ok(self.device().create_buffer(&wgpu::BufferDescriptor {
                    label: Some("read-back"),
                    size,
                    usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                }))
            })?;
            let (submission, ()) = self.submit(|encoder| {
                encoder.copy_buffer_to_buffer(buffer, at, &staging, 0, size);
                Ok(())
            })?;
            let mapped = self.map(&staging, wgpu::MapMode::Read)?;
            wait(submission)?;
            mapped.await?;
            let view = staging.get_mapped_range(..);
            let view = view.map_err(|error| self.opened().cause(unmapped(error)))?;
            chunk.copy_from_slice(&view[..chunk.len()]);
            drop(view);
            // A browser would keep it until garbage is collected.
            staging.destroy();
        }
        Ok(())
    }

    /// Fills `bytes` from `buffer` at `offset`: at once where one may block, else when the browser says so.
    #[cfg(feature = "check")]
    pub(crate) async fn fetch(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<()> {
        #[cfg(target_arch = "wasm32")]
        return self.read_async(buffer, offset, bytes).await;
        #[cfg(not(target_arch = "wasm32"))]
        self.read(buffer, offset, bytes)
    }

    /// Asks for `buffer` to be mapped when the work submitted on it is done, which shows once somebody polls.
    fn map(
        &self,
        buffer: &wgpu::Buffer,
        mode: wgpu::MapMode,
    ) -> Result<impl Future<Output = Result<()>>> {
        let (sender, mapped) = oneshot_channel();
        self.guarded(|| {
            buffer.map_async(mode, .., move |result| {
                // The receiver is gone when the caller gave up; then nobody wants the result.
                let _ = sender.send(result);
            });
            Ok(())
        })?;
        Ok(async move {
            let mapped = mapped.receive().await;
            self.opened().fault.settled().await?;
            let error = match mapped {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => unmapped(error),
                None => unmapped("the device dropped the request"),
            };
            Err(self.opened().cause(error))
        })
    }

    /// Maps a buffer that no work under way uses, without waiting for other work.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn map_idle(&self, buffer: &wgpu::Buffer, mode: wgpu::MapMode) -> Result<()> {
        let mut mapped = pin!(self.map(buffer, mode)?);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            self.opened().poll(wgpu::PollType::Poll)?;
            if let Poll::Ready(result) = mapped.as_mut().poll(&mut context) {
                return result;
            }
            thread::yield_now();
        }
    }
}

/// A browser completes what it is asked by itself.
#[cfg(target_arch = "wasm32")]
#[derive(Default)]
pub(super) struct Waiter {}

#[cfg(target_arch = "wasm32")]
impl Waiter {
    fn wait(&self, _: &Opened, _: wgpu::SubmissionIndex) -> Result<()> {
        Ok(())
    }
}

/// The thread that waits for a device while a caller must not block: wgpu completes no copy unless somebody polls.
/// It starts with the first download that needs it and ends with the device.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Default)]
pub(super) struct Waiter(Mutex<Option<mpsc::Sender<wgpu::SubmissionIndex>>>);

#[cfg(not(target_arch = "wasm32"))]
impl Waiter {
    /// Has the thread wait for a submission; where none can be started, this one does.
    fn wait(&self, opened: &Opened, submission: wgpu::SubmissionIndex) -> Result<()> {
        let mut sender = lock(&self.0);
        if sender.is_none() {
            *sender = Self::start(opened.clone());
        }
        match sender
            .as_ref()
            .map(|sender| sender.send(submission.clone()))
        {
            Some(Ok(())) => Ok(()),
            _ => opened.wait(Some(submission)),
        }
    }

    fn start(opened: Opened) -> Option<mpsc::Sender<wgpu::SubmissionIndex>> {
        let (sender, submissions) = mpsc::channel();
        let wait = move || {
            for submission in submissions {
                // A failure shows in the result of the mapping.
                let _ = opened.wait(Some(submission));
            }
        };
        let thread = thread::Builder::new().name("wgpu-activations".to_owned());
        thread.spawn(wait).ok().map(|_| sender)
    }
}

/// A buffer that the host cannot see.
pub(crate) fn unmapped(reason: impl ToString) -> Error {
    let reason = one_line(&reason.to_string());
    Error::Internal(format!("mapping a buffer failed: {reason}"))
}
