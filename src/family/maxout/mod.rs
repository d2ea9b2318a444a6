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
pub(super) use entry::OfMaxout;
pub use pooling::Maxout;
use reference::Layout;
use winners::Origin;
pub use winners::Winners;

use crate::{
    gpu::{
        Binding::{self, Read, Write},
        Gpu,
    },
    kernel::Window,
    tensor::Tensor,
};

const OP: &str = "maxout";

/// Elements that windows start at multiples of: with 1 to 4 bytes each, a multiple of 256 bytes.
const ALIGNED: usize = 256;

/// A run of elements, of a tensor or of the winners.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    len: usize,
}

impl Span {
    const fn new(start: usize, len: usize) -> Self {
        Self { start, len }
    }

    /// Elements of its window before it.
    const fn skip(self) -> usize {
        self.start % ALIGNED
    }

    /// The window that has it, of elements of `size` bytes.
    const fn window(self, size: u64) -> Window {
        Window {
            start: (self.start - self.skip()) as u64 * size,
            bytes: (self.skip() + self.len) as u64 * size,
        }
    }
}

/// Elements of `size` bytes that a binding holds, whatever element it begins at.
fn most_elements(gpu: &Gpu, size: u64) -> usize {
    (crate::kernel::largest_window(gpu) / size) as usize - ALIGNED
}

/// Windows in the order of an entry point's bindings, with the bindings' numbers.
fn numbered<'a>(
    bindings: &[Binding],
    windows: impl IntoIterator<Item = (&'a Tensor, Window)>,
) -> Vec<(u32, &'a Tensor, Window)> {
    let pairs = bindings.iter().zip(windows);
    let numbered = pairs.map(|(&(Read(at) | Write(at)), (tensor, window))| (at, tensor, window));
    numbered.collect()
}

/// The calls of a forward pass, which gives the winners beside y; `$errors` are those of a shape that does not fit.
macro_rules! forward_calls {
    ($Maxout:ident, $errors:literal) => {
        impl $Maxout {
            /// y, of x's type, and the piece that won each of its elements.
            ///
            /// # Errors
            ///
            #[doc = $errors]
            /// and what the device reports.
            pub fn forward(&self, x: &Tensor) -> Result<(Tensor, Winners)> {
                let y = x
                    .gpu()
                    .allocate(self.output_shape(x.shape())?, x.element())?;
                let winners = self.forward_into(x, &y)?;
                Ok((y, winners))
            }

            /// y into a tensor of the shape and type that [`Self::forward`] gives it.
            ///
            /// # Errors
            ///
            /// [`Error::ShapeMismatch`], [`Error::ElementMismatch`], [`Error::ForeignTensor`] or [`Error::Aliased`] if y
            /// does not serve, and as [`Self::forward`].
            pub fn forward_into(&self, x: &Tensor, y: &Tensor) -> Result<Winners> {
                recorder::submit(x.gpu(), |recorder| self.record_y(recorder, x, y))
            }

            /// Records [`Self::forward_into`] into the caller's encoder. Submits nothing and waits for nothing; the
            /// tensors' buffers are kept until the caller's commands are done with them. See [`Self::encode_backward`].
            ///
            /// # Errors
            ///
            /// As [`Self::forward_into`].
            pub fn encode_forward(
                &self,
                encoder: &mut wgpu::CommandEncoder,
                x: &Tensor,
                y: &Tensor,
            ) -> Result<Winners> {
                calls::encode_over(encoder, [x, y], |recorder| self.record_y(recorder, x, y))
            }
        }
    };
}
use forward_calls;
