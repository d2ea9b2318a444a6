//! Tensors: device buffers with a shape and an element type.
//!
//! Longer than 500 lines: most of it is documentation of the calls, with examples that run.

use std::sync::Arc;

use crate::{
    element::{Element, ElementType, count},
    error::{Error, Result},
    gpu::{Allocation, Gpu},
};

/// An array on the device, in C order.
///
/// The buffer holds whole vectors of 16 bytes; operations leave the bytes beyond the last element
/// as they are.
///
/// Cheap to clone; clones are the same memory: what is written to one shows in all, and where an
/// operation wants other memory for its output, a clone of its input is refused.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// # use wgpu_activations::Gpu;
/// # let gpu = Gpu::new()?;
/// let tensor = gpu.upload(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3])?;
/// assert_eq!(tensor.shape(), [2, 3]);
/// assert_eq!(tensor.download::<f32>()?[5], 6.0);
/// let flat = tensor.clone().reshaped([6])?;
/// flat.write(&[0.0f32; 6])?;
/// assert_eq!(tensor.download::<f32>()?, [0.0; 6]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor {
    gpu: Gpu,
    allocation: Arc<Allocation>,
    offset: u64,
    shape: Vec<usize>,
    element: ElementType,
}

/// A tensor seen along one axis, as [outer, extent, inner].
///
/// ```
/// use wgpu_activations::View;
///
/// let View { outer, extent, inner } = View::of(&[2, 3, 4, 5], -2)?;
/// assert_eq!([outer, extent, inner], [6, 4, 5]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Places along the axes before it.
    pub outer: usize,
    /// Length of the axis.
    pub extent: usize,
    /// Elements from one place along the axis to the next.
    pub inner: usize,
}

impl View {
    /// A tensor of this shape along its axis number `axis`.
    pub fn along(shape: &[usize], axis: usize) -> Self {
        // Beyond any size only where another axis is 0.
        let product = |axes: &[usize]| axes.iter().copied().fold(1, usize::saturating_mul);
        Self {
            outer: product(&shape[..axis]),
            extent: shape[axis],
            inner: product(&shape[axis + 1..]),
        }
    }

    /// The same for an axis that counts from the end where negative.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`].
    pub fn of(shape: &[usize], axis: i64) -> Result<Self> {
        Ok(Self::along(shape, axis_of(shape, axis)?))
    }

    /// Elements in all.
    pub fn elements(&self) -> usize {
        // Of what can be counted, or is empty.
        count(&[self.outer, self.extent, self.inner]).unwrap_or(usize::MAX)
    }

    /// A tensor whose elements all belong to one channel.
    pub(crate) const ONE_CHANNEL: Self = Self {
        outer: 1,
        extent: 1,
        inner: 1,
    };
}

/// Bytes written per step of an upload: what staging memory it takes at most.
const UPLOAD_STEP: usize = 64 << 20;

impl Gpu {
    /// A tensor of `shape` with unspecified contents, to be written to.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] beyond the device's largest buffer, [`Error::OutOfMemory`].
    pub fn allocate(&self, shape: impl Into<Vec<usize>>, element: ElementType) -> Result<Tensor> {
        let shape = shape.into();
        let bytes = byte_len(&shape, element)?;
        Ok(Tensor {
            allocation: Arc::new(self.allocate_bytes(bytes)?),
            gpu: self.clone(),
            offset: 0,
            shape,
            element,
        })
    }

    /// A tensor of `shape` holding `data`.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `data` is not as long as the shape says, and as
    /// [`Gpu::allocate`].
    pub fn upload<T: Element>(&self, data: &[T], shape: impl Into<Vec<usize>>) -> Result<Tensor> {
        let tensor = self.allocate(shape, T::TYPE)?;
        tensor.write(data)?;
        Ok(tensor)
    }

    /// A tensor of `shape`, f32, whose elements are all `value`.
    pub(crate) fn filled(&self, value: f32, shape: impl Into<Vec<usize>>) -> Result<Tensor> {
        // The device refuses what is too large before memory is taken on the host.
        let tensor = self.allocate(shape, ElementType::F32)?;
        tensor.write(&vec![value; tensor.len()])?;
        Ok(tensor)
    }

