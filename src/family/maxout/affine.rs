//! Maxout over affine maps.

mod launch;

use super::{OP, Origin, Winners, expect_result, len_of};
use crate::{
    element::ElementType,
    error::{Error, Result},
    gpu::Gpu,
    kernel::{
        arrange::{self, Arrangement},
        expect_apart, largest_window,
        recorder::{self, Recorder},
    },
    tensor::Tensor,
};
use launch::{BACKWARD_X, FORWARD};

/// Maxout over affine maps, of Goodfellow et al., "Maxout Networks" (2013):
/// y[n, m] = max over i of (sum over d of x[n, d] W[i, d, m] + b[i, m]).
///
/// x is [.., d] of any element type, W is [pieces, d, m] and b [pieces, m], both f32. What the maps give
/// is never stored. Of equal values the first wins; the first NaN wins over any number. With W and b
/// of one more piece at 0 it is ReLU of an affine map.
///
/// ```no_run
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
#[derive(Debug, Clone, Copy)]
pub struct MaxoutAffine<'a> {
    weight: &'a Tensor,
    bias: Option<&'a Tensor>,
}

/// What [`MaxoutAffine::backward`] gives.
///
/// ```no_run
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

/// Lengths of all axes.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    rows: usize,
    pieces: usize,
    inputs: usize,
    outputs: usize,
}

impl Sizes {
    /// Elements of a row of x, padded to whole vectors.
    const fn x_pitch(self) -> usize {
        self.inputs.next_multiple_of(4)
    }

    /// Elements of a row of y, padded to whole vectors.
    const fn y_pitch(self) -> usize {
        self.outputs.next_multiple_of(4)
    }

    /// Elements of all sums over rows: behind the inputs of each piece come four for its bias.
    const fn sums(self) -> usize {
        self.pieces * (self.x_pitch() + 4) * self.y_pitch()
    }
}

