//! Which commands maxout over affine maps takes: rows padded to whole vectors, then the dispatches.

use super::{
    MaxoutAffine,
    launch::{BACKWARD_X, FORWARD, Launcher, Operand},
};
use crate::{
    element::ElementType,
    error::{Error, Result},
    family::{
        Array,
        maxout::{OP, Origin, Winners},
    },
    gpu::Gpu,
    kernel::{
        arrange::{self, Arrangement},
        expect_apart, expect_shape, largest_window,
        launch::Pass,
        recorder::Recorder,
    },
    tensor::{Tensor, byte_len},
};

/// Lengths of all axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) rows: usize,
    pub(super) pieces: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

impl Sizes {
    /// Elements of a row of x, padded to whole vectors.
    pub(super) const fn x_pitch(self) -> usize {
        self.inputs.next_multiple_of(4)
    }

    /// Elements of a row of y, padded to whole vectors.
    pub(super) const fn y_pitch(self) -> usize {
        self.outputs.next_multiple_of(4)
    }

    /// Elements of all sums over rows: behind the inputs of each piece come four for its bias.
    pub(super) const fn sums(self) -> usize {
        self.pieces * (self.x_pitch() + 4) * self.y_pitch()
    }

    /// Lays out the gradients of weight and bias from the sums over rows.
    fn take_apart(
        self,
        recorder: &mut Recorder<'_>,
        sums: &Tensor,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
    ) -> Result<()> {
        let (x_pitch, y_pitch) = (self.x_pitch(), self.y_pitch());
        let of_weight = Arrangement {
            shape: [self.pieces, self.inputs, self.outputs],
            there: [self.inputs, self.outputs],
            offset: 0,
            strides: [(x_pitch + 4) * y_pitch, y_pitch, 1],
        };
        let of_bias = Arrangement {
            shape: [1, self.pieces, self.outputs],
            there: [self.pieces, self.outputs],
            offset: x_pitch * y_pitch,
            strides: [0, (x_pitch + 4) * y_pitch, 1],
        };
        for (arrangement, result) in [(of_weight, weight), (of_bias, bias)] {
            if let Some(result) = result {
                arrangement.encode(recorder.encoder, sums, result)?;
            }
        }
        Ok(())
    }
}

/// Where the gradients of x, weight and bias go; those of the parameters only where they are wanted.
type Results<'a> = (&'a Tensor, Option<&'a Tensor>, Option<&'a Tensor>);

