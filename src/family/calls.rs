//! The calls of operations: right away, and recorded into the caller's encoder. ARCHITECTURE.md has the table of them.

use std::fmt;

use super::{Gradient, Operation, Saved};
use crate::{
    element::{ElementType, count},
    error::{Error, Result},
    gpu::Gpu,
    kernel::{
        expect_apart, expect_on,
        launch::Pass,
        recorder::{self, Recorder},
    },
    tensor::Tensor,
};

pub(crate) fn submit(operation: &dyn Operation, pass: Pass<'_>) -> Result<()> {
    recorder::submit(pass.x().gpu(), |recorder| record(operation, recorder, pass))
}

pub(crate) fn encode(
    operation: &dyn Operation,
    encoder: &mut wgpu::CommandEncoder,
    pass: Pass<'_>,
) -> Result<()> {
    let tensors = pass.tensors().into_iter().flatten();
    encode_over(encoder, tensors.map(|(_, tensor)| tensor), |recorder| {
        record(operation, recorder, pass)
    })
}

/// Records into the caller's encoder what works on `tensors`, on the device of the first of them.
pub(crate) fn encode_over<'t, T>(
    encoder: &mut wgpu::CommandEncoder,
    tensors: impl IntoIterator<Item = &'t Tensor>,
    record: impl FnOnce(&mut Recorder<'_>) -> Result<T>,
) -> Result<T> {
    let mut tensors = tensors.into_iter().peekable();
    let Some(first) = tensors.peek() else {
        return Err(Error::Internal("a call without tensors".to_owned()));
    };
    recorder::encode(first.gpu(), encoder, |recorder| {
        // As keeping them would, at less cost: the commands hold on to the buffers themselves.
        tensors.for_each(Tensor::expose);
        record(recorder)
    })
}

/// Tensors for the gradients of parameters.
pub(crate) fn allocate_parameters(gpu: &Gpu, gradients: Vec<Gradient>) -> Result<Vec<Tensor>> {
    let allocate = |of: Gradient| gpu.allocate(of.shape, ElementType::F32);
    gradients.into_iter().map(allocate).collect()
}

/// Records the gradients of an operation that saves nothing: those with respect to its inputs into `dx`, those of its
/// parameters into `parameters`.
pub(crate) fn record_gradients(
    operation: &dyn Operation,
    recorder: &mut Recorder<'_>,
    x: &[&Tensor],
    upstream: &Tensor,
    dx: &[Tensor],
    parameters: &[Tensor],
) -> Result<()> {
    let op = &operation.name();
    let dx: Vec<_> = dx.iter().collect();
    let others = [x, &dx[..], &[upstream]].concat();
    let wanted = operation.gradients(x[0].shape());
    expect_parameters(op, &wanted, parameters, x[0], &others)?;
    let saved = &Saved::NOTHING;
    let found = operation.record_backward(recorder, x, saved, upstream, &dx, true)?;
    copy_parameters(recorder, found, parameters)
}

/// Records copies of the parameters' gradients that a backward pass found to where the caller wants them.
pub(crate) fn copy_parameters(
    recorder: &mut Recorder<'_>,
    found: Vec<Tensor>,
    given: &[Tensor],
) -> Result<()> {
    for (found, given) in found.into_iter().zip(given) {
        if !given.is_empty() {
            recorder.copy(&found, given)?;
        }
        recorder.done_with(found);
    }
    Ok(())
}

/// Fails unless `given` can take the gradients of parameters for an input x: f32, as many numbers as each has, apart from
/// what else is read or written.
pub(crate) fn expect_parameters(
    op: &dyn fmt::Display,
    wanted: &[Gradient],
    given: &[Tensor],
    x: &Tensor,
    others: &[&Tensor],
) -> Result<()> {
    if wanted.len() != given.len() {
        let reason = format!("it has {}; allocate_gradients gives them", wanted.len());
        return Err(Error::Argument {
            op: op.to_string(),
            argument: format!("{} gradients of parameters", given.len()),
            reason,
        });
    }
    expect_on(x.gpu(), &op.to_string(), given)?;
    for (index, (wanted, tensor)) in wanted.iter().zip(given).enumerate() {
        if count(&wanted.shape) != Some(tensor.len()) {
            return Err(Error::ShapeMismatch {
                op: op.to_string(),
                left: wanted.name,
                left_shape: tensor.shape().to_vec(),
                right: "what it is to hold",
                right_shape: wanted.shape.clone(),
            });
        }
        if tensor.element() != ElementType::F32 {
            return Err(Error::ElementMismatch {
                op: op.to_string(),
                left: wanted.name,
                left_type: tensor.element().name(),
                right: "what it is to hold",
                right_type: ElementType::F32.name(),
            });
        }
        for other in others.iter().copied().chain(&given[..index]) {
            let (other, own) = (("another tensor", other), (wanted.name, tensor));
            expect_apart(op, other, own, "a tensor of its own")?;
        }
    }
    Ok(())
}