    /// A tensor over a buffer of the caller's own, starting at byte `offset`.
    ///
    /// The buffer must have the usage `STORAGE` (and `COPY_SRC` to download, `COPY_DST` to upload, both to upload an odd
    /// number of 16-bit elements), `offset` must be a multiple of the device's `min_storage_buffer_offset_alignment`,
    /// and the buffer must hold whole vectors of 16 bytes from there. Bytes beyond the last element are never changed.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// use wgpu_activations::{Activation, ElementType, Gpu, Pointwise};
    ///
    /// # let gpu = Gpu::new()?;
    /// let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
    ///     label: None,
    ///     size: 16,
    ///     usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
    ///     mapped_at_creation: false,
    /// });
    /// let x = gpu.tensor_from_wgpu(&buffer, 0, [4], ElementType::F32)?; // of zeros
    /// Pointwise::new(Activation::SIGMOID).forward_in_place(&x)?;
    /// assert_eq!(x.download::<f32>()?, [0.5; 4]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Buffer`] naming the rule that it breaks, [`Error::ForeignTensor`] if it is of another device.
    pub fn tensor_from_wgpu(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        shape: impl Into<Vec<usize>>,
        element: ElementType,
    ) -> Result<Tensor> {
        self.expect_own("tensor_from_wgpu", buffer)?;
        self.expect_bindings()?;
        let shape = shape.into();
        let bytes = byte_len(&shape, element)?;
        let vectors = bytes.checked_next_multiple_of(16);
        let needed = vectors.and_then(|bytes| bytes.checked_add(offset));
        let alignment = u64::from(self.limits().min_storage_buffer_offset_alignment);
        let (usage, size) = (buffer.usage(), buffer.size());
        let reason = if !usage.contains(wgpu::BufferUsages::STORAGE) {
            format!("its usage is {usage:?} but must contain STORAGE")
        } else if !offset.is_multiple_of(alignment) {
            format!("its offset is {offset} but must be a multiple of {alignment}")
        } else if needed.is_none_or(|needed| size < needed) {
            let needed = needed.map_or("more than can be counted".to_owned(), |it| it.to_string());
            format!(
                "it has {size} bytes but needs {needed}: the elements in whole vectors of 16 bytes"
            )
        } else {
            return Ok(Tensor {
                gpu: self.clone(),
                allocation: Arc::new(Allocation::foreign(buffer.clone())),
                offset,
                shape,
                element,
            });
        };
        Err(Error::Buffer { shape, reason })
    }
}

impl Tensor {
    /// Lengths of the axes, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        // There is memory for them.
        count(&self.shape).unwrap_or(usize::MAX)
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same elements under another shape, in the same memory.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the shape does not hold as many elements.
    pub fn reshaped(self, shape: impl Into<Vec<usize>>) -> Result<Self> {
        let shape = shape.into();
        if byte_len(&shape, self.element)? != self.bytes() {
            return Err(Error::LengthMismatch {
                expected: count(&shape).unwrap_or(usize::MAX),
                found: self.len(),
                shape,
            });
        }
        Ok(Self { shape, ..self })
    }

