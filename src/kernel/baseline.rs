//! Kernels that only move memory: what the speed of the others is measured against.

use super::{
    bind, dispatch, expect_on, largest_window,
    launch::{Launch, Pass},
    tiles,
};
use crate::{
    arguments,
    element::ElementType,
    error::{Error, Result},
    gpu::{
        Binding::{self, Read, Write},
        Kernel,
    },
    tensor::{Tensor, View},
    wgsl::{self, Arguments, Shader, Vectors, Words},
};

arguments! {
    /// What the kernels that read take.
    struct ReadArguments {
        /// Per row.
        vectors: u32,
        /// Rows of the tensor.
        rows: u32,
        /// Rows that a thread takes.
        walk: u32,
    }
}

arguments! {
    /// What the kernel that reads parts of a tensor takes.
    struct StreamArguments {
        /// Of a part.
        vectors: u32,
    }
}

/// The shaders that copy, read, and read several parts of a tensor; what they move is words.
pub(super) fn shaders(words: Words) -> [Shader; 3] {
    [copy, read, streams].map(|shader| shader(words))
}

fn copy(words: Words) -> Shader {
    let mut shader = wgsl::pointwise_tiles(of_f32(words));
    shader.extend(&[include_str!("../../shaders/kernel/copy.wgsl")]);
    shader
}

fn read(words: Words) -> Shader {
    let kernel = include_str!("../../shaders/kernel/read.wgsl");
    Shader::own(&[ReadArguments::WGSL, kernel]).and(wgsl::elements(of_f32(words)))
}

fn streams(words: Words) -> Shader {
    let kernel = include_str!("../../shaders/kernel/streams.wgsl");
    Shader::own(&[StreamArguments::WGSL, kernel]).and(wgsl::elements(of_f32(words)))
}

fn of_f32(words: Words) -> Vectors {
    Vectors {
        words,
        ..ElementType::F32.into()
    }
}

/// Records a copy of `x` to `y`, word by word, by the pointwise kernel.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{ElementType, Gpu, kernel::baseline::encode_copy};
///
/// # let gpu = Gpu::new()?;
/// let x = gpu.upload(&[1.0f32, 2.0, 3.0, 4.0], [4])?;
/// let y = gpu.allocate([4], ElementType::F32)?;
/// let mut encoder = gpu.device().create_command_encoder(&Default::default());
/// encode_copy(&mut encoder, &x, &y)?;
/// gpu.queue().submit([encoder.finish()]);
/// assert_eq!(y.download::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// As [`Pointwise::encode_forward`](crate::Pointwise::encode_forward).
pub fn encode_copy(encoder: &mut wgpu::CommandEncoder, x: &Tensor, y: &Tensor) -> Result<()> {
    let pass = Pass::Forward { x, y };
    pass.expect_fit(&"copy", x.shape(), false)?;
    encode_words(encoder, pass)
}

/// Records the OR of `x` and `upstream`, word by word, into `dx`, by the pointwise kernel:
/// the memory traffic of a backward pass.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// # use wgpu_activations::{ElementType, Gpu, kernel::baseline::encode_or};
/// # let gpu = Gpu::new()?;
/// # let mut encoder = gpu.device().create_command_encoder(&Default::default());
/// let x = gpu.upload(&[1.0f32; 4], [4])?;
/// let upstream = gpu.upload(&[-0.0f32; 4], [4])?; // the sign's bit alone
/// let dx = gpu.allocate([4], ElementType::F32)?;
/// encode_or(&mut encoder, &x, &upstream, &dx)?;
/// gpu.queue().submit([encoder.finish()]);
/// assert_eq!(dx.download::<f32>()?, [-1.0; 4]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// As [`Pointwise::encode_backward`](crate::Pointwise::encode_backward).
pub fn encode_or(
    encoder: &mut wgpu::CommandEncoder,
    x: &Tensor,
    upstream: &Tensor,
    dx: &Tensor,
) -> Result<()> {
    let pass = Pass::Backward { x, upstream, dx };
    pass.expect_fit(&"or", x.shape(), false)?;
    encode_words(encoder, pass)
}

fn encode_words(encoder: &mut wgpu::CommandEncoder, pass: Pass<'_>) -> Result<()> {
    pass.x().gpu().expect_own("encode", encoder)?;
    let tensors = pass.tensors().into_iter().flatten();
    tensors.for_each(|(_, tensor)| tensor.expose());
    let launch = Launch {
        shader: &|vectors| copy(vectors.words),
        columns: None,
        element: ElementType::F32,
        constant: None,
        numbers: Default::default(),
        parameters: &[],
        first_parameter: 0,
        view: View::ONE_CHANNEL,
    };
    tiles::encode(encoder, &launch, pass)
}

