//! Maxout over affine maps.

mod launch;

mod operation;
mod record;

use super::{OP, Origin, Winners, len_of};
use crate::{
    element::ElementType,
    error::{Error, Result},
    family::Array,
    kernel::recorder,
    tensor::{Tensor, axis_of},
};
use record::{Results, Sizes};

/// Maxout over affine maps, of Goodfellow et al., "Maxout Networks" (2013):
/// y[n, m] = max over i of (sum over d of x[n, d] W[i, d, m] + b[i, m]).
///
/// x is [.., d] of any element type, W is [pieces, d, m] and b [pieces, m], both f32 and on the host or on a
/// device. What the maps give is never stored. Of equal values the first wins; the first NaN wins over any number. With W and b
/// of one more piece at 0 it is ReLU of an affine map.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, MaxoutAffine};
///
/// let gpu = Gpu::new()?;
/// let x = gpu.upload(&[1.0f32, 2.0], [1, 2])?;
/// let weight = gpu.upload(&[1.0f32, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0], [2, 2, 2])?;
/// let maxout = MaxoutAffine::new(&weight)?; // x, and x with its elements exchanged
/// let (y, winners) = maxout.forward(&x)?;
/// assert_eq!(y.download::<f32>()?, [2.0, 2.0]);
/// assert_eq!(winners.download()?, [1, 0]);
/// let upstream = gpu.upload(&[0.5f32, 0.25], [1, 2])?;
/// let gradients = maxout.backward(&x, &winners, &upstream)?;
/// assert_eq!(gradients.dx.download::<f32>()?, [0.0, 0.75]);
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MaxoutAffine {
    weight: Array,
    bias: Option<Array>,
    /// The axis of the inputs, behind which no axis is longer than 1: the last but in boxes.
    axis: i64,
}

/// What [`MaxoutAffine::backward`] gives.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{Gpu, MaxoutAffine, MaxoutGradients};
///
/// # let gpu = Gpu::new()?;
/// let x = gpu.upload(&[-3.0f32], [1, 1])?;
/// let upstream = gpu.upload(&[0.5f32], [1, 1])?;
/// let weight = gpu.upload(&[1.0f32, -1.0], [2, 1, 1])?; // x and -x
/// let maxout = MaxoutAffine::new(&weight)?;
/// let (_, winners) = maxout.forward(&x)?;
/// let MaxoutGradients { dx, weight, bias } = maxout.backward(&x, &winners, &upstream)?;
/// assert_eq!(dx.download::<f32>()?, [-0.5]);
/// assert_eq!(weight.download::<f32>()?, [0.0, -1.5]);
/// assert!(bias.is_none());
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
#[derive(Debug)]
pub struct MaxoutGradients {
    /// With respect to x, of its shape and type.
    pub dx: Tensor,
    /// With respect to W: [pieces, d, m], f32.
    pub weight: Tensor,
    /// With respect to b: [pieces, m], f32, where there is a bias.
    pub bias: Option<Tensor>,
}

impl MaxoutAffine {
    /// Without a bias; `weight` is [pieces, d, m], f32.
    ///
    /// # Errors
    ///
    /// [`Error::AffineMismatch`] for another shape or no piece, [`Error::ElementMismatch`] for another
    /// type.
    pub fn new(weight: impl Into<Array>) -> Result<Self> {
        let weight = weight.into();
        expect_f32("weight", &weight)?;
        match weight.shape() {
            [pieces, _, _] if *pieces > 0 => Ok(Self {
                weight,
                bias: None,
                axis: -1,
            }),
            shape => Err(Error::AffineMismatch {
                op: OP.to_owned(),
                tensor: "weight",
                shape: shape.to_vec(),
                weight: None,
                rule: "it must be [pieces, d, m] with 1 piece or more",
            }),
        }
    }

    /// With `bias` [pieces, m], f32.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{Gpu, MaxoutAffine};
    /// # let gpu = Gpu::new()?;
    /// let weight = gpu.upload(&[1.0f32, 0.0], [2, 1, 1])?;
    /// let bias = gpu.upload(&[0.0f32, 2.0], [2, 1])?;
    /// let maxout = MaxoutAffine::new(&weight)?.bias(&bias)?; // the larger of x and 2
    /// let (y, _) = maxout.forward(&gpu.upload(&[1.0f32, 3.0], [2, 1])?)?;
    /// assert_eq!(y.download::<f32>()?, [2.0, 3.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::AffineMismatch`] for another shape, [`Error::ElementMismatch`] for another type,
    /// [`Error::ForeignTensor`].
    pub fn bias(self, bias: impl Into<Array>) -> Result<Self> {
        let bias = bias.into();
        expect_f32("bias", &bias)?;
        if let (Some(weight), Some(bias)) = (self.weight.tensor(), bias.tensor()) {
            expect_one_device(weight, bias)?;
        }
        let [pieces, _, outputs] = self.lengths();
        if bias.shape() != [pieces, outputs] {
            let rule = "it must be [pieces, m] of weight's [pieces, d, m]";
            return Err(self.mismatch("bias", bias.shape(), rule));
        }
        Ok(Self {
            bias: Some(bias),
            ..self
        })
    }

