//! How long the parts of the way take on their own, from which follows what streaming costs at best.

use std::time::{Duration, Instant};

use super::{
    Offload, Request, Task,
    chunk::Chunk,
    passes::{OnDevice, Pass},
    prepared::{Prepared, Purpose},
    slot::{Fail, Load, Slot},
    trip::{ChunkWork, Worker},
};
use crate::{
    chain::Chain,
    cpu::Cpu,
    device::Device,
    element::Element,
    error::{Error, Result},
    family::{Surveyed, Table},
    gpu::Gpu,
    io::{Shared, Slice},
    tensor::{Tensor, View},
    with_element,
};

/// Times of one chunk's way, each part alone.
///
/// ```
/// use std::time::Duration;
/// use wgpu_activations::offload::Rates;
///
/// let rates = Rates {
///     elements: 1 << 20,
///     upload: Duration::from_millis(2),
///     kernel: Duration::from_millis(1),
///     download: Duration::from_millis(3),
/// };
/// // The download decides.
/// assert_eq!(rates.ideal(1 << 30), Duration::from_millis(3 << 10));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Elements of the chunk.
    pub elements: u64,
    /// From host memory to the device.
    pub upload: Duration,
    /// Work on the device.
    pub kernel: Duration,
    /// From the device to host memory.
    pub download: Duration,
}

/// Times that a chunk is sent, after one that warms up.
const TIMES: usize = 3;

impl Rates {
    /// What so many elements take where the parts overlap ideally, so that the slowest decides.
    pub fn ideal(&self, elements: u64) -> Duration {
        let slowest = self.upload.max(self.kernel).max(self.download);
        slowest.mul_f64(elements as f64 / self.elements.max(1) as f64)
    }
}