impl MaxoutAffine {
    /// Records y.
    pub(super) fn record_y(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<Winners> {
        let (sizes, y_shape) = self.sizes(x.shape())?;
        Pass::Forward { x, y }.expect_fit(&OP, &y_shape, false)?;
        let of_maps = self.weight.on_device(recorder, x.gpu(), OP)?;
        let origin = Origin::Affine;
        let winners = Winners::allocate(recorder, y, origin, sizes.pieces, sizes.outputs)?;
        if y.is_empty() {
            return Ok(winners);
        }
        let weight = weight_padded(recorder, &of_maps, sizes)?;
        let bias = self.bias_padded(recorder, x.gpu(), sizes)?;
        let x_padded = padded(recorder, x, sizes.inputs)?;
        let wide = wide_for(recorder, y, sizes.outputs)?;
        let operands = [
            Operand::OfX(x_padded.as_ref().unwrap_or(x)),
            Operand::Whole(weight.as_ref().unwrap_or(&of_maps)),
            Operand::Whole(&bias),
            Operand::OfY(wide.as_ref().unwrap_or(y)),
            Operand::Winners,
        ];
        let launcher = Launcher {
            sizes,
            winners: &winners,
        };
        // A thread takes four rows of a vector.
        let threads = |rows: usize| rows.div_ceil(4) * sizes.y_pitch() / 4;
        launcher.over_rows(recorder, FORWARD, &operands, threads)?;
        if let Some(wide) = &wide {
            arrange::rows(recorder, OP, wide, sizes.y_pitch(), y, sizes.outputs)?;
        }
        let scratch = [weight, Some(bias), x_padded, wide].into_iter().flatten();
        scratch.for_each(|tensor| recorder.done_with(tensor));
        Ok(winners)
    }

    /// Records the gradients.
    pub(super) fn record_gradients(
        &self,
        recorder: &mut Recorder<'_>,
        x: &Tensor,
        winners: &Winners,
        upstream: &Tensor,
        (dx, weight, bias): Results<'_>,
    ) -> Result<()> {
        let (sizes, y_shape) = self.sizes(x.shape())?;
        let of_maps = self.weight.on_device(recorder, x.gpu(), OP)?;
        winners.expect(Origin::Affine, sizes.pieces, upstream)?;
        expect_shape(&OP, ("upstream", upstream), ("x's y", &y_shape), ("x", x))?;
        self.expect_results(x, upstream, &of_maps, (dx, weight, bias))?;
        let launcher = Launcher { sizes, winners };
        let upstream_padded = padded(recorder, upstream, sizes.outputs)?;
        let upstream = upstream_padded.as_ref().unwrap_or(upstream);
        x_gradient(recorder, launcher, dx, &of_maps, upstream)?;
        let bias = bias.filter(|_| self.bias.is_some());
        if upstream.is_empty() {
            for zeros in [weight, bias].into_iter().flatten() {
                let (at, size) = (zeros.offset(), zeros.bytes());
                recorder.encoder.clear_buffer(zeros.raw(), at, Some(size));
            }
            return Ok(());
        }
        let mut scratch = Vec::new();
        if weight.is_some() || bias.is_some() {
            let x_padded = padded(recorder, x, sizes.inputs)?;
            let x = x_padded.as_ref().unwrap_or(x);
            let sums = launcher.sums_over_rows(recorder, x, upstream)?;
            sizes.take_apart(recorder, &sums, weight, bias)?;
            scratch.extend([x_padded, Some(sums)]);
        }
        let scratch = scratch.into_iter().chain([upstream_padded]).flatten();
        scratch.for_each(|tensor| recorder.done_with(tensor));
        Ok(())
    }

    /// Whether the results have the shapes that follow, and memory of their own.
    fn expect_results(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        of_maps: &Tensor,
        (dx, weight, bias): Results<'_>,
    ) -> Result<()> {
        let of_weight = ("weight", of_maps);
        let weight = weight.map(|weight| ("the weight's gradient", weight));
        let bias = bias.map(|bias| ("the bias's gradient", bias));
        let bias_shape = self.bias.as_ref().map(Array::shape);
        let mut others = vec![("x", x), ("upstream", upstream), of_weight];
        for (result, shape, from) in [
            (Some(("dx", dx)), Some(x.shape()), ("x", x)),
            (weight, Some(self.weight.shape()), of_weight),
            (bias, bias_shape, of_weight),
        ] {
            if let (Some(result), Some(shape)) = (result, shape) {
                expect_shape(&OP, result, ("the result", shape), from)?;
                for other in &others {
                    expect_apart(&OP, *other, result, "a tensor of its own")?;
                }
                others.push(result);
            }
        }
        Ok(())
    }

    /// The bias with rows of whole vectors, zeros where there is none.
    fn bias_padded(&self, recorder: &mut Recorder<'_>, gpu: &Gpu, sizes: Sizes) -> Result<Tensor> {
        let Some(bias) = &self.bias else {
            let shape = [sizes.pieces, sizes.y_pitch()];
            expect_fit("the bias", byte_len(&shape, ElementType::F32)?, gpu)?;
            return gpu.filled(0.0, shape);
        };
        let arrangement = Arrangement {
            shape: [1, sizes.pieces, sizes.y_pitch()],
            there: [sizes.pieces, sizes.outputs],
            offset: 0,
            strides: [0, sizes.outputs, 1],
        };
        let bias = bias.on_device(recorder, gpu, OP)?;
        arranged(recorder, "the bias", &bias, arrangement)
    }
}

fn x_gradient(
    recorder: &mut Recorder<'_>,
    launcher: Launcher<'_>,
    dx: &Tensor,
    weight: &Tensor,
    upstream: &Tensor,
) -> Result<()> {
    if dx.is_empty() {
        return Ok(());
    }
    let sizes = launcher.sizes;
    // The weights as [pieces, y_pitch, x_pitch].
    let transposed = Arrangement {
        shape: [sizes.pieces, sizes.y_pitch(), sizes.x_pitch()],
        there: [sizes.outputs, sizes.inputs],
        offset: 0,
        strides: [sizes.inputs * sizes.outputs, 1, sizes.outputs],
    };
    let weight = arranged(recorder, "the weight", weight, transposed)?;
    let wide = wide_for(recorder, dx, sizes.inputs)?;
    let operands = [
        Operand::Whole(&weight),
        Operand::OfX(wide.as_ref().unwrap_or(dx)),
        Operand::Winners,
        Operand::OfY(upstream),
    ];
    let threads = |rows: usize| rows * sizes.x_pitch() / 4;
    launcher.over_rows(recorder, BACKWARD_X, &operands, threads)?;
    if let Some(wide) = &wide {
        arrange::rows(recorder, OP, wide, sizes.x_pitch(), dx, sizes.inputs)?;
    }
    let scratch = [Some(weight), wide].into_iter().flatten();
    scratch.for_each(|tensor| recorder.done_with(tensor));
    Ok(())
}

/// The weights with rows of whole vectors, whole vectors of them for each piece; none where they are so already.
fn weight_padded(
    recorder: &mut Recorder<'_>,
    weight: &Tensor,
    sizes: Sizes,
) -> Result<Option<Tensor>> {
    let (x_pitch, y_pitch) = (sizes.x_pitch(), sizes.y_pitch());
    if (x_pitch, y_pitch) == (sizes.inputs, sizes.outputs) {
        expect_fit("the weight", weight.bytes(), weight.gpu())?;
        return Ok(None);
    }
    let arrangement = Arrangement {
        shape: [sizes.pieces, x_pitch, y_pitch],
        there: [sizes.inputs, sizes.outputs],
        offset: 0,
        strides: [sizes.inputs * sizes.outputs, sizes.outputs, 1],
    };
    arranged(recorder, "the weight", weight, arrangement).map(Some)
}

/// `tensor` with its rows of `columns` elements padded to whole vectors; none where they are so already.
fn padded(recorder: &mut Recorder<'_>, tensor: &Tensor, columns: usize) -> Result<Option<Tensor>> {
    let wide = wide_for(recorder, tensor, columns)?;
    if let Some(wide) = &wide {
        let pitch = columns.next_multiple_of(4);
        arrange::rows(recorder, OP, tensor, columns, wide, pitch)?;
    }
    Ok(wide)
}

/// Memory for a tensor whose rows of `columns` elements are padded to whole vectors; none where they are so already.
fn wide_for(
    recorder: &mut Recorder<'_>,
    tensor: &Tensor,
    columns: usize,
) -> Result<Option<Tensor>> {
    if columns.is_multiple_of(4) {
        return Ok(None);
    }
    let shape = [tensor.len() / columns, columns.next_multiple_of(4)];
    let wide = recorder.allocate(tensor.gpu(), shape, tensor.element())?;
    Ok(Some(wide))
}

/// `from` laid out anew, both within a binding.
fn arranged(
    recorder: &mut Recorder<'_>,
    what: &str,
    from: &Tensor,
    arrangement: Arrangement,
) -> Result<Tensor> {
    let gpu = from.gpu();
    let bytes = byte_len(&arrangement.shape, ElementType::F32)?;
    expect_fit(what, from.bytes().max(bytes), gpu)?;
    let to = recorder.allocate(gpu, arrangement.shape, ElementType::F32)?;
    arrangement.encode(recorder.encoder, from, &to)?;
    Ok(to)
}

/// Whether one binding holds so many bytes.
pub(super) fn expect_fit(what: &str, bytes: u64, gpu: &Gpu) -> Result<()> {
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