    /// y [.., m] of x's type, and the piece that won each of its elements.
    ///
    /// # Errors
    ///
    /// [`Error::AffineMismatch`] if x's last axis is not d long, [`Error::ForeignTensor`],
    /// [`Error::TooLarge`] if a binding does not hold the weights or four rows, and what the device
    /// reports.
    pub fn forward(&self, x: &Tensor) -> Result<(Tensor, Winners)> {
        let y = x.gpu().allocate(self.y_shape(x.shape())?, x.element())?;
        let winners = self.forward_into(x, &y)?;
        Ok((y, winners))
    }

    /// y into a tensor of the shape and type that [`MaxoutAffine::forward`] gives it.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{ElementType, Gpu, MaxoutAffine};
    /// # let gpu = Gpu::new()?;
    /// # let weight = gpu.upload(&[1.0f32, -1.0], [2, 1, 1])?;
    /// # let maxout = MaxoutAffine::new(&weight)?;
    /// let x = gpu.upload(&[-3.0f32], [1, 1])?;
    /// let y = gpu.allocate([1, 1], ElementType::F32)?;
    /// let winners = maxout.forward_into(&x, &y)?;
    /// assert_eq!(y.download::<f32>()?, [3.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`], [`Error::ElementMismatch`], [`Error::ForeignTensor`] or
    /// [`Error::Aliased`] if y does not serve, and as [`MaxoutAffine::forward`].
    pub fn forward_into(&self, x: &Tensor, y: &Tensor) -> Result<Winners> {
        recorder::submit(x.gpu(), |recorder| self.record_y(recorder, x, y))
    }

    /// Records [`MaxoutAffine::forward_into`] into the caller's encoder. Submits nothing and waits for
    /// nothing; the tensors' buffers are kept until the caller's commands are done with them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{ElementType, Gpu, MaxoutAffine, MaxoutGradients};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-3.0f32], [1, 1])?;
    /// # let upstream = gpu.upload(&[0.5f32], [1, 1])?;
    /// # let weight = gpu.upload(&[1.0f32, -1.0], [2, 1, 1])?;
    /// # let y = gpu.allocate([1, 1], ElementType::F32)?;
    /// # let gradients = MaxoutGradients {
    /// #     dx: gpu.allocate([1, 1], ElementType::F32)?,
    /// #     weight: gpu.allocate([2, 1, 1], ElementType::F32)?,
    /// #     bias: None,
    /// # };
    /// let maxout = MaxoutAffine::new(&weight)?;
    /// let mut encoder = gpu.device().create_command_encoder(&Default::default());
    /// let winners = maxout.encode_forward(&mut encoder, &x, &y)?;
    /// maxout.encode_backward(&mut encoder, &x, &winners, &upstream, &gradients)?;
    /// gpu.queue().submit([encoder.finish()]);
    /// assert_eq!(gradients.dx.download::<f32>()?, [-0.5]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`MaxoutAffine::forward_into`].
    pub fn encode_forward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<Winners> {
        let winners = recorder::encode(x.gpu(), encoder, |recorder| self.record_y(recorder, x, y))?;
        [x, y, &winners.words].into_iter().for_each(Tensor::expose);
        Ok(winners)
    }

    /// The gradients, from the x and the winners of the forward pass and the gradient `upstream` of the
    /// loss with respect to y. The same tensors on the same adapter give the same bits.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] or [`Error::ElementMismatch`] if upstream is not like y or the winners
    /// are not of x, [`Error::WinnersMismatch`] if they are of other maps, and as
    /// [`MaxoutAffine::forward`].
    pub fn backward(
        &self,
        x: &Tensor,
        winners: &Winners,
        upstream: &Tensor,
    ) -> Result<MaxoutGradients> {
        let f32_like = |array: &Array| x.gpu().allocate(array.shape(), ElementType::F32);
        let gradients = MaxoutGradients {
            dx: x.gpu().allocate(x.shape(), x.element())?,
            weight: f32_like(&self.weight)?,
            bias: self.bias.as_ref().map(f32_like).transpose()?,
        };
        self.backward_into(x, winners, upstream, &gradients)?;
        Ok(gradients)
    }

