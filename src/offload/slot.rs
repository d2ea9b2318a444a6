//! Persistent memory that chunks travel in between host and device.

use super::chunk::Chunk;
use crate::{
    element::ElementType,
    error::{Error, Result},
    gpu::{Gpu, unmapped},
    io::Source,
    tensor::{Tensor, View},
};

/// Buffers for one chunk under way. Where the device's memory is the host's, the inputs' buffers
/// are the tensors themselves; elsewhere they are staging memory, copied from and to tensors.
#[derive(Default)]
pub(super) struct Slot {
    /// Mapped for writing while the slot is free.
    inputs: Vec<wgpu::Buffer>,
    outputs: Vec<wgpu::Buffer>,
    /// What the inputs' buffers were filled with, where it is kept.
    pub(super) kept: Vec<Vec<u8>>,
}

const STAGING: wgpu::BufferUsages =
    wgpu::BufferUsages::MAP_WRITE.union(wgpu::BufferUsages::COPY_SRC);

const MAPPED_TENSOR: wgpu::BufferUsages = wgpu::BufferUsages::MAP_WRITE
    .union(wgpu::BufferUsages::MAP_READ)
    .union(wgpu::BufferUsages::STORAGE)
    .union(wgpu::BufferUsages::COPY_SRC);

const READ_BACK: wgpu::BufferUsages =
    wgpu::BufferUsages::MAP_READ.union(wgpu::BufferUsages::COPY_DST);

/// Where the host finds a result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the buffer of an input, which the device has overwritten.
    Input(usize),
    Output(usize),
}

/// An error, and whose fault it is.
pub(super) enum Fail {
    /// The device's: another may do it.
    Device(Error),
    /// Nobody else would fare better.
    Host(Error),
}

impl From<Error> for Fail {
    fn from(error: Error) -> Self {
        Self::Device(error)
    }
}

impl Fail {
    pub(super) fn error(self) -> Error {
        match self {
            Self::Device(error) | Self::Host(error) => error,
        }
    }
}

/// A chunk of one input, and where it comes from.
pub(super) struct Load<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) view: View,
    pub(super) chunk: Chunk,
    pub(super) element: ElementType,
    /// Whether to keep a copy for the host.
    pub(super) keep: bool,
}

impl Slot {
    /// Fills the buffer of input `index`, which is mapped, and leaves it to the device.
    pub(super) fn fill(&mut self, gpu: &Gpu, index: usize, load: &Load<'_>) -> Result<(), Fail> {
        let bytes = load.chunk.len() as u64 * load.element.size();
        let size = bytes.next_multiple_of(16);
        let present = self.inputs.get(index);
        if present.is_none_or(|buffer| buffer.size() < size) {
            let usage = if gpu.maps_tensors() {
                MAPPED_TENSOR
            } else {
                STAGING
            };
            self.inputs.truncate(index);
            self.inputs.push(create(gpu, size, usage, true)?);
        }
        self.kept
            .resize_with(self.kept.len().max(index + 1), Vec::new);
        let kept = &mut self.kept[index];
        kept.clear();
        let buffer = &self.inputs[index];
        let mut view = gpu.guarded(|| buffer.get_mapped_range_mut(..size).map_err(unmapped))?;
        let mut at = 0;
        let mut read = Ok(());
        for run in load.chunk.runs(load.view) {
            read = read.and_then(|()| {
                load.source.read(run, &mut |bytes| {
                    view.slice(at..at + bytes.len()).copy_from_slice(bytes);
                    at += bytes.len();
                    if load.keep {
                        kept.extend_from_slice(bytes);
                    }
                })
            });
        }
        drop(view);
        read.map_err(Fail::Host)?;
        buffer.unmap();
        Ok(())
    }

    /// The tensor that input `index` becomes.
    pub(super) fn tensor(&self, gpu: &Gpu, index: usize, load: &Load<'_>) -> Result<Tensor> {
        let buffer = &self.inputs[index];
        let shape = load.chunk.shape();
        if gpu.maps_tensors() {
            return gpu.tensor_from_wgpu(buffer, 0, shape, load.element);
        }
        let tensor = gpu.allocate(shape, load.element)?;
        let size = tensor.bytes().next_multiple_of(4);
        gpu.submit(|encoder| {
            encoder.copy_buffer_to_buffer(buffer, 0, tensor.raw(), 0, size);
            Ok(())
        })?;
        Ok(tensor)
    }

    /// Sees to it that the host will find `outputs`; nothing more may be done to them.
    pub(super) fn fetch(
        &mut self,
        gpu: &Gpu,
        outputs: &[Tensor],
    ) -> Result<(Vec<Place>, wgpu::SubmissionIndex)> {
        let mut places = Vec::with_capacity(outputs.len());
        let mut copies = Vec::new();
        for output in outputs {
            let input = self.inputs.iter().position(|input| input == output.raw());
            if let (Some(input), true) = (input, gpu.maps_tensors()) {
                places.push(Place::Input(input));
                continue;
            }
            let index = copies.len();
            let size = output.bytes().next_multiple_of(4);
            let present = self.outputs.get(index);
            if present.is_none_or(|buffer| buffer.size() < size) {
                self.outputs.truncate(index);
                self.outputs.push(create(gpu, size, READ_BACK, false)?);
            }
            places.push(Place::Output(index));
            copies.push((output, index, size));
        }
        let (submission, ()) = gpu.submit(|encoder| {
            for (output, index, size) in copies {
                let to = &self.outputs[index];
                encoder.copy_buffer_to_buffer(output.raw(), output.offset(), to, 0, size);
            }
            Ok(())
        })?;
        Ok((places, submission))
    }

    /// Hands `bytes` bytes of each result to `take`, once the device has them.
    pub(super) fn empty(
        &self,
        gpu: &Gpu,
        places: &[Place],
        bytes: usize,
        take: impl FnOnce(&[&[u8]]) -> Result<()>,
    ) -> Result<(), Fail> {
        let mut buffers = Vec::with_capacity(places.len());
        for place in places {
            let buffer = match *place {
                Place::Input(input) => self.inputs.get(input),
                Place::Output(output) => self.outputs.get(output),
            };
            let buffer = buffer.ok_or_else(|| unmapped("there is none"))?;
            gpu.map_idle(buffer, wgpu::MapMode::Read)?;
            buffers.push(buffer);
        }
        let view = |buffer: &&wgpu::Buffer| buffer.get_mapped_range(..).map_err(unmapped);
        let views: Vec<_> = gpu.guarded(|| buffers.iter().map(view).collect::<Result<_>>())?;
        let results: Vec<&[u8]> = views.iter().map(|view| &view[..bytes]).collect();
        let taken = take(&results);
        drop(views);
        buffers.into_iter().for_each(wgpu::Buffer::unmap);
        taken.map_err(Fail::Host)
    }

    /// Maps the inputs' buffers for the next chunk, once the device has left them.
    pub(super) fn free(&self, gpu: &Gpu) -> Result<()> {
        self.inputs
            .iter()
            .try_for_each(|buffer| gpu.map_idle(buffer, wgpu::MapMode::Write))
    }
}

fn create(gpu: &Gpu, size: u64, usage: wgpu::BufferUsages, mapped: bool) -> Result<wgpu::Buffer> {
    gpu.guarded(|| {
        Ok(gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("offload"),
            size: size.max(16),
            usage,
            mapped_at_creation: mapped,
        }))
    })
}
