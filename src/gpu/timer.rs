//! The device's own clock.

use super::Gpu;
use crate::error::Result;

/// Bytes of a timestamp.
const STAMP: u64 = 8;

/// Writes the time before and after commands.
pub(crate) struct Timer {
    stamps: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    /// Nanoseconds per tick.
    period: f64,
}

impl Timer {
    /// None where the device has no clock.
    pub(crate) fn new(gpu: &Gpu) -> Result<Option<Self>> {
        let device = gpu.device();
        if !device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(None);
        }
        gpu.guarded(|| {
            Ok(Some(Self {
                stamps: device.create_query_set(&wgpu::QuerySetDescriptor {
                    label: Some("times"),
                    ty: wgpu::QueryType::Timestamp,
                    count: 2,
                }),
                resolved: device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("times"),
                    size: 2 * STAMP,
                    usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                    mapped_at_creation: false,
                }),
                period: f64::from(gpu.queue().get_timestamp_period()),
            }))
        })
    }

    /// Nanoseconds between two ticks.
    pub(crate) const fn period_ns(&self) -> f64 {
        self.period
    }

    /// Records the time at which all commands before are done.
    pub(crate) fn stamp(&self, encoder: &mut wgpu::CommandEncoder, index: u32) {
        encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &self.stamps,
                beginning_of_pass_write_index: Some(index),
                end_of_pass_write_index: None,
            }),
        });
    }

    /// Nanoseconds from stamp 0 to stamp 1, once their submission is done; none if the clock gave no
    /// time. Drivers resolve stamps wrongly in the submission that writes them.
    pub(crate) async fn elapsed_ns(&self, gpu: &Gpu) -> Result<Option<f64>> {
        gpu.submit(|encoder| {
            encoder.resolve_query_set(&self.stamps, 0..2, &self.resolved, 0);
            Ok(())
        })?;
        let mut ticks = [0u64; 2];
        gpu.fetch(&self.resolved, 0, bytemuck::cast_slice_mut(&mut ticks))
            .await?;
        let [start, end] = ticks;
        Ok((start > 0 && end > start).then(|| (end - start) as f64 * self.period))
    }
}
