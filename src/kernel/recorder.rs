//! Commands under way, with the memory that only they use.

use super::{Window, dispatch, expect_on};
use crate::{
    element::ElementType,
    error::Result,
    gpu::{Gpu, Kernel},
    tensor::{Tensor, byte_len},
    wgsl::Arguments,
};

/// Records what one call does on the device: [`submit`] and [`encode`] lend one.
pub struct Recorder<'e> {
    /// The device of all tensors.
    gpu: &'e Gpu,
    pub(crate) encoder: &'e mut wgpu::CommandEncoder,
    /// Used by commands recorded so far, by none that follow.
    done_with: Vec<Tensor>,
    /// Used by commands recorded so far.
    kept: Vec<Tensor>,
}

impl Recorder<'_> {
    /// A tensor, its contents unspecified: memory that earlier commands are done with, where its
    /// size fits, since commands run in order.
    ///
    /// # Errors
    ///
    /// What the device reports.
    pub fn allocate(
        &mut self,
        gpu: &Gpu,
        shape: impl Into<Vec<usize>>,
        element: ElementType,
    ) -> Result<Tensor> {
        let shape = shape.into();
        let bytes = byte_len(&shape, element)?;
        let fits = |tensor: &Tensor| {
            tensor.bytes() == bytes && tensor.element() == element && tensor.gpu().same_device(gpu)
        };
        let tensor = match self.done_with.iter().position(fits) {
            Some(place) if bytes > 0 => self.done_with.swap_remove(place).reshaped(shape)?,
            _ => gpu.allocate(shape, element)?,
        };
        self.keep(&tensor);
        Ok(tensor)
    }

    /// Keeps the memory of a tensor that commands use until they are submitted: another thread must not get it, whose
    /// commands may come before these.
    pub fn keep(&mut self, tensor: &Tensor) {
        self.kept.push(tensor.clone());
    }

    /// Lets commands that follow reuse a tensor that those recorded so far used last.
    pub fn done_with(&mut self, tensor: Tensor) {
        self.done_with.push(tensor);
    }

    /// Records a copy of all of a tensor, whose bytes are whole words, to another of its size.
    ///
    /// # Errors
    ///
    /// [`ForeignTensor`](crate::Error::ForeignTensor).
    pub fn copy(&mut self, from: &Tensor, to: &Tensor) -> Result<()> {
        expect_on(self.gpu, "copy", [from, to])?;
        self.encoder.copy_buffer_to_buffer(
            from.raw(),
            from.offset(),
            to.raw(),
            to.offset(),
            from.bytes(),
        );
        Ok(())
    }

    /// Records one dispatch of x by y workgroups of a kernel over whole tensors, each under the binding that
    /// the kernel gives it.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use wgpu_activations::{
    ///     ElementType, Gpu, arguments,
    ///     gpu::{Binding, Kernel},
    ///     kernel::recorder,
    ///     wgsl::{self, Arguments, Shader},
    /// };
    ///
    /// arguments! {
    ///     struct Scale {
    ///         /// Vectors of four elements.
    ///         vectors: u32,
    ///         /// What each element is multiplied by.
    ///         factor: f32,
    ///     }
    /// }
    ///
    /// const SCALE: &str = "
    ///     override WORKGROUP: u32;
    ///     @group(0) @binding(0) var<storage, read> x: array<Packed>;
    ///     @group(0) @binding(1) var<storage, read_write> y: array<Packed>;
    ///
    ///     @compute @workgroup_size(WORKGROUP)
    ///     fn scale(@builtin(global_invocation_id) thread: vec3<u32>) {
    ///         if thread.x >= arguments.vectors { return; }
    ///         y[thread.x] = pack(arguments.factor * unpack(x[thread.x]));
    ///     }";
    ///
    /// let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[1.0f32, 2.0, 3.0], [3])?;
    /// let vectors = gpu.tuning().vectors(x.element());
    /// let shader = Shader::from(Scale::WGSL).and(SCALE.into()).and(wgsl::elements(vectors));
    /// let bindings = &[Binding::Read(0), Binding::Write(1)];
    /// let kernel = Kernel::new(shader, "scale", bindings, gpu.workgroup(64));
    /// let y = recorder::submit(&gpu, |recorder| {
    ///     let y = recorder.allocate(&gpu, [3], ElementType::F32)?;
    ///     let arguments = Scale { vectors: 1, factor: 2.0 };
    ///     recorder.dispatch(&kernel, &[(0, &x), (1, &y)], &arguments, kernel.groups(1))?;
    ///     Ok(y)
    /// })?;
    /// assert_eq!(y.download::<f32>()?, [2.0, 4.0, 6.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ForeignTensor`](crate::Error::ForeignTensor) if a tensor is not of the recorder's device,
    /// [`DeviceLimit`](crate::Error::DeviceLimit), and what the device reports; a kernel that wgpu refuses is
    /// [`Validation`](crate::Error::Validation).
    pub fn dispatch(
        &mut self,
        kernel: &Kernel,
        tensors: &[(u32, &Tensor)],
        arguments: &impl Arguments,
        groups: (u32, u32),
    ) -> Result<()> {
        let windows = tensors.iter();
        let windows: Vec<_> = windows
            .map(|&(binding, tensor)| (binding, tensor, Window::whole(tensor)))
            .collect();
        self.dispatch_windows(kernel, &windows, arguments, groups)
    }

    /// [`Recorder::dispatch`] over parts of tensors, for those that are larger than
    /// [`largest_window`](super::largest_window).
    ///
    /// # Errors
    ///
    /// As [`Recorder::dispatch`].
    pub fn dispatch_windows(
        &mut self,
        kernel: &Kernel,
        windows: &[(u32, &Tensor, Window)],
        arguments: &impl Arguments,
        groups: (u32, u32),
    ) -> Result<()> {
        if windows.is_empty() {
            return Ok(());
        }
        let gpu = self.gpu;
        let tensors = windows.iter().map(|&(_, tensor, _)| tensor);
        expect_on(gpu, kernel.entry_point, tensors)?;
        let entries = windows.iter();
        let entries: Vec<_> = entries
            .map(|&(binding, tensor, window)| window.bind(binding, tensor))
            .collect();
        let pipeline = gpu.pipeline(kernel)?;
        let mut pass = self.encoder.begin_compute_pass(&Default::default());
        dispatch(gpu, &mut pass, &pipeline, &entries, arguments, groups);
        Ok(())
    }
}