impl Offload<'_> {
    /// Sends a chunk of zeros of a tensor of this shape on its way, upload, work and download one
    /// after another, and takes their times: the medians of three, on the first device that
    /// works.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Activation, Gpu, Offload};
    /// # let gpu = Gpu::new()?;
    /// let gelu = Activation::GELU.into();
    /// let rates = Offload::new(&gpu).probe::<f32>(&gelu, &[1 << 30])?;
    /// println!("at best {:?}, {rates:?}", rates.ideal(1 << 30));
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Offload::forward`].
    pub fn probe<T: Element>(&self, chain: &Chain, shape: &[usize]) -> Result<Rates> {
        self.prepare(chain, shape, T::TYPE, Purpose::Forward)?
            .probe()
    }
}

impl Prepared<'_> {
    /// Sends a chunk of zeros on its way: see [`Offload::probe`].
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] for an empty tensor, and what the device reports.
    pub fn probe(&self) -> Result<Rates> {
        let on = |device: &Device| with_element!(self.element, T => self.probe_on::<T>(device));
        let probe = |device: &Device| match (on(device), device) {
            (Err(Error::DeviceLost(_)), Device::Gpu(gpu)) => on(&Device::Gpu(gpu.reopen()?)),
            (other, _) => other,
        };
        // As streaming does, it goes on without a device that fails.
        let devices = &self.offload.devices;
        let other = || devices[1..].iter().find_map(|device| probe(device).ok());
        probe(&devices[0]).or_else(|failure| other().ok_or(failure))
    }

    fn probe_on<T: Element>(&self, device: &Device) -> Result<Rates> {
        let Self {
            chain,
            layout,
            chunks,
            ..
        } = self;
        let Some(chunk) = chunks.iter().max_by_key(|chunk| chunk.len()) else {
            return Err(Error::LengthMismatch {
                shape: layout.result_shape.clone(),
                expected: 1,
                found: 0,
            });
        };
        let [outer, extent, inner] = chunk.shape();
        let view = View {
            outer,
            extent,
            inner,
        };
        // Where the tensor begins, so that the channels and rows of the chunk are the first.
        let chunk = &Chunk::whole(view);
        let mut known = vec![Vec::new(); chain.steps().len()];
        for task in &self.surveys {
            if let Some((step, survey)) = self.survey(task) {
                let keys = match survey.of {
                    Surveyed::Channels => layout.extent_at(step, &chunk.extent).len(),
                    Surveyed::Rows => chunk.rows(layout.view).last().map_or(0, |row| row + 1),
                };
                // The speed does not depend on what was found.
                let ones = vec![1.0; keys * survey.words];
                known[step].push(Table::new(survey.words, ones));
            }
        }
        let zeros = vec![T::zeroed(); chunk.len()];
        let (source, sink) = (Slice(&zeros), Shared::new::<T>(&mut []));
        let request = Request {
            sources: vec![&source; chain.inputs()],
            ..Request::new(&source, &sink)
        };
        let pass = Pass::new(
            chain,
            (&request, T::TYPE),
            layout,
            &known,
            Task::Result,
            false,
        );
        let load = Load {
            source: &source,
            view,
            chunk: Chunk::whole(view),
            element: T::TYPE,
            keep: false,
        };
        let once: &mut dyn FnMut() -> Result<[Duration; 3]> = match device {
            Device::Gpu(gpu) => &mut on_gpu(gpu, &pass, chunk, &load),
            Device::Cpu(cpu) => &mut on_cpu(cpu, &pass, chunk, &load),
        };
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for time in 0..=TIMES {
            let taken = once()?;
            if time > 0 {
                times
                    .iter_mut()
                    .zip(taken)
                    .for_each(|(times, taken)| times.push(taken));
            }
        }
        let [upload, kernel, download] = times.map(|mut times| {
            times.sort();
            times[TIMES / 2]
        });
        Ok(Rates {
            elements: chunk.len() as u64,
            upload,
            kernel,
            download,
        })
    }
}

/// Sends a chunk through a GPU with each call, and gives the times of its parts.
fn on_gpu<'a>(
    gpu: &'a Gpu,
    pass: &'a Pass<'a>,
    chunk: &'a Chunk,
    load: &'a Load<'a>,
) -> impl FnMut() -> Result<[Duration; 3]> {
    let mut result: Vec<u8> = Vec::new();
    let mut slot = Slot::default();
    let gpu = gpu.clone();
    let mut worker = OnDevice {
        gpu: gpu.clone(),
        pass,
    };
    move || {
        let start = Instant::now();
        let mut tensors = Vec::new();
        for input in 0..pass.chain.inputs() {
            slot.fill(&gpu, input, load).map_err(Fail::error)?;
            tensors.push(slot.tensor(&gpu, input, load)?);
        }
        gpu.wait()?;
        let uploaded = start.elapsed();
        let start = Instant::now();
        let done = worker.run(chunk, tensors)?;
        gpu.wait()?;
        let worked = start.elapsed();
        let start = Instant::now();
        let bytes = done.outputs.first().map_or(0, Tensor::bytes) as usize;
        let (places, _) = slot.fetch(&gpu, &done.outputs)?;
        gpu.wait()?;
        let taken = slot.empty(&gpu, &places, bytes, |outputs| {
            result.clear();
            outputs
                .iter()
                .for_each(|bytes| result.extend_from_slice(bytes));
            Ok(())
        });
        taken.map_err(Fail::error)?;
        let downloaded = start.elapsed();
        slot.free(&gpu)?;
        Ok([uploaded, worked, downloaded])
    }
}

/// The same on the processor, where the way is two copies.
fn on_cpu<'a>(
    cpu: &'a Cpu,
    pass: &'a Pass<'a>,
    chunk: &'a Chunk,
    load: &'a Load<'a>,
) -> impl FnMut() -> Result<[Duration; 3]> {
    let mut inputs: Vec<Vec<u8>> = vec![Vec::new(); pass.chain.inputs()];
    let (view, result) = (pass.layout.view, pass.layout.result);
    let size = pass.element.size() as usize;
    let mut made =
        vec![0u32; (chunk.of_result(view, result).len() * size).div_ceil(size_of::<u32>())];
    let mut written = Vec::new();
    move || {
        let start = Instant::now();
        for input in &mut inputs {
            input.clear();
            for run in load.chunk.runs(load.view) {
                load.source
                    .read(run, &mut |bytes| input.extend_from_slice(bytes))?;
            }
        }
        let read = start.elapsed();
        let start = Instant::now();
        let given: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
        let bytes = chunk.of_result(view, result).len() * size;
        let y = &mut bytemuck::cast_slice_mut(&mut made)[..bytes];
        cpu.run(|| pass.compute(chunk, &given, &mut [y]))?;
        let computed = start.elapsed();
        let start = Instant::now();
        written.clear();
        written.extend_from_slice(&made);
        Ok([read, computed, start.elapsed()])
    }
}
