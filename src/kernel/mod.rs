//! How elements, channels, rows and sums are spread over threads: what the families launch.

pub(crate) mod arrange;
pub mod baseline;
pub(crate) mod cast;
pub(crate) mod columns;
pub(crate) mod fused;
pub(crate) mod launch;
pub mod moments;
pub mod recorder;
pub(crate) mod reduce;
pub(crate) mod tiles;

use std::fmt;

use crate::{
    error::{Error, Result},
    gpu::{Gpu, Pipeline},
    tensor::{Tensor, View},
    wgsl::{Arguments, Shader, Vectors},
};

pub use crate::gpu::fold_over;
pub(crate) use crate::gpu::{MOST_WORKGROUPS, fold_within};

/// The shaders that no family owns, by name.
///
/// ```
/// use wgpu_activations::{ElementType, kernel};
///
/// let shaders = kernel::shaders(ElementType::F32.into());
/// assert!(shaders.iter().any(|(name, _)| name == "arrange"));
/// ```
pub fn shaders(vectors: Vectors) -> Vec<(String, Shader)> {
    let moments = crate::wgsl::reduce(&moments::reduction(), false, vectors);
    let [copy, read, streams] = baseline::shaders(vectors.words);
    let named = [
        ("arrange", arrange::shader(vectors)),
        ("cast", cast::shader(vectors)),
        ("moments", moments),
        ("total", reduce::total_shader(vectors)),
        ("copy", copy),
        ("read", read),
        ("streams", streams),
    ];
    named.map(|(name, shader)| (name.to_owned(), shader)).into()
}

/// The part of a tensor that a dispatch works on.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// # use wgpu_activations::{Gpu, kernel::Window};
/// let x = Gpu::new()?.upload(&[1.0f32; 4], [4])?;
/// assert_eq!(Window::whole(&x), Window { start: 0, bytes: 16 });
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Bytes of the tensor's elements before it: a multiple of 256.
    pub start: u64,
    /// Bytes of it.
    pub bytes: u64,
}

impl Window {
    /// All of a tensor.
    pub fn whole(tensor: &Tensor) -> Self {
        Self {
            start: 0,
            bytes: tensor.bytes(),
        }
    }

    /// That which holds `len` elements from `first` on, and its elements before them.
    pub(crate) fn around(tensor: &Tensor, first: usize, len: usize) -> (Self, u32) {
        let size = tensor.element().size();
        let first = first as u64 * size;
        let start = first & !255;
        let bytes = first + len as u64 * size - start;
        (Self { start, bytes }, ((first - start) / size) as u32)
    }

    /// As much of the tensor as a binding holds, from `start` on.
    pub(crate) fn bind<'a>(self, binding: u32, tensor: &'a Tensor) -> wgpu::BindGroupEntry<'a> {
        let size = self.bytes.next_multiple_of(16);
        wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: tensor.raw(),
                offset: tensor.offset() + self.start,
                size: size.try_into().ok(),
            }),
        }
    }
}

/// All of `tensor` as a binding.
pub(crate) fn bind(binding: u32, tensor: &Tensor) -> wgpu::BindGroupEntry<'_> {
    Window::whole(tensor).bind(binding, tensor)
}

/// Records one dispatch of x by y workgroups.
pub(crate) fn dispatch(
    gpu: &Gpu,
    pass: &mut wgpu::ComputePass<'_>,
    pipeline: &Pipeline,
    bindings: &[wgpu::BindGroupEntry<'_>],
    arguments: &impl Arguments,
    (x, y): (u32, u32),
) {
    let group = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.layout,
        entries: bindings,
    });
    pass.set_pipeline(&pipeline.pipeline);
    pass.set_bind_group(0, &group, &[]);
    pass.set_bind_group(1, &gpu.arguments(arguments), &[]);
    pass.dispatch_workgroups(x, y, 1);
}

/// Bytes of a tensor that one dispatch can see: whole multiples of every alignment, fewer than 2^31, since kernels count
/// elements in 32 bits.
pub fn largest_window(gpu: &Gpu) -> u64 {
    window_within(gpu.limits().max_storage_buffer_binding_size)
}

