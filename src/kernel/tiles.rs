//! The pointwise kernels over whole tiles, and over what they leave.

use super::{
    Window,
    columns::Columns,
    dispatch, fold_over, fold_within, largest_window,
    launch::{Launch, Pass},
};
use crate::{
    element::ElementType,
    error::Result,
    gpu::{Binding, Gpu, Kernel},
    tensor::{Tensor, View},
    wgsl::{Arguments, Shader, TileArguments, Vectors, Words},
};

/// Lanes of a vector.
const LANES: u64 = 4;

/// Builds the kernel for what whole tiles, or whole groups of rows, leave over.
pub(crate) const REMAINDER: (&str, u32) = ("REMAINDER", 1);

/// How a kernel loads vectors. Of long words the pointwise kernels take whole tiles and rows alone; what they leave
/// over is little.
pub(crate) fn vectors(gpu: &Gpu, element: ElementType, remainder: bool) -> Vectors {
    let vectors = gpu.tuning().vectors(element);
    match remainder {
        false => vectors,
        true => Vectors {
            words: Words::U32,
            ..vectors
        },
    }
}

/// The kernel that `shader` composes for tiles of `element`, or for what they leave over.
pub(crate) fn kernel(
    gpu: &Gpu,
    (element, remainder): (ElementType, bool),
    shader: impl FnOnce(Vectors) -> Shader,
    entry_point: &'static str,
    bindings: &'static [Binding],
) -> Kernel {
    Kernel {
        shader: shader(vectors(gpu, element, remainder)),
        entry_point,
        bindings,
        constants: if remainder { vec![REMAINDER] } else { vec![] },
        workgroup: gpu.workgroup(gpu.tuning().pointwise_threads),
    }
}

/// Records the dispatches that `pass` takes: by columns where those serve, else by tiles.
pub(crate) fn encode(
    encoder: &mut wgpu::CommandEncoder,
    launch: &Launch<'_>,
    pass: Pass<'_>,
) -> Result<()> {
    if let Some(columns) = Columns::of(launch, pass.x()) {
        return columns.encode(encoder, launch, pass);
    }
    let gpu = pass.x().gpu();
    let View {
        extent: channels,
        inner,
        ..
    } = launch.view;
    record(
        encoder,
        (pass.x(), launch.element),
        |remainder| {
            let bindings = pass.bindings(launch.parameters.len());
            let of = (launch.element, remainder);
            let mut kernel = kernel(gpu, of, launch.shader, pass.entry_point(), bindings);
            kernel.constants.extend(launch.constant);
            kernel
        },
        |window| launch.bindings(pass, window),
        |tiles| TileArguments {
            length: tiles.length as u32,
            parameter_a: launch.numbers[0],
            parameter_b: launch.numbers[1],
            parameter_c: launch.numbers[2],
            parameter_d: launch.numbers[3],
            channels: channels as u32,
            inner: inner as u32,
            channel_start: (tiles.first as usize / inner % channels) as u32,
            inner_start: (tiles.first as usize % inner) as u32,
            tiles: tiles.whole,
            first_parameter: launch.first_parameter,
        },
    )
}

/// A part of a tensor in tiles.
pub(crate) struct Tiles {
    /// Elements before it.
    pub(crate) first: u64,
    /// Elements of it.
    pub(crate) length: u64,
    /// Whole tiles.
    pub(crate) whole: u32,
}

/// Records kernels over the tiles of a tensor, seen as elements of a type: for each window that a binding holds, one
/// dispatch for the whole tiles and one for what they leave over.
pub(crate) fn record<'b, A: Arguments>(
    encoder: &mut wgpu::CommandEncoder,
    (x, element): (&Tensor, ElementType),
    kernel: impl Fn(bool) -> Kernel,
    bindings: impl Fn(Window) -> Vec<wgpu::BindGroupEntry<'b>>,
    arguments: impl Fn(&Tiles) -> A,
) -> Result<()> {
    let (gpu, size) = (x.gpu(), element.size());
    let tile = 2 * LANES * u64::from(gpu.workgroup(gpu.tuning().pointwise_threads));
    let mut compute = encoder.begin_compute_pass(&Default::default());
    let step = largest_window(gpu);
    for start in (0..x.bytes()).step_by(step as usize) {
        let window = Window {
            start,
            bytes: step.min(x.bytes() - start),
        };
        let length = window.bytes.div_ceil(size);
        let (columns, rows) = fold_within(length / tile);
        let tiles = Tiles {
            first: start / size,
            length,
            whole: columns * rows,
        };
        let left = (length - u64::from(tiles.whole) * tile).div_ceil(tile);
        let bindings = bindings(window);
        for (remainder, groups) in [(false, (columns, rows)), (true, fold_over(left))] {
            if groups.0 > 0 {
                let pipeline = gpu.pipeline(&kernel(remainder))?;
                let arguments = arguments(&tiles);
                dispatch(gpu, &mut compute, &pipeline, &bindings, &arguments, groups);
            }
        }
    }
    Ok(())
}