fn record(operation: &dyn Operation, recorder: &mut Recorder<'_>, pass: Pass<'_>) -> Result<()> {
    let result = operation.output_shape(pass.x().shape())?;
    pass.expect_fit(&operation.name(), &result, operation.works_in_place())?;
    let mut backward = |x, upstream, dx| {
        let saved = &Saved::NOTHING;
        operation.record_backward(recorder, &[x], saved, upstream, &[dx], false)
    };
    match pass {
        Pass::Backward { x, upstream, dx } => backward(x, upstream, dx).map(drop),
        Pass::BackwardInPlace { x, upstream } => backward(x, upstream, upstream).map(drop),
        Pass::Forward { x, y } => operation.record_forward(recorder, &[x], y).map(drop),
        Pass::ForwardInPlace { x } => operation.record_forward(recorder, &[x], x).map(drop),
    }
}

/// The public calls of an operation of one input that saves nothing for its backward pass, and those in place where it
/// works in place. `$example` makes one for the examples.
macro_rules! calls {
    ($Operation:ident, $example:literal, in place) => {
        calls!($Operation, $example);

        impl $Operation {
            /// y in the place of x.
            ///
            /// ```
            /// # wgpu_activations::needs_adapter!();
            /// # use wgpu_activations::*;
            #[doc = concat!("# let operation = ", $example, ";")]
            /// # let gpu = Gpu::new()?;
            /// let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
            /// let upstream = gpu.upload(&[0.5f32, 0.25], [2])?;
            /// let (y, dx) = (operation.forward(&x)?, operation.backward(&x, &upstream)?);
            /// operation.backward_in_place(&x, &upstream)?; // needs x,
            /// operation.forward_in_place(&x)?; // so this comes after it
            /// assert_eq!(x.download::<f32>()?, y.download::<f32>()?);
            /// assert_eq!(upstream.download::<f32>()?, dx.download::<f32>()?);
            /// # Ok::<(), wgpu_activations::Error>(())
            /// ```
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($Operation), "::forward`].")]
            pub fn forward_in_place(&self, x: &Tensor) -> Result<()> {
                calls::submit(self, Pass::ForwardInPlace { x })
            }

            /// dx in the place of `upstream`.
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($Operation), "::backward`],")]
            /// and [`Error::Aliased`](crate::Error::Aliased) if both are one buffer.
            pub fn backward_in_place(&self, x: &Tensor, upstream: &Tensor) -> Result<()> {
                calls::submit(self, Pass::BackwardInPlace { x, upstream })
            }

            #[doc = concat!("Records [`", stringify!($Operation), "::forward_in_place`]: see")]
            #[doc = concat!("[`", stringify!($Operation), "::encode_forward`].")]
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($Operation), "::forward_in_place`].")]
            pub fn encode_forward_in_place(
                &self,
                encoder: &mut wgpu::CommandEncoder,
                x: &Tensor,
            ) -> Result<()> {
                calls::encode(self, encoder, Pass::ForwardInPlace { x })
            }

            #[doc = concat!("Records [`", stringify!($Operation), "::backward_in_place`]: see")]
            #[doc = concat!("[`", stringify!($Operation), "::encode_forward`].")]
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($Operation), "::backward_in_place`].")]
            pub fn encode_backward_in_place(
                &self,
                encoder: &mut wgpu::CommandEncoder,
                x: &Tensor,
                upstream: &Tensor,
            ) -> Result<()> {
                calls::encode(self, encoder, Pass::BackwardInPlace { x, upstream })
            }
        }
    };
    ($Operation:ident, $example:literal) => {
        impl $Operation {
            /// y, a new tensor of x's type.
            ///
            /// # Errors
            ///
            /// [`Error::AxisOutOfRange`](crate::Error::AxisOutOfRange) and the like where x does not fit the operation,
            /// [`Error::TooLarge`](crate::Error::TooLarge) where it is more than the device binds, and what the device
            /// reports.
            pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
                let shape = self.output_shape(x.shape())?;
                let y = x.gpu().allocate(shape, x.element())?;
                self.forward_into(x, &y)?;
                Ok(y)
            }

            /// y into a tensor of its shape and x's type.
            ///
            /// ```
            /// # wgpu_activations::needs_adapter!();
            /// # use wgpu_activations::*;
            #[doc = concat!("# let operation = ", $example, ";")]
            /// # let gpu = Gpu::new()?;
            /// let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
            /// let y = operation.forward(&x)?;
            /// let dx = operation.backward(&x, &y)?; // y as the upstream gradient
            /// // Another batch, into the same memory.
            /// x.write(&[0.5f32, 0.25])?;
            /// operation.forward_into(&x, &y)?;
            /// operation.backward_into(&x, &y, &dx)?;
            /// # Ok::<(), wgpu_activations::Error>(())
            /// ```
            ///
            /// # Errors
            ///
            /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch),
            /// [`Error::ElementMismatch`](crate::Error::ElementMismatch),
            /// [`Error::ForeignTensor`](crate::Error::ForeignTensor) or
            /// [`Error::Aliased`](crate::Error::Aliased) if y does not serve, and
            #[doc = concat!("as [`", stringify!($Operation), "::forward`].")]
            pub fn forward_into(&self, x: &Tensor, y: &Tensor) -> Result<()> {
                calls::submit(self, Pass::Forward { x, y })
            }

            /// dx, a new tensor of x's shape and type, from what the forward pass was given and the gradient `upstream`
            /// of the loss with respect to its result.
            ///
            /// # Errors
            ///
            /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch),
            /// [`Error::ElementMismatch`](crate::Error::ElementMismatch) or
            /// [`Error::ForeignTensor`](crate::Error::ForeignTensor) if upstream is not like y, and
            #[doc = concat!("as [`", stringify!($Operation), "::forward`].")]
            pub fn backward(&self, x: &Tensor, upstream: &Tensor) -> Result<Tensor> {
                let dx = x.gpu().allocate(x.shape(), x.element())?;
                self.backward_into(x, upstream, &dx)?;
                Ok(dx)
            }

            /// dx into a tensor of x's shape and type.
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($Operation), "::backward`], and if dx does not serve.")]
            pub fn backward_into(&self, x: &Tensor, upstream: &Tensor, dx: &Tensor) -> Result<()> {
                calls::submit(self, Pass::Backward { x, upstream, dx })
            }

            #[doc = concat!("Records [`", stringify!($Operation), "::forward_into`] into the caller's encoder.")]
            /// Submits nothing and waits for nothing; the tensors' buffers are kept until the caller's commands are
            /// done with them.
            ///
            /// ```
            /// # wgpu_activations::needs_adapter!();
            /// # use wgpu_activations::*;
            #[doc = concat!("# let operation = ", $example, ";")]
            /// # let gpu = Gpu::new()?;
            /// # let x = gpu.upload(&[-1.0f32, 2.0], [2])?;
            /// # let (y, dx) = (operation.forward(&x)?, gpu.allocate([2], ElementType::F32)?);
            /// # let expected: Vec<f32> = operation.backward(&x, &y)?.download()?;
            /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
            /// operation.encode_forward(&mut encoder, &x, &y)?;
            /// operation.encode_backward(&mut encoder, &x, &y, &dx)?;
            /// gpu.queue().submit([encoder.finish()]);
            /// # assert_eq!(dx.download::<f32>()?, expected);
            /// # Ok::<(), wgpu_activations::Error>(())
            /// ```
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($Operation), "::forward_into`].")]
            pub fn encode_forward(
                &self,
                encoder: &mut wgpu::CommandEncoder,
                x: &Tensor,
                y: &Tensor,
            ) -> Result<()> {
                calls::encode(self, encoder, Pass::Forward { x, y })
            }

            #[doc = concat!("Records [`", stringify!($Operation), "::backward_into`]: see")]
            #[doc = concat!("[`", stringify!($Operation), "::encode_forward`].")]
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($Operation), "::backward_into`].")]
            pub fn encode_backward(
                &self,
                encoder: &mut wgpu::CommandEncoder,
                x: &Tensor,
                upstream: &Tensor,
                dx: &Tensor,
            ) -> Result<()> {
                calls::encode(self, encoder, Pass::Backward { x, upstream, dx })
            }
        }
    };
}
pub(crate) use calls;