/// Records a reading of `x`, or of `x` and `upstream`, as a matrix of `columns` f32 columns, walked
/// as reductions do: a thread takes `walk` rows of four columns. `seen` receives the OR of the words
/// of each thread: [rows / walk rounded up, columns].
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// # use wgpu_activations::{ElementType, Gpu, kernel::baseline::encode_read};
/// # let gpu = Gpu::new()?;
/// # let mut encoder = gpu.device().create_command_encoder(&Default::default());
/// let x = gpu.upload(&[1.0f32; 256 * 8], [256, 8])?;
/// let seen = gpu.allocate([2, 8], ElementType::F32)?; // 256 / 128
/// encode_read(&mut encoder, &x, None, [8, 128], &seen)?;
/// gpu.queue().submit([encoder.finish()]);
/// assert_eq!(seen.download::<f32>()?, [1.0; 16]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the tensors do not hold whole rows of whole vectors,
/// [`Error::TooLarge`] beyond the device's largest binding.
pub fn encode_read(
    encoder: &mut wgpu::CommandEncoder,
    x: &Tensor,
    upstream: Option<&Tensor>,
    [columns, walk]: [usize; 2],
    seen: &Tensor,
) -> Result<()> {
    let (columns, walk) = (columns as u64, (walk as u64).max(1));
    // Without whole vectors there is no row.
    let rows = words(x)?.checked_div(columns & !3).unwrap_or(0);
    let threads = rows.div_ceil(walk) * (columns / 4);
    expect_words(x, rows * columns)?;
    expect_words(seen, threads * 4)?;
    let mut tensors = vec![(0, x), (2, seen)];
    if let Some(upstream) = upstream {
        expect_words(upstream, rows * columns)?;
        tensors.push((1, upstream));
    }
    let (entry_point, bindings): (_, &[_]) = match upstream {
        None => ("read_one", &[Read(0), Write(2)]),
        Some(_) => ("read_two", &[Read(0), Read(1), Write(2)]),
    };
    let launch = Stream {
        shader: read,
        entry_point,
        bindings,
        constants: Vec::new(),
        threads,
    };
    let arguments = ReadArguments {
        vectors: columns as u32 / 4,
        rows: rows as u32,
        walk: walk as u32,
    };
    launch.encode(encoder, &tensors, &arguments)
}

/// Records a reading of `streams` equal parts of `x` side by side into `y`, which receives the OR of
/// their words: the memory traffic of pooling.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// # use wgpu_activations::{ElementType, Gpu, kernel::baseline::encode_streams};
/// # let gpu = Gpu::new()?;
/// # let mut encoder = gpu.device().create_command_encoder(&Default::default());
/// let x = gpu.upload(&[1.0f32; 64], [4, 16])?;
/// let y = gpu.allocate([16], ElementType::F32)?;
/// encode_streams(&mut encoder, &x, 4, &y)?;
/// gpu.queue().submit([encoder.finish()]);
/// assert_eq!(y.download::<f32>()?, [1.0; 16]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::LengthMismatch`] if x is not `streams` times y, in whole vectors, [`Error::TooLarge`]
/// beyond the device's largest binding.
pub fn encode_streams(
    encoder: &mut wgpu::CommandEncoder,
    x: &Tensor,
    streams: u32,
    y: &Tensor,
) -> Result<()> {
    let length = words(y)? & !3;
    expect_words(y, length)?;
    expect_words(x, length * u64::from(streams))?;
    let launch = Stream {
        shader: self::streams,
        entry_point: "streams",
        bindings: &[Read(0), Write(2)],
        constants: vec![("STREAMS", streams)],
        threads: length / 4,
    };
    let arguments = StreamArguments {
        vectors: (length / 4) as u32,
    };
    launch.encode(encoder, &[(0, x), (2, y)], &arguments)
}

/// A kernel that moves whole tensors.
struct Stream {
    shader: fn(Words) -> Shader,
    entry_point: &'static str,
    bindings: &'static [Binding],
    constants: Vec<(&'static str, u32)>,
    threads: u64,
}

impl Stream {
    fn encode(
        self,
        encoder: &mut wgpu::CommandEncoder,
        tensors: &[(u32, &Tensor)],
        arguments: &impl Arguments,
    ) -> Result<()> {
        let gpu = tensors[0].1.gpu();
        gpu.expect_own("encode", encoder)?;
        expect_on(gpu, self.entry_point, tensors.iter().map(|(_, it)| *it))?;
        let kernel = Kernel {
            shader: (self.shader)(gpu.tuning().vectors(ElementType::F32).words),
            entry_point: self.entry_point,
            bindings: self.bindings,
            constants: self.constants,
            workgroup: gpu.workgroup(64),
        };
        let pipeline = gpu.pipeline(&kernel)?;
        let entries: Vec<_> = tensors
            .iter()
            .map(|(binding, tensor)| {
                tensor.expose();
                bind(*binding, tensor)
            })
            .collect();
        let groups = kernel.groups(self.threads);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        dispatch(gpu, &mut pass, &pipeline, &entries, arguments, groups);
        Ok(())
    }
}

/// Words of a tensor that one binding holds.
fn words(tensor: &Tensor) -> Result<u64> {
    let limit = largest_window(tensor.gpu());
    if tensor.bytes() > limit {
        return Err(Error::TooLarge {
            what: "a baseline's tensor".to_owned(),
            bytes: tensor.bytes(),
            limit,
            advice: "measure on a smaller one",
        });
    }
    Ok(tensor.bytes() / 4)
}

fn expect_words(tensor: &Tensor, expected: u64) -> Result<()> {
    if words(tensor)? == expected {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        shape: tensor.shape().to_vec(),
        expected: expected as usize,
        found: tensor.len(),
    })
}
