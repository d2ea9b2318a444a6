//! The pointwise kernels over whole tiles, and over what they leave.

use super::{
    Window,
    columns::Columns,
    dispatch, fold_over, fold_within, largest_window,
    launch::{Launch, Pass},
};
use crate::{error::Result, gpu::REMAINDER, tensor::View};

/// Lanes of a vector.
const LANES: u64 = 4;

/// Records the dispatches that `pass` takes: for each window that a binding holds, one for the
/// whole tiles and one for what they leave over; by columns where those serve.
pub(crate) fn encode(
    encoder: &mut wgpu::CommandEncoder,
    launch: &Launch<'_>,
    pass: Pass<'_>,
) -> Result<()> {
    if let Some(columns) = Columns::of(launch, pass.x()) {
        return columns.encode(encoder, launch, pass);
    }
    let x = pass.x();
    let gpu = x.gpu();
    let size = launch.key.element.size();
    let mut compute = encoder.begin_compute_pass(&Default::default());
    let step = largest_window(gpu);
    for start in (0..x.bytes()).step_by(step as usize) {
        let window = Window {
            start,
            bytes: step.min(x.bytes() - start),
        };
        let bindings = launch.bindings(pass, window);
        let length = window.bytes.div_ceil(size);
        for remainder in [false, true] {
            let mut key = launch.key.clone();
            if remainder {
                key.constants.push(REMAINDER);
            }
            let pipeline = gpu.pipeline(&key)?;
            let tile = 2 * LANES * u64::from(pipeline.workgroup);
            let (columns, rows) = fold_within(length / tile);
            let tiles = columns * rows;
            let groups = if remainder {
                fold_over((length - u64::from(tiles) * tile).div_ceil(tile))
            } else {
                (columns, rows)
            };
            if groups.0 > 0 {
                let arguments = arguments(launch, length, (start / size) as usize, tiles);
                dispatch(gpu, &mut compute, &pipeline, &bindings, arguments, groups);
            }
        }
    }
    Ok(())
}

/// The shader's `Arguments` for a window of `length` elements from element `first` on.
fn arguments(launch: &Launch<'_>, length: u64, first: usize, tiles: u32) -> [u32; 8] {
    let View {
        extent: channels,
        inner,
        ..
    } = launch.view;
    [
        length as u32,
        launch.parameter.to_bits(),
        channels as u32,
        inner as u32,
        (first / inner % channels) as u32,
        (first % inner) as u32,
        tiles,
        0,
    ]
}