    /// Type of the elements.
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// The device it lives on.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Its buffer; the elements start at [`Tensor::offset`].
    ///
    /// From now on the buffer is not reused when the tensor and its clones are dropped, so that commands recorded
    /// on it stay valid.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::Gpu;
    /// # let gpu = Gpu::new()?;
    /// let x = gpu.upload(&[1.0f32, 2.0, 3.0, 4.0], [4])?;
    /// let copy = gpu.upload(&[0.0f32; 4], [4])?;
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// encoder.copy_buffer_to_buffer(x.buffer(), x.offset(), copy.buffer(), copy.offset(), 16);
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(copy.download::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub fn buffer(&self) -> &wgpu::Buffer {
        self.allocation.expose();
        &self.allocation.buffer
    }

    /// Byte in the buffer at which the elements start.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Overwrites the elements with `data`.
    ///
    /// # Errors
    ///
    /// [`Error::ElementMismatch`] for another type, [`Error::LengthMismatch`] for another length. In a browser
    /// [`Error::Blocking`] for an odd number of 16-bit elements in a buffer of the caller's own.
    pub fn write<T: Element>(&self, data: &[T]) -> Result<()> {
        self.expect::<T>("write", data.len())?;
        let bytes: &[u8] = bytemuck::cast_slice(data);
        let buffer = &self.allocation.buffer;
        self.gpu.guarded(|| {
            let queue = self.gpu.queue();
            let mut at = self.offset;
            for step in bytes.chunks(UPLOAD_STEP) {
                let (words, half) = step.split_at(step.len() & !3);
                queue.write_buffer(buffer, at, words);
                if !half.is_empty() {
                    // At the end: writes take multiples of 4 bytes, of which the last two may be another's.
                    let end = at + words.len() as u64;
                    let mut word = [0; 4];
                    if self.allocation.is_foreign() {
                        self.read_now(end, &mut word)?;
                    }
                    word[..2].copy_from_slice(half);
                    queue.write_buffer(buffer, end, &word);
                }
                at += step.len() as u64;
                if bytes.len() > UPLOAD_STEP {
                    // Lets go of the staging memory.
                    queue.submit([]);
                }
            }
            Ok(())
        })
    }

    /// Copies the elements to the host, blocking until all work on the tensor is done.
    ///
    /// # Errors
    ///
    /// [`Error::ElementMismatch`] for another type, and what the device reports.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn download<T: Element>(&self) -> Result<Vec<T>> {
        let mut data = vec![T::zeroed(); self.len()];
        self.download_into(&mut data)?;
        Ok(data)
    }

    /// [`Tensor::download`] into memory of the caller's own.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::Gpu;
    /// # let gpu = Gpu::new()?;
    /// # let batches = [[1.0f32, 2.0], [3.0, 4.0]];
    /// let mut y = [0.0f32; 2];
    /// for batch in &batches {
    ///     gpu.upload(batch, [2])?.download_into(&mut y)?;
    ///     assert_eq!(y, *batch);
    /// }
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tensor::download`], and [`Error::LengthMismatch`] for another length.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn download_into<T: Element>(&self, data: &mut [T]) -> Result<()> {
        self.expect::<T>("download", data.len())?;
        let bytes = bytemuck::cast_slice_mut(data);
        self.gpu.read(&self.allocation.buffer, self.offset, bytes)
    }

    /// [`Tensor::download`] for asynchronous callers.
    ///
    /// ```
    /// use wgpu_activations::{Activation, Result, Tensor};
    ///
    /// async fn relu(x: &Tensor) -> Result<Vec<f32>> {
    ///     Activation::RELU.forward(x)?.download_async().await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tensor::download`].
    pub async fn download_async<T: Element>(&self) -> Result<Vec<T>> {
        let mut data = vec![T::zeroed(); self.len()];
        self.expect::<T>("download", data.len())?;
        let bytes = bytemuck::cast_slice_mut(&mut data);
        self.gpu
            .read_async(&self.allocation.buffer, self.offset, bytes)
            .await?;
        Ok(data)
    }

    /// The elements on the host: at once where one may block, else when the browser says so.
    #[cfg(feature = "check")]
    pub(crate) async fn fetch<T: Element>(&self) -> Result<Vec<T>> {
        let mut data = vec![T::zeroed(); self.len()];
        self.expect::<T>("download", data.len())?;
        let bytes = bytemuck::cast_slice_mut(&mut data);
        self.gpu
            .fetch(&self.allocation.buffer, self.offset, bytes)
            .await?;
        Ok(data)
    }

