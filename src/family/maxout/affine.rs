//! Maxout over affine maps.

mod cpu;
mod launch;
mod operation;
mod record;

use super::{OP, Winners, forward_calls};
use crate::{
    element::ElementType,
    error::{Error, Result},
    family::{Array, Operation, calls},
    kernel::recorder,
    tensor::{Tensor, View, axis_of},
};
use record::Sizes;

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
#[derive(Debug)]
pub struct MaxoutGradients {
    /// With respect to x, of its shape and type.
    pub dx: Tensor,
    /// With respect to W: [pieces, d, m], f32.
    pub weight: Tensor,
    /// With respect to b: [pieces, m], f32, where there is a bias.
    pub bias: Option<Tensor>,
}

forward_calls!(
    MaxoutAffine,
    "[`Error::AffineMismatch`] if x's last axis is not d long, [`Error::ForeignTensor`], [`Error::TooLarge`] if a \
     binding does not hold the weights or four rows,"
);

impl MaxoutAffine {
    /// Without a bias; `weight` is [pieces, d, m], f32.
    ///
    /// # Errors
    ///
    /// [`Error::AffineMismatch`] for another shape or no piece, [`Error::ElementMismatch`] for another type.
    pub fn new(weight: impl Into<Array>) -> Result<Self> {
        let weight = weight.into();
        weight.expect_f32(OP, "weight")?;
        match weight.shape() {
            [pieces, _, _] if *pieces > 0 => Ok(Self {
                weight,
                bias: None,
                axis: -1,
            }),
            shape => {
                let rule = "it must be [pieces, d, m] with 1 piece or more";
                Err(mismatch("weight", shape, None, rule))
            }
        }
    }

    /// With `bias` [pieces, m], f32.
    ///
    /// # Errors
    ///
    /// [`Error::AffineMismatch`] for another shape, [`Error::ElementMismatch`] for another type,
    /// [`Error::ForeignTensor`].
    pub fn bias(self, bias: impl Into<Array>) -> Result<Self> {
        let bias = bias.into();
        bias.expect_f32(OP, "bias")?;
        if let (Some(weight), Some(bias)) = (self.weight.tensor(), bias.tensor())
            && !weight.gpu().same_device(bias.gpu())
        {
            return Err(Error::ForeignTensor { op: OP.to_owned() });
        }
        let [pieces, _, outputs] = self.shape();
        if bias.shape() != [pieces, outputs] {
            let rule = "it must be [pieces, m] of weight's [pieces, d, m]";
            return Err(mismatch("bias", bias.shape(), Some(&self.weight), rule));
        }
        Ok(Self {
            bias: Some(bias),
            ..self
        })
    }

    /// W.
    ///
    /// ```
    /// use wgpu_activations::{Array, MaxoutAffine};
    ///
    /// let weight = Array::new(vec![1.0, -1.0], vec![2, 1, 1])?;
    /// let maxout = MaxoutAffine::new(weight)?;
    /// assert_eq!(maxout.weight().shape(), [2, 1, 1]);
    /// assert!(maxout.get_bias().is_none());
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    pub const fn weight(&self) -> &Array {
        &self.weight
    }

    /// b: what [`MaxoutAffine::bias`] sets, if anything.
    pub const fn get_bias(&self) -> Option<&Array> {
        self.bias.as_ref()
    }

    /// The gradients, from the x and the winners of the forward pass and the gradient `upstream` of the
    /// loss with respect to y. The same tensors on the same adapter give the same bits.
    ///
    /// # Errors
    ///
    /// [`Error::ShapeMismatch`] or [`Error::ElementMismatch`] if upstream is not like y or the winners are not of x,
    /// [`Error::WinnersMismatch`] if they are of other maps, and as [`MaxoutAffine::forward`].
    pub fn backward(
        &self,
        x: &Tensor,
        winners: &Winners,
        upstream: &Tensor,
    ) -> Result<MaxoutGradients> {
        let gradients = self.allocate_gradients(x)?;
        self.backward_into(x, winners, upstream, &gradients)?;
        Ok(gradients)
    }

