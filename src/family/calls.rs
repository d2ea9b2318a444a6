//! The calls of an operation of one input: right away, and recorded into the caller's encoder.

use super::{Operation, Saved};
use crate::{
    error::Result,
    kernel::{
        launch::Pass,
        recorder::{self, Recorder},
    },
};

pub(crate) fn submit(operation: &dyn Operation, pass: Pass<'_>) -> Result<()> {
    recorder::submit(pass.x().gpu(), |recorder| record(operation, recorder, pass))
}

pub(crate) fn encode(
    operation: &dyn Operation,
    encoder: &mut wgpu::CommandEncoder,
    pass: Pass<'_>,
) -> Result<()> {
    recorder::encode(pass.x().gpu(), encoder, |recorder| {
        let tensors = pass.tensors().into_iter().flatten();
        tensors.for_each(|(_, tensor)| recorder.keep(tensor));
        record(operation, recorder, pass)
    })
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