    /// The gradients into tensors of the shapes and types that [`MaxoutAffine::backward`] gives them.
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{ElementType, Gpu, MaxoutAffine, MaxoutGradients};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-3.0f32], [1, 1])?;
    /// # let upstream = gpu.upload(&[0.5f32], [1, 1])?;
    /// # let weight = gpu.upload(&[1.0f32, -1.0], [2, 1, 1])?;
    /// # let maxout = MaxoutAffine::new(&weight)?;
    /// # let (_, winners) = maxout.forward(&x)?;
    /// let gradients = MaxoutGradients {
    ///     dx: gpu.allocate([1, 1], ElementType::F32)?,
    ///     weight: gpu.allocate([2, 1, 1], ElementType::F32)?,
    ///     bias: None,
    /// };
    /// maxout.backward_into(&x, &winners, &upstream, &gradients)?;
    /// assert_eq!(gradients.weight.download::<f32>()?, [0.0, -1.5]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Aliased`], or as [`MaxoutAffine::backward`] if a tensor does not serve.
    pub fn backward_into(
        &self,
        x: &Tensor,
        winners: &Winners,
        upstream: &Tensor,
        gradients: &MaxoutGradients,
    ) -> Result<()> {
        recorder::submit(x.gpu(), |recorder| {
            self.record_gradients(recorder, x, winners, upstream, gradients.into())
        })
    }

    /// Records [`MaxoutAffine::backward_into`]: see [`MaxoutAffine::encode_forward`].
    ///
    /// # Errors
    ///
    /// As [`MaxoutAffine::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        winners: &Winners,
        upstream: &Tensor,
        gradients: &MaxoutGradients,
    ) -> Result<()> {
        recorder::encode(x.gpu(), encoder, |recorder| {
            self.record_gradients(recorder, x, winners, upstream, gradients.into())
        })?;
        let MaxoutGradients { dx, weight, bias } = gradients;
        let used = [x, &winners.words, upstream, dx, weight].into_iter();
        used.chain(bias).for_each(Tensor::expose);
        Ok(())
    }

    /// Pieces, inputs and outputs.
    fn lengths(&self) -> [usize; 3] {
        let weight = self.weight.shape();
        [weight[0], weight[1], weight[2]]
    }

    /// Where the inputs lie in an x of this shape.
    fn axis_in(&self, shape: &[usize]) -> Result<usize> {
        let [_, inputs, _] = self.lengths();
        match axis_of(shape, self.axis) {
            Ok(axis) if shape[axis] == inputs && shape[axis + 1..].iter().all(|len| *len == 1) => {
                Ok(axis)
            }
            _ => {
                let rule = "its last axis must be d of weight's [pieces, d, m]";
                Err(self.mismatch("x", shape, rule))
            }
        }
    }

    fn sizes(&self, shape: &[usize]) -> Result<Sizes> {
        let rows = len_of(&shape[..self.axis_in(shape)?]);
        let [pieces, inputs, outputs] = self.lengths();
        Ok(Sizes {
            rows,
            pieces,
            inputs,
            outputs,
        })
    }

    fn y_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let axis = self.axis_in(shape)?;
        let [_, _, outputs] = self.lengths();
        let mut shape = shape.to_vec();
        shape[axis] = outputs;
        Ok(shape)
    }

    fn expect_winners_of(
        &self,
        x: &Tensor,
        winners: &Winners,
        upstream: &Tensor,
        sizes: Sizes,
    ) -> Result<()> {
        winners.expect(Origin::Affine, sizes.pieces, upstream)?;
        expect_one_device(x, upstream)?;
        let y_shape = self.y_shape(x.shape())?;
        if winners.shape() != y_shape {
            return Err(Error::ShapeMismatch {
                op: OP.to_owned(),
                left: "upstream",
                left_shape: upstream.shape().to_vec(),
                right: "x's y",
                right_shape: y_shape,
            });
        }
        if upstream.element() != x.element() {
            return Err(Error::ElementMismatch {
                op: OP.to_owned(),
                left: "upstream",
                left_type: upstream.element().name(),
                right: "x",
                right_type: x.element().name(),
            });
        }
        Ok(())
    }

    fn mismatch(&self, tensor: &'static str, shape: &[usize], rule: &'static str) -> Error {
        Error::AffineMismatch {
            op: OP.to_owned(),
            tensor,
            shape: shape.to_vec(),
            weight: Some(self.weight.shape().to_vec()),
            rule,
        }
    }
}

fn expect_one_device(left: &Tensor, right: &Tensor) -> Result<()> {
    if left.gpu().same_device(right.gpu()) {
        return Ok(());
    }
    Err(Error::ForeignTensor { op: OP.to_owned() })
}

fn expect_f32(name: &'static str, array: &Array) -> Result<()> {
    match array.tensor().map(Tensor::element) {
        None | Some(ElementType::F32) => Ok(()),
        Some(element) => Err(Error::ElementMismatch {
            op: OP.to_owned(),
            left: name,
            left_type: element.name(),
            right: "the kernel",
            right_type: ElementType::F32.name(),
        }),
    }
}

impl<'a> From<&'a MaxoutGradients> for Results<'a> {
    fn from(MaxoutGradients { dx, weight, bias }: &'a MaxoutGradients) -> Self {
        Self {
            dx,
            weight: Some(weight),
            bias: bias.as_ref(),
        }
    }
}
