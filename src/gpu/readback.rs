//! Bytes from device memory back to the host.

use futures_intrusive::channel::shared::{OneshotReceiver, oneshot_channel};

use super::Gpu;
use crate::error::{Error, Result};

/// Bytes per step: what staging memory a download takes at most.
const STEP: u64 = 64 << 20;

/// A copy under way to a buffer that the host can map.
struct Step {
    staging: wgpu::Buffer,
    mapped: OneshotReceiver<std::result::Result<(), wgpu::BufferAsyncError>>,
    submission: wgpu::SubmissionIndex,
}

impl Gpu {
    /// Fills `bytes` from `buffer` at `offset`, blocking.
    pub(crate) fn read(&self, buffer: &wgpu::Buffer, offset: u64, bytes: &mut [u8]) -> Result<()> {
        for (step, chunk) in (0..)
            .step_by(STEP as usize)
            .zip(bytes.chunks_mut(STEP as usize))
        {
            let step = self.begin_read(buffer, offset + step, chunk.len())?;
            self.poll(Some(step.submission.clone()))?;
            pollster::block_on(self.finish_read(step, chunk))?;
        }
        Ok(())
    }

    /// Fills `bytes` from `buffer` at `offset`. A thread of its own waits for the device, since
    /// wgpu completes no copy unless somebody polls.
    pub(crate) async fn read_async(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<()> {
        for (step, chunk) in (0..)
            .step_by(STEP as usize)
            .zip(bytes.chunks_mut(STEP as usize))
        {
            let step = self.begin_read(buffer, offset + step, chunk.len())?;
            let (gpu, submission) = (self.clone(), step.submission.clone());
            // Its failure shows in the mapping's result.
            std::thread::spawn(move || gpu.poll(Some(submission)));
            self.finish_read(step, chunk).await?;
        }
        Ok(())
    }

    fn begin_read(&self, buffer: &wgpu::Buffer, offset: u64, bytes: usize) -> Result<Step> {
        // Copies take multiples of 4 bytes; tensors are padded to more.
        let size = (bytes as u64).next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT);
        let staging = self.guarded(|| {
            Ok(self.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("read-back"),
                size,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }))
        })?;
        let submission = self.submit(|encoder| {
            encoder.copy_buffer_to_buffer(buffer, offset, &staging, 0, size);
            Ok(())
        })?;
        let (sender, mapped) = oneshot_channel();
        self.guarded(|| {
            staging.map_async(wgpu::MapMode::Read, .., move |result| {
                // The receiver is gone when the caller gave up; then nobody wants the result.
                let _ = sender.send(result);
            });
            Ok(())
        })?;
        Ok(Step {
            staging,
            mapped,
            submission,
        })
    }

    async fn finish_read(&self, step: Step, bytes: &mut [u8]) -> Result<()> {
        let mapped = step.mapped.receive().await;
        self.shared.fault.check()?;
        let failed = |reason: String| Error::Internal(format!("read-back failed: {reason}"));
        match mapped {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(failed(error.to_string())),
            None => return Err(failed("the device dropped the request".to_owned())),
        }
        let view = step
            .staging
            .get_mapped_range(..)
            .map_err(|error| failed(error.to_string()))?;
        bytes.copy_from_slice(&view[..bytes.len()]);
        Ok(())
    }
}