impl<'a> MaxoutAffine<'a> {
    /// Without a bias; `weight` is [pieces, d, m], f32.
    ///
    /// # Errors
    ///
    /// [`Error::AffineMismatch`] for another shape or no piece, [`Error::ElementMismatch`] for another
    /// type.
    pub fn new(weight: &'a Tensor) -> Result<Self> {
        expect_f32("weight", weight)?;
        let affine = Self { weight, bias: None };
        match weight.shape() {
            [pieces, _, _] if *pieces > 0 => Ok(affine),
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
    /// ```no_run
    /// # use wgpu_activations::{Gpu, MaxoutAffine};
    /// # let gpu = Gpu::new()?;
    /// let weight = gpu.upload(&[1.0f32, 0.0], [2, 1, 1])?;
    /// let bias = gpu.upload(&[0.0f32, 2.0], [2, 1])?;
    /// let maxout = MaxoutAffine::new(&weight)?.with_bias(&bias)?; // the larger of x and 2
    /// let (y, _) = maxout.forward(&gpu.upload(&[1.0f32, 3.0], [2, 1])?)?;
    /// assert_eq!(y.download::<f32>()?, [2.0, 3.0]);
    /// # Ok::<(), wgpu_activations::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::AffineMismatch`] for another shape, [`Error::ElementMismatch`] for another type,
    /// [`Error::ForeignTensor`].
    pub fn with_bias(self, bias: &'a Tensor) -> Result<Self> {
        expect_f32("bias", bias)?;
        expect_one_device(self.weight, bias)?;
        let weight = self.weight.shape();
        if bias.shape() != [weight[0], weight[2]] {
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
        self.sizes(x)?;
        let y = x.gpu().allocate(self.y_shape(x), x.element())?;
        let winners = self.forward_into(x, &y)?;
        Ok((y, winners))
    }

    /// y into a tensor of the shape and type that [`MaxoutAffine::forward`] gives it.
    ///
    /// ```no_run
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
        recorder::submit(x.gpu(), |recorder| self.record_forward(recorder, x, y))
    }

    /// Records [`MaxoutAffine::forward_into`] into the caller's encoder. Submits nothing and waits for
    /// nothing; the tensors' buffers are kept until the caller's commands are done with them.
    ///
    /// ```no_run
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
        let winners = recorder::encode(x.gpu(), encoder, |recorder| {
            self.record_forward(recorder, x, y)
        })?;
        self.expose(&[x, y, &winners.words]);
        Ok(winners)
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<Winners> {
        let sizes = self.sizes(x)?;
        expect_result(("y", y), &self.y_shape(x), ("x", x))?;
        let gpu = x.gpu();
        let winners = Winners::allocate(
            recorder,
            gpu,
            Origin::Affine,
            sizes.pieces,
            y.shape(),
            sizes.outputs,
            x.element(),
        )?;
        if y.is_empty() {
            return Ok(winners);
        }
        let weight = self.weight_padded(recorder, sizes)?;
        let bias = self.bias_padded(recorder, sizes)?;
        let x_padded = padded(recorder, x, sizes.rows, sizes.inputs)?;
        let wide = wide_for(recorder, y, sizes.rows, sizes.outputs)?;
        let tensors = [
            (0, x_padded.as_ref().unwrap_or(x)),
            (1, weight.as_ref().unwrap_or(self.weight)),
            (2, &bias),
        ];
        let output = wide.as_ref().unwrap_or(y);
        // A thread takes four rows of a vector.
        let threads = |rows: usize| rows.div_ceil(4) * sizes.y_pitch() / 4;
        let (output, tensors) = (output, &tensors);
        self.record(
            recorder,
            &FORWARD,
            sizes,
            &winners,
            (output, tensors),
            threads,
        )?;
        if let Some(wide) = &wide {
            arrange::rows(recorder, OP, wide, sizes.y_pitch(), y, sizes.outputs)?;
        }
        let scratch = [weight, Some(bias), x_padded, wide].into_iter().flatten();
        scratch.for_each(|tensor| recorder.done_with(tensor));
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
        let f32_like = |tensor: &Tensor| x.gpu().allocate(tensor.shape(), ElementType::F32);
        let gradients = MaxoutGradients {
            dx: x.gpu().allocate(x.shape(), x.element())?,
            weight: f32_like(self.weight)?,
            bias: self.bias.map(f32_like).transpose()?,
        };
        self.backward_into(x, winners, upstream, &gradients)?;
        Ok(gradients)
    }

    /// The gradients into tensors of the shapes and types that [`MaxoutAffine::backward`] gives them.
    ///
    /// ```no_run
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
            self.record_backward(recorder, x, winners, upstream, gradients)
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
            self.record_backward(recorder, x, winners, upstream, gradients)
        })?;
        let MaxoutGradients { dx, weight, bias } = gradients;
        self.expose(&[x, &winners.words, upstream, dx, weight]);
        bias.iter().for_each(Tensor::expose);
        Ok(())
    }

    fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        winners: &Winners,
        upstream: &Tensor,
        gradients: &MaxoutGradients,
    ) -> Result<()> {
        let sizes = self.sizes(x)?;
        self.expect_winners_of(x, winners, upstream, sizes)?;
        let MaxoutGradients { dx, weight, bias } = gradients;
        expect_result(("dx", dx), x.shape(), ("x", x))?;
        let mut results = vec![("dx", dx), ("the weight's gradient", weight)];
        let of_weight = ("weight", self.weight);
        expect_result(results[1], self.weight.shape(), of_weight)?;
        if let (Some(bias), Some(result)) = (self.bias, bias) {
            let result = ("the bias's gradient", result);
            expect_result(result, bias.shape(), ("bias", bias))?;
            results.push(result);
        }
        for (place, &result) in results.iter().enumerate() {
            let inputs = [("x", x), ("upstream", upstream), of_weight];
            for other in inputs.iter().chain(&results[..place]) {
                expect_apart(OP, *other, result, "a tensor of its own")?;
            }
        }
        let upstream_padded = padded(recorder, upstream, sizes.rows, sizes.outputs)?;
        let upstream = upstream_padded.as_ref().unwrap_or(upstream);
        self.x_gradient(recorder, dx, winners, upstream, sizes)?;
        let bias = bias.as_ref().filter(|_| self.bias.is_some());
        if upstream.is_empty() {
            for zeros in [Some(weight), bias].into_iter().flatten() {
                zeros.write(&vec![0.0f32; zeros.len()])?;
            }
            return Ok(());
        }
        let x_padded = padded(recorder, x, sizes.rows, sizes.inputs)?;
        let x = x_padded.as_ref().unwrap_or(x);
        let sums = self.sums_over_rows(recorder, x, winners, upstream, sizes)?;
        let (x_pitch, y_pitch) = (sizes.x_pitch(), sizes.y_pitch());
        let of_weight = Arrangement {
            shape: [sizes.pieces, sizes.inputs, sizes.outputs],
            there: [sizes.inputs, sizes.outputs],
            offset: 0,
            strides: [(x_pitch + 4) * y_pitch, y_pitch, 1],
        };
        let of_bias = Arrangement {
            shape: [1, sizes.pieces, sizes.outputs],
            there: [sizes.pieces, sizes.outputs],
            offset: x_pitch * y_pitch,
            strides: [0, (x_pitch + 4) * y_pitch, 1],
        };
        of_weight.encode(recorder.encoder, &sums, weight)?;
        if let Some(bias) = bias {
            of_bias.encode(recorder.encoder, &sums, bias)?;
        }
        let scratch = [upstream_padded, x_padded, Some(sums)]
            .into_iter()
            .flatten();
        scratch.for_each(|tensor| recorder.done_with(tensor));
        Ok(())
    }

    /// Keeps tensors that the caller's commands use, and the parameters, out of the pool.
    fn expose(&self, tensors: &[&Tensor]) {
        self.weight.expose();
        self.bias
            .iter()
            .chain(tensors)
            .for_each(|tensor| tensor.expose());
    }

    fn x_gradient(
        &self,
        recorder: &mut Recorder<'_>,
        dx: &Tensor,
        winners: &Winners,
        upstream: &Tensor,
        sizes: Sizes,
    ) -> Result<()> {
        if dx.is_empty() {
            return Ok(());
        }
        let weight = self.weight_transposed(recorder, sizes)?;
        let wide = wide_for(recorder, dx, sizes.rows, sizes.inputs)?;
        let tensors = [(1, &weight), (6, upstream)];
        let output = wide.as_ref().unwrap_or(dx);
        let threads = |rows: usize| rows * sizes.x_pitch() / 4;
        let (output, tensors) = (output, &tensors);
        self.record(
            recorder,
            &BACKWARD_X,
            sizes,
            winners,
            (output, tensors),
            threads,
        )?;
        if let Some(wide) = &wide {
            arrange::rows(recorder, OP, wide, sizes.x_pitch(), dx, sizes.inputs)?;
        }
        let scratch = [Some(weight), wide].into_iter().flatten();
        scratch.for_each(|tensor| recorder.done_with(tensor));
        Ok(())
    }

    /// The weights with rows of whole vectors, whole vectors of them for each piece; none where they
    /// are so already.
    fn weight_padded(&self, recorder: &mut Recorder<'_>, sizes: Sizes) -> Result<Option<Tensor>> {
        let (x_pitch, y_pitch) = (sizes.x_pitch(), sizes.y_pitch());
        if (x_pitch, y_pitch) == (sizes.inputs, sizes.outputs) {
            expect_fit("the weight", self.weight.bytes(), self.weight.gpu())?;
            return Ok(None);
        }
        let arrangement = Arrangement {
            shape: [sizes.pieces, x_pitch, y_pitch],
            there: [sizes.inputs, sizes.outputs],
            offset: 0,
            strides: [sizes.inputs * sizes.outputs, sizes.outputs, 1],
        };
        arranged(recorder, "the weight", self.weight, arrangement).map(Some)
    }

    /// The weights as [pieces, y_pitch, x_pitch].
    fn weight_transposed(&self, recorder: &mut Recorder<'_>, sizes: Sizes) -> Result<Tensor> {
        let arrangement = Arrangement {
            shape: [sizes.pieces, sizes.y_pitch(), sizes.x_pitch()],
            there: [sizes.outputs, sizes.inputs],
            offset: 0,
            strides: [sizes.inputs * sizes.outputs, 1, sizes.outputs],
        };
        arranged(recorder, "the weight", self.weight, arrangement)
    }

    /// The bias with rows of whole vectors, zeros where there is none.
    fn bias_padded(&self, recorder: &mut Recorder<'_>, sizes: Sizes) -> Result<Tensor> {
        let len = sizes.pieces * sizes.y_pitch();
        let Some(bias) = self.bias else {
            let gpu = self.weight.gpu();
            expect_fit("the bias", len as u64 * 4, gpu)?;
            return gpu.upload(&vec![0.0f32; len], [len]);
        };
        let arrangement = Arrangement {
            shape: [1, sizes.pieces, sizes.y_pitch()],
            there: [sizes.pieces, sizes.outputs],
            offset: 0,
            strides: [0, sizes.outputs, 1],
        };
        arranged(recorder, "the bias", bias, arrangement)
    }

    fn sizes(&self, x: &Tensor) -> Result<Sizes> {
        expect_one_device(self.weight, x)?;
        let weight = self.weight.shape();
        let (pieces, inputs, outputs) = (weight[0], weight[1], weight[2]);
        match x.shape() {
            [outer @ .., last] if *last == inputs => Ok(Sizes {
                rows: len_of(outer),
                pieces,
                inputs,
                outputs,
            }),
            shape => {
                let rule = "its last axis must be d of weight's [pieces, d, m]";
                Err(self.mismatch("x", shape, rule))
            }
        }
    }

    fn y_shape(&self, x: &Tensor) -> Vec<usize> {
        let mut shape = x.shape().to_vec();
        if let Some(last) = shape.last_mut() {
            *last = self.weight.shape()[2];
        }
        shape
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
        let y_shape = self.y_shape(x);
        if winners.shape != y_shape {
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

/// `tensor` with its rows of `columns` elements padded to whole vectors; none where they are so already.
fn padded(
    recorder: &mut Recorder<'_>,
    tensor: &Tensor,
    rows: usize,
    columns: usize,
) -> Result<Option<Tensor>> {
    if columns.is_multiple_of(4) {
        return Ok(None);
    }
    let pitch = columns.next_multiple_of(4);
    let to = recorder.allocate(tensor.gpu(), [rows, pitch], tensor.element())?;
    arrange::rows(recorder, OP, tensor, columns, &to, pitch)?;
    Ok(Some(to))
}

/// Memory for a result whose rows of `columns` elements are not whole vectors yet.
fn wide_for(
    recorder: &mut Recorder<'_>,
    result: &Tensor,
    rows: usize,
    columns: usize,
) -> Result<Option<Tensor>> {
    if columns.is_multiple_of(4) {
        return Ok(None);
    }
    let shape = [rows, columns.next_multiple_of(4)];
    recorder
        .allocate(result.gpu(), shape, result.element())
        .map(Some)
}

/// `from` laid out anew, both within a binding.
fn arranged(
    recorder: &mut Recorder<'_>,
    what: &str,
    from: &Tensor,
    arrangement: Arrangement,
) -> Result<Tensor> {
    let gpu = from.gpu();
    let len: usize = arrangement.shape.iter().product();
    expect_fit(what, from.bytes().max(len as u64 * 4), gpu)?;
    let to = recorder.allocate(gpu, [len], ElementType::F32)?;
    arrangement.encode(recorder.encoder, from, &to)?;
    Ok(to)
}

fn expect_fit(what: &str, bytes: u64, gpu: &Gpu) -> Result<()> {
    let limit = largest_window(gpu);
    if bytes <= limit {
        return Ok(());
    }
    Err(Error::TooLarge {
        what: format!("{OP}: {what}"),
        bytes,
        limit,
        advice: "split the outputs",
    })
}

fn expect_one_device(left: &Tensor, right: &Tensor) -> Result<()> {
    if left.gpu().same_device(right.gpu()) {
        return Ok(());
    }
    Err(Error::ForeignTensor { op: OP.to_owned() })
}

fn expect_f32(name: &'static str, tensor: &Tensor) -> Result<()> {
    if tensor.element() == ElementType::F32 {
        return Ok(());
    }
    Err(Error::ElementMismatch {
        op: OP.to_owned(),
        left: name,
        left_type: tensor.element().name(),
        right: "the kernel",
        right_type: ElementType::F32.name(),
    })
}
