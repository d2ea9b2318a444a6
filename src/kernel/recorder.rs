//! Commands under way, with the memory that only they use.

use crate::{element::ElementType, error::Result, gpu::Gpu, tensor::Tensor};

/// Records what one call of the crate does on the device.
pub(crate) struct Recorder<'e> {
    pub(crate) encoder: &'e mut wgpu::CommandEncoder,
    /// Used by commands recorded so far, by none that follow.
    done_with: Vec<Tensor>,
}

impl Recorder<'_> {
    /// A tensor, its contents unspecified: memory that earlier commands are done with, where its
    /// size fits, since commands run in order.
    pub(crate) fn allocate(
        &mut self,
        gpu: &Gpu,
        shape: impl Into<Vec<usize>>,
        element: ElementType,
    ) -> Result<Tensor> {
        let shape = shape.into();
        let len: usize = shape.iter().product();
        let bytes = len as u64 * element.size();
        let fits = |tensor: &Tensor| tensor.bytes() == bytes && tensor.element() == element;
        match self.done_with.iter().position(fits) {
            Some(place) if bytes > 0 => self.done_with.swap_remove(place).reshaped(shape),
            _ => gpu.allocate(shape, element),
        }
    }

    /// Keeps a tensor until the commands are submitted, for commands to follow to reuse: another
    /// thread must not get its memory, whose commands may come before these.
    pub(crate) fn done_with(&mut self, tensor: Tensor) {
        self.done_with.push(tensor);
    }
}

/// Records commands and submits them. Scratch memory goes back to the pool then, behind which any
/// new use queues.
pub(crate) fn submit<T>(
    gpu: &Gpu,
    record: impl FnOnce(&mut Recorder<'_>) -> Result<T>,
) -> Result<T> {
    let (_, (result, _scratch)) = gpu.submit(|encoder| recorded(encoder, record))?;
    Ok(result)
}

/// Records commands into the caller's encoder, which is submitted who knows when: scratch memory
/// never goes back to the pool.
pub(crate) fn encode<T>(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    record: impl FnOnce(&mut Recorder<'_>) -> Result<T>,
) -> Result<T> {
    let (result, scratch) = gpu.guarded(|| recorded(encoder, record))?;
    scratch.iter().for_each(Tensor::expose);
    Ok(result)
}

pub(crate) fn recorded<T>(
    encoder: &mut wgpu::CommandEncoder,
    record: impl FnOnce(&mut Recorder<'_>) -> Result<T>,
) -> Result<(T, Vec<Tensor>)> {
    let mut recorder = Recorder {
        encoder,
        done_with: Vec::new(),
    };
    let result = record(&mut recorder)?;
    Ok((result, recorder.done_with))
}