/// Outer places of x whose rows one window holds, `scratch` being the bytes that a place takes beside them.
pub(crate) fn places_at_once(op: &str, x: &Tensor, view: View, scratch: u64) -> Result<usize> {
    // One alignment is spared, since an outer place may start anywhere.
    let limit = largest_window(x.gpu()) - 256;
    let bytes = (view.extent * view.inner) as u64 * x.element().size();
    let bytes = bytes.max(scratch);
    match limit / bytes {
        0 => Err(Error::TooLarge {
            what: format!("the rows of one place of {op} over shape {:?}", x.shape()),
            bytes,
            limit,
            advice: "stream them from the host, which cuts them up",
        }),
        places => Ok(places as usize),
    }
}

fn window_within(binding: u64) -> u64 {
    binding.min((1 << 31) - 1) & !0xfff
}

/// Tensors that must all be of one device.
pub(crate) fn expect_on<'t>(
    gpu: &Gpu,
    op: &str,
    tensors: impl IntoIterator<Item = &'t Tensor>,
) -> Result<()> {
    let mut tensors = tensors.into_iter();
    if tensors.all(|tensor| tensor.gpu().same_device(gpu)) {
        return Ok(());
    }
    Err(Error::ForeignTensor { op: op.to_owned() })
}

/// Two tensors that one operation reads or writes element by element.
pub(crate) fn expect_alike(
    op: &dyn fmt::Display,
    left: (&'static str, &Tensor),
    right: (&'static str, &Tensor),
) -> Result<()> {
    expect_shape(op, left, (right.0, right.1.shape()), right)
}

/// A tensor like the result of x, whose shape is `result`. What changes no shape is like x, in messages, too.
pub(crate) fn expect_result(
    op: &dyn fmt::Display,
    tensor: (&'static str, &Tensor),
    result: &[usize],
    x: &Tensor,
) -> Result<()> {
    let name = if result == x.shape() {
        "x"
    } else {
        "the result"
    };
    expect_shape(op, tensor, (name, result), ("x", x))
}

/// A tensor of the shape that `right` says, with the type and on the device of another.
pub(crate) fn expect_shape(
    op: &dyn fmt::Display,
    (left, tensor): (&'static str, &Tensor),
    (right, shape): (&'static str, &[usize]),
    (other_name, other): (&'static str, &Tensor),
) -> Result<()> {
    if !tensor.gpu().same_device(other.gpu()) {
        return Err(Error::ForeignTensor { op: op.to_string() });
    }
    if tensor.shape() != shape {
        return Err(Error::ShapeMismatch {
            op: op.to_string(),
            left,
            left_shape: tensor.shape().to_vec(),
            right,
            right_shape: shape.to_vec(),
        });
    }
    if tensor.element() != other.element() {
        return Err(Error::ElementMismatch {
            op: op.to_string(),
            left,
            left_type: tensor.element().name(),
            right: other_name,
            right_type: other.element().name(),
        });
    }
    Ok(())
}

/// An input and an output that must not lie in one buffer.
pub(crate) fn expect_apart(
    op: &dyn fmt::Display,
    left: (&'static str, &Tensor),
    right: (&'static str, &Tensor),
    instead: &'static str,
) -> Result<()> {
    if left.1.shares_buffer(right.1) {
        return Err(Error::Aliased {
            op: op.to_string(),
            left: left.0,
            right: right.0,
            instead,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::window_within;

    #[test]
    fn windows_hold_what_kernels_can_count() {
        // Some devices bind more than 4 GiB.
        for binding in [1 << 27, (1 << 31) - 1, 1 << 31, 1 << 32, 5 << 32, u64::MAX] {
            let window = window_within(binding);
            assert!(window <= binding && window >= 1 << 27 && window.is_multiple_of(4096));
            // The smallest elements have two bytes; `quotient` takes numbers below 2^30.
            assert!(window / 2 < 1 << 30, "{binding}");
        }
    }
}