/// Records commands and submits them. Scratch memory goes back to the pool then, behind which any
/// new use queues.
///
/// # Errors
///
/// Those of `record`, and what the device reports.
pub fn submit<T>(gpu: &Gpu, record: impl FnOnce(&mut Recorder<'_>) -> Result<T>) -> Result<T> {
    let (_, (result, _scratch)) = gpu.submit(|encoder| recorded(gpu, encoder, record))?;
    Ok(result)
}

/// Records commands into the caller's encoder, which is submitted who knows when: scratch memory
/// never goes back to the pool. A tensor that `record` was given must be kept until then.
///
/// # Errors
///
/// [`ForeignTensor`](crate::Error::ForeignTensor) if the encoder is not of this device, those of `record`, and what the device reports.
pub fn encode<T>(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    record: impl FnOnce(&mut Recorder<'_>) -> Result<T>,
) -> Result<T> {
    gpu.expect_own("encode", encoder)?;
    let (result, scratch) = gpu.guarded(|| recorded(gpu, encoder, record))?;
    scratch.iter().for_each(Tensor::expose);
    Ok(result)
}

pub(crate) fn recorded<T>(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    record: impl FnOnce(&mut Recorder<'_>) -> Result<T>,
) -> Result<(T, Vec<Tensor>)> {
    let mut recorder = Recorder {
        gpu,
        encoder,
        done_with: Vec::new(),
        kept: Vec::new(),
    };
    let result = record(&mut recorder)?;
    recorder.kept.append(&mut recorder.done_with);
    Ok((result, recorder.kept))
}