    /// Tensors for the gradients of a pass over x, their contents unspecified.
    ///
    /// # Errors
    ///
    /// What the device reports.
    pub fn allocate_gradients(&self, x: &Tensor) -> Result<MaxoutGradients> {
        let f32_like = |array: &Array| x.gpu().allocate(array.shape(), ElementType::F32);
        Ok(MaxoutGradients {
            dx: x.gpu().allocate(x.shape(), x.element())?,
            weight: f32_like(&self.weight)?,
            bias: self.bias.as_ref().map(f32_like).transpose()?,
        })
    }

    /// The gradients into tensors of the shapes and types that [`MaxoutAffine::backward`] gives them.
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
        let MaxoutGradients { dx, weight, bias } = gradients;
        let results = (dx, Some(weight), bias.as_ref());
        recorder::submit(x.gpu(), |recorder| {
            self.record_gradients(recorder, x, winners, upstream, results)
        })
    }

    /// Records [`MaxoutAffine::backward_into`].
    ///
    /// ```
    /// # wgpu_activations::needs_adapter!();
    /// # use wgpu_activations::{ElementType, Gpu, MaxoutAffine};
    /// # let gpu = Gpu::new()?;
    /// # let x = gpu.upload(&[-3.0f32], [1, 1])?;
    /// # let upstream = gpu.upload(&[0.5f32], [1, 1])?;
    /// # let weight = gpu.upload(&[1.0f32, -1.0], [2, 1, 1])?;
    /// let maxout = MaxoutAffine::new(&weight)?;
    /// let y = gpu.allocate([1, 1], ElementType::F32)?;
    /// let gradients = maxout.allocate_gradients(&x)?;
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
    /// As [`MaxoutAffine::backward_into`].
    pub fn encode_backward(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        x: &Tensor,
        winners: &Winners,
        upstream: &Tensor,
        gradients: &MaxoutGradients,
    ) -> Result<()> {
        let MaxoutGradients { dx, weight, bias } = gradients;
        let results = (dx, Some(weight), bias.as_ref());
        let used = [x, &winners.words, upstream, dx, weight].into_iter();
        calls::encode_over(encoder, used.chain(bias), |recorder| {
            self.record_gradients(recorder, x, winners, upstream, results)
        })
    }

    /// Pieces, inputs and outputs.
    fn lengths(&self) -> [usize; 3] {
        let [pieces, inputs, outputs] = self.shape();
        // Without inputs and bias all pieces are the same, and their number is but a claim.
        let claimed = inputs == 0 && self.bias.is_none();
        [if claimed { 1 } else { pieces }, inputs, outputs]
    }

    /// The weight's shape.
    fn shape(&self) -> [usize; 3] {
        let weight = self.weight.shape();
        [weight[0], weight[1], weight[2]]
    }

    /// The lengths for an x of this shape, and the shape of its y.
    fn sizes(&self, shape: &[usize]) -> Result<(Sizes, Vec<usize>)> {
        let [pieces, inputs, outputs] = self.lengths();
        let fits =
            |axis: &usize| shape[*axis] == inputs && shape[*axis + 1..].iter().all(|len| *len == 1);
        let axis = axis_of(shape, self.axis).ok().filter(fits);
        let axis = axis.ok_or_else(|| {
            let rule = "its last axis must be d of weight's [pieces, d, m]";
            mismatch("x", shape, Some(&self.weight), rule)
        })?;
        let sizes = Sizes {
            rows: View::along(shape, axis).outer,
            pieces,
            inputs,
            outputs,
        };
        let mut y_shape = shape.to_vec();
        y_shape[axis] = outputs;
        Ok((sizes, y_shape))
    }
}

fn mismatch(
    tensor: &'static str,
    shape: &[usize],
    weight: Option<&Array>,
    rule: &'static str,
) -> Error {
    Error::AffineMismatch {
        op: OP.to_owned(),
        tensor,
        shape: shape.to_vec(),
        weight: weight.map(|weight| weight.shape().to_vec()),
        rule,
    }
}
