//! Gradients of an activation's parameter: for each channel the sum of df/dparameter upstream.

use super::{
    Window, dispatch, expect_alike, fold_over, largest_window,
    pointwise::{Channels, Pointwise},
};
use crate::{
    element::ElementType,
    error::{Error, Result},
    gpu::{Gpu, Kernel, PipelineKey},
    tensor::Tensor,
};

/// Rows that one thread sums; `ROWS` of the shader.
const ROWS: usize = 1024;

/// Place in the arguments of the flag that adds to what the sums hold.
const ACCUMULATE: usize = 6;

/// Columns that fill a device, where the tensor has enough elements.
const MANY_COLUMNS: usize = 16_384;

impl Pointwise<'_> {
    /// The gradient of the loss with respect to the parameter: f32, one value per channel, or one
    /// where a single parameter serves the whole tensor. `upstream` is the gradient with respect
    /// to y. The same tensors on the same adapter give the same bits.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownParameter`] if the activation has none, [`Error::TooLarge`] if channels x
    /// inner, the elements from one value of the outer axes to the next, exceed the device's
    /// largest binding, and as [`Pointwise::backward`].
    pub fn parameter_gradient(&self, x: &Tensor, upstream: &Tensor) -> Result<Tensor> {
        let op = self.activation.name();
        self.parameter_name()?;
        expect_alike(op, ("upstream", upstream), ("x", x))?;
        let view = self.channels_of(x)?.unwrap_or(Channels {
            channels: 1,
            inner: 1,
        });
        let gpu = x.gpu();
        if x.is_empty() {
            return gpu.upload(&vec![0.0f32; view.channels], [view.channels]);
        }
        let scalar = match self.activation.parameter() {
            Some(parameter) if self.channels.is_none() => Some(gpu.upload(&[parameter], [1])?),
            _ => None,
        };
        let parameters = match (&scalar, self.channels) {
            (Some(scalar), _) => scalar,
            (None, Some((parameters, _))) => parameters,
            (None, None) => {
                return Err(Error::UnknownParameter {
                    op,
                    name: String::new(),
                    known: None,
                });
            }
        };

        // Short outer rows are taken several at a time, so that there are columns for all threads.
        let row = view.channels * view.inner;
        let columns = row * (MANY_COLUMNS / row).clamp(1, x.len().div_ceil(row));
        let mut sums = self.sum_terms(x, upstream, parameters, view, columns)?;
        while sums.shape()[0] > 1 {
            let rows = sums.shape()[0];
            let fewer = gpu.allocate([rows.div_ceil(ROWS), columns], ElementType::F32)?;
            let arguments = arguments(0, view, columns, rows, 0);
            self.reduce(
                gpu,
                "columns_of_sums",
                &sums,
                &fewer,
                arguments,
                column_groups(columns, rows),
            )?;
            sums = fewer;
        }
        let result = gpu.allocate([view.channels], ElementType::F32)?;
        let arguments = arguments(0, view, columns, 1, 0);
        let groups = fold_over((view.channels as u64).div_ceil(64));
        self.reduce(gpu, "channels_of_sums", &sums, &result, arguments, groups)?;
        Ok(result)
    }

    /// The sums of `ROWS` rows of terms each, [splits, columns]; where the tensor takes several
    /// windows, those of the later ones on top of the first's.
    fn sum_terms(
        &self,
        x: &Tensor,
        upstream: &Tensor,
        parameters: &Tensor,
        view: Channels,
        columns: usize,
    ) -> Result<Tensor> {
        let gpu = x.gpu();
        let size = x.element().size();
        // A window holds whole groups of `ROWS` rows where they fit, else as many rows as do. One
        // alignment is spared, since a row may start anywhere.
        let row_bytes = columns as u64 * 4; // of sums, at least as many as of x
        let limit = largest_window(gpu) - 256;
        if row_bytes > limit {
            return Err(Error::TooLarge {
                what: format!("{}: one row of channels x inner", self.activation.name()),
                bytes: row_bytes,
                limit,
                advice: "split the tensor along its inner axes and add the gradients",
            });
        }
        let rows = x.len().div_ceil(columns);
        let fit = (limit / row_bytes) as usize;
        let step = if fit >= ROWS { fit / ROWS * ROWS } else { fit };
        let sums = gpu.allocate([step.min(rows).div_ceil(ROWS), columns], ElementType::F32)?;
        let pipeline = gpu.pipeline(&PipelineKey {
            kernel: Kernel::ParameterGradient,
            entry_point: "columns_of_terms",
            bindings: &[0, 1, 2, 3],
            activation: Some(self.activation.name()),
            element: x.element(),
            math: self.math,
            remainder: false,
        })?;
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for first in (0..rows).step_by(step) {
                let count = step.min(rows - first);
                let start = first as u64 * columns as u64 * size;
                let end = (start + count as u64 * columns as u64 * size).min(x.bytes());
                let aligned = start & !255;
                let window = Window {
                    start: aligned,
                    bytes: end - aligned,
                };
                let length = ((end - start) / size) as usize;
                let skip = ((start - aligned) / size) as usize;
                let mut arguments = arguments(length, view, columns, count, skip);
                arguments[ACCUMULATE] = u32::from(first > 0);
                let bindings = [
                    wgpu::BindGroupEntry {
                        binding: 0,
                        resource: window.binding(x),
                    },
                    wgpu::BindGroupEntry {
                        binding: 1,
                        resource: window.binding(upstream),
                    },
                    wgpu::BindGroupEntry {
                        binding: 2,
                        resource: Window::whole(&sums).binding(&sums),
                    },
                    wgpu::BindGroupEntry {
                        binding: 3,
                        resource: Window::whole(parameters).binding(parameters),
                    },
                ];
                dispatch(
                    gpu,
                    &mut pass,
                    &pipeline,
                    &bindings,
                    arguments,
                    column_groups(columns, count),
                );
            }
            Ok(())
        })?;
        Ok(sums)
    }

    fn reduce(
        &self,
        gpu: &Gpu,
        entry_point: &'static str,
        from: &Tensor,
        to: &Tensor,
        arguments: [u32; 8],
        groups: (u32, u32),
    ) -> Result<()> {
        let pipeline = gpu.pipeline(&PipelineKey {
            kernel: Kernel::ParameterGradient,
            entry_point,
            bindings: &[2, 4],
            activation: Some(self.activation.name()),
            element: ElementType::F32,
            math: self.math,
            remainder: false,
        })?;
        let bindings = [
            wgpu::BindGroupEntry {
                binding: 2,
                resource: Window::whole(to).binding(to),
            },
            wgpu::BindGroupEntry {
                binding: 4,
                resource: Window::whole(from).binding(from),
            },
        ];
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            dispatch(gpu, &mut pass, &pipeline, &bindings, arguments, groups);
            Ok(())
        })
        .map(|_| ())
    }
}

fn arguments(length: usize, view: Channels, columns: usize, rows: usize, skip: usize) -> [u32; 8] {
    [length, view.channels, view.inner, columns, rows, skip, 0, 0].map(|word| word as u32)
}

fn column_groups(columns: usize, rows: usize) -> (u32, u32) {
    fold_over((columns.div_ceil(64) * rows.div_ceil(ROWS)) as u64)
}
