//! Maxout: the largest of several pieces, over groups of channels or over affine maps.

pub mod reference;

mod affine;
mod bound;
mod case;
mod entry;
mod pooling;
mod shader;
mod winners;

pub use affine::{MaxoutAffine, MaxoutGradients};
pub(crate) use entry::MAXOUT;
pub use pooling::Maxout;
use reference::Layout;
use winners::Origin;
pub use winners::Winners;

use crate::{
    error::Result,
    gpu::Gpu,
    kernel::{Window, expect_apart, expect_shape},
    tensor::Tensor,
};

const OP: &str = "maxout";

/// Elements that windows start at multiples of: with 1 to 4 bytes each, a multiple of 256 bytes.
const ALIGNED: usize = 256;

/// Elements of a shape; the other axes of an empty one may be as long as they like.
fn len_of(shape: &[usize]) -> usize {
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().product()
}

/// A run of elements, and where a window that may begin has it.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    len: usize,
}

impl Span {
    /// The element that its window begins with.
    const fn first(self) -> usize {
        self.start / ALIGNED * ALIGNED
    }

    /// Elements of its window before the run.
    const fn skip(self) -> usize {
        self.start % ALIGNED
    }

    fn binding(self, binding: u32, tensor: &Tensor) -> wgpu::BindGroupEntry<'_> {
        let size = tensor.element().size();
        let window = Window {
            start: self.first() as u64 * size,
            bytes: (self.skip() + self.len) as u64 * size,
        };
        window.bind(binding, tensor)
    }

    fn winners(self, binding: u32, winners: &Winners) -> wgpu::BindGroupEntry<'_> {
        let window = winners.window(self.first(), self.skip() + self.len);
        window.bind(binding, &winners.words)
    }
}

/// Elements of `size` bytes that a binding holds, whatever element it begins at.
fn most_elements(gpu: &Gpu, size: u64) -> usize {
    (crate::kernel::largest_window(gpu) / size) as usize - ALIGNED
}

/// Whether `result` has the shape that follows from `from`, its type, and memory of its own.
fn expect_result(
    result: (&'static str, &Tensor),
    shape: &[usize],
    from: (&'static str, &Tensor),
) -> Result<()> {
    expect_shape(&OP, result, ("the result", shape), from)?;
    expect_apart(&OP, from, result, "a tensor of its own")
}