    /// Fills `bytes` from the buffer at byte `at`, which a browser does not do at once.
    fn read_now(&self, at: u64, bytes: &mut [u8]) -> Result<()> {
        #[cfg(target_arch = "wasm32")]
        return Err(Error::Blocking {
            what: format!(
                "reading {} bytes at byte {at} of a caller's buffer",
                bytes.len()
            ),
            instead: "write an even number of 16-bit elements",
        });
        #[cfg(not(target_arch = "wasm32"))]
        self.gpu.read(&self.allocation.buffer, at, bytes)
    }

    /// Its first elements under another shape and type, in the same memory.
    #[cfg(feature = "bench")]
    pub(crate) fn prefix(&self, shape: &[usize], element: ElementType) -> Result<Self> {
        let (wanted, bytes) = (byte_len(shape, element)?, self.bytes());
        if wanted > bytes {
            return Err(Error::Internal(format!(
                "a prefix of shape {shape:?} takes {wanted} bytes of a tensor of {bytes}"
            )));
        }
        Ok(Self {
            shape: shape.to_vec(),
            element,
            ..self.clone()
        })
    }

    /// Bytes of the elements.
    pub(crate) fn bytes(&self) -> u64 {
        self.len() as u64 * self.element.size()
    }

    /// The buffer, for commands that are submitted before the tensor can be dropped.
    pub(crate) fn raw(&self) -> &wgpu::Buffer {
        &self.allocation.buffer
    }

    /// Whether both are the same elements of the same memory.
    pub fn is(&self, other: &Self) -> bool {
        self.shares_buffer(other) && self.offset == other.offset && self.element == other.element
    }

    pub(crate) fn shares_buffer(&self, other: &Self) -> bool {
        self.allocation.buffer == other.allocation.buffer
    }

    /// Keeps the buffer out of the pool: see [`Tensor::buffer`].
    pub(crate) fn expose(&self) {
        self.allocation.expose();
    }

    /// The tensor seen as [outer, extent, inner], `extent` being the length of `axis`.
    ///
    /// # Errors
    ///
    /// [`Error::AxisOutOfRange`].
    pub fn view(&self, axis: i64) -> Result<View> {
        View::of(&self.shape, axis)
    }

    fn expect<T: Element>(&self, op: &str, len: usize) -> Result<()> {
        if T::TYPE != self.element {
            return Err(Error::ElementMismatch {
                op: op.to_owned(),
                left: "the tensor",
                left_type: self.element.name(),
                right: "the slice",
                right_type: T::TYPE.name(),
            });
        }
        if len != self.len() {
            return Err(Error::LengthMismatch {
                shape: self.shape.clone(),
                expected: self.len(),
                found: len,
            });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (element, shape, gpu) = (self.element.name(), &self.shape, &self.gpu);
        write!(f, "Tensor({element} {shape:?} on {gpu:?})")
    }
}

/// The position of `axis` in a shape; it counts from the end where negative.
pub(crate) fn axis_of(shape: &[usize], axis: i64) -> Result<usize> {
    let rank = shape.len() as i64;
    let index = if axis < 0 { axis + rank } else { axis };
    if (0..rank).contains(&index) {
        return Ok(index as usize);
    }
    Err(Error::AxisOutOfRange {
        axis,
        shape: shape.to_vec(),
    })
}

/// Elements of a shape, which can be counted, and their bytes too.
///
/// # Errors
///
/// [`Error::TooLarge`].
pub(crate) fn elements_of(shape: &[usize]) -> Result<usize> {
    byte_len(shape, ElementType::F32).map(|bytes| (bytes / ElementType::F32.size()) as usize)
}

/// Bytes of a tensor.
///
/// # Errors
///
/// [`Error::TooLarge`].
pub(crate) fn byte_len(shape: &[usize], element: ElementType) -> Result<u64> {
    let elements = count(shape).map(|elements| elements as u64);
    elements
        .and_then(|elements| elements.checked_mul(element.size()))
        .ok_or_else(|| Error::TooLarge {
            what: format!("a tensor of shape {shape:?}"),
            bytes: u64::MAX,
            limit: u64::MAX,
            advice: "make it smaller",
        })
}
