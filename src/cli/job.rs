//! One pass of an activation over an array on the host: what `run` and `grad` do.

use std::path::Path;

use rayon::prelude::*;

use super::{
    Result,
    device::Device,
    flags::{Flags, Verify},
    text,
};
use crate::{
    accuracy::{Expectation, Report, Tolerance},
    activation::Activation,
    check,
    element::Element,
    error::Error,
    io::npy::{Array, Float, Order},
    ops::pointwise::Pointwise,
    wgsl::Math,
};

/// Elements that `--verify sample` compares.
const SAMPLE: usize = 1 << 16;

/// What to compute.
pub(super) struct Job {
    pub(super) activation: Activation,
    /// Parameters, one per channel, and the channel axis in `shape`.
    pub(super) channels: Option<(Vec<f32>, usize)>,
    /// The array's shape, the axis that varies fastest last.
    pub(super) shape: Vec<usize>,
    pub(super) math: Math,
    pub(super) verify: Verify,
}

/// Says so where an input is computed in another type.
pub(super) fn note_conversion(path: &Path, array: &Array) {
    if array.dtype.float == Float::F64 {
        text::note(&format!(
            "{}: float64 is computed as float32",
            path.display()
        ));
    }
}

/// "verified 1024 of 4096 elements, worst 0.50 ULP".
pub(super) fn verified(report: Option<&Report>, len: usize) -> String {
    report.map_or("not verified".to_owned(), |report| {
        let worst = report.worst.map_or(0.0, |worst| worst.ulp);
        format!(
            "verified {} of {len} elements, worst {} ULP",
            report.compared,
            text::ulp(worst)
        )
    })
}

impl Job {
    /// The job that `op` and `flags` ask for on `array`.
    pub(super) fn new(op: &str, flags: &Flags, array: &Array) -> Result<Self> {
        let (activation, per_channel) = flags.activation(op)?;
        let mut shape = array.shape.clone();
        let mut channels = None;
        if let Some(values) = per_channel {
            let axis = place(flags.axis.unwrap_or(-1), &shape)?;
            if values.len() != shape[axis] {
                return Err(Error::ChannelMismatch {
                    op: activation.name(),
                    parameter: activation
                        .definition()
                        .parameter
                        .as_ref()
                        .map_or("", |parameter| parameter.name),
                    found: values.len(),
                    channels: shape[axis],
                    axis,
                    shape,
                }
                .into());
            }
            channels = Some((values, axis));
        }
        if array.order == Order::Fortran {
            shape.reverse();
            channels = channels.map(|(values, axis)| (values, shape.len() - 1 - axis));
        }
        Ok(Self {
            activation,
            channels,
            shape,
            math: flags.math(),
            verify: flags.verify,
        })
    }

    /// The activation with its parameter: `elu(alpha=0.5)`, `elu(alpha per channel)`.
    pub(super) fn op(&self) -> String {
        match (&self.channels, &self.activation.definition().parameter) {
            (Some(_), Some(parameter)) => {
                format!("{}({} per channel)", self.activation.name(), parameter.name)
            }
            _ => self.activation.to_string(),
        }
    }

    /// y = f(x), or dx = f'(x) upstream, compared with the reference as far as asked for.
    pub(super) fn run<T: Element>(
        &self,
        device: &Device,
        x: &[T],
        upstream: Option<&[T]>,
    ) -> Result<(Vec<T>, Option<Report>)> {
        let expectation = self.expectation(x, upstream);
        let found = match device {
            Device::Cpu => (0..x.len())
                .into_par_iter()
                .map(|index| T::from_f64(expectation.expected(index)))
                .collect(),
            Device::Gpu(gpu) => {
                let x = gpu.upload(x, &self.shape[..])?;
                let upstream = upstream
                    .map(|upstream| gpu.upload(upstream, &self.shape[..]))
                    .transpose()?;
                self.with_op(device, |op| match &upstream {
                    None => op.forward_in_place(&x).and_then(|()| x.download()),
                    Some(upstream) => op
                        .backward_in_place(&x, upstream)
                        .and_then(|()| upstream.download()),
                })?
            }
        };
        let report = match self.verify {
            Verify::None => return Ok((found, None)),
            Verify::Full => check::compare(&expectation, &found)?,
            // Spread evenly, the last element among them.
            Verify::Sample => {
                let count = found.len().min(SAMPLE);
                expectation.check_at(
                    &found,
                    (0..count).map(|index| (index + 1) * found.len() / count - 1),
                )?
            }
        };
        if report.passed() {
            return Ok((found, Some(report)));
        }
        Err(self.wrong(report.to_string()))
    }

    /// The gradient with respect to the parameter, one value per channel or one in all; compared
    /// with the reference unless nothing is to be.
    pub(super) fn parameter_gradient<T: Element>(
        &self,
        device: &Device,
        x: &[T],
        upstream: &[T],
    ) -> Result<Vec<f32>> {
        let Device::Gpu(gpu) = device else {
            let sums = self.reference_sums(x, upstream);
            return Ok(sums.iter().map(|(sum, _)| *sum as f32).collect());
        };
        let device_x = gpu.upload(x, &self.shape[..])?;
        let device_upstream = gpu.upload(upstream, &self.shape[..])?;
        let found: Vec<f32> = self.with_op(device, |op| {
            op.parameter_gradient(&device_x, &device_upstream)?
                .download()
        })?;
        if self.verify == Verify::None {
            return Ok(found);
        }
        let sums = self.reference_sums(x, upstream);
        for (channel, (&found, (expected, magnitude))) in found.iter().zip(&sums).enumerate() {
            let allowed = self.gradient_tolerance() * magnitude + f64::from(f32::MIN_POSITIVE);
            let close = (f64::from(found) - expected).abs() <= allowed;
            // Sums beyond f32, and those with a NaN among their terms.
            let no_number = !(*expected as f32).is_finite() && !found.is_finite();
            if !close && !no_number {
                return Err(self.wrong(format!(
                    "gradient of channel {channel} is {found:e}, expected {expected:e}"
                )));
            }
        }
        Ok(found)
    }

    /// Shape of the parameter's gradient.
    pub(super) fn parameter_shape(&self) -> Vec<usize> {
        self.channels
            .iter()
            .map(|(values, _)| values.len())
            .collect()
    }

    /// Error of a parameter's gradient relative to the sum of its terms' magnitudes.
    fn gradient_tolerance(&self) -> f64 {
        match self.math {
            Math::Accurate => 1e-6,
            Math::Native => 1e-4,
        }
    }

    /// Sum and sum of magnitudes per channel, in f64.
    fn reference_sums<T: Element>(&self, x: &[T], upstream: &[T]) -> Vec<(f64, f64)> {
        let inner = self
            .channels
            .as_ref()
            .map_or(1, |(_, axis)| self.inner(*axis));
        let count = self.channels.as_ref().map_or(1, |(values, _)| values.len());
        let channel = |index: usize| index / inner % count.max(1);
        let parameter = &self.activation.definition().parameter;
        let term = |index: usize| {
            let value = match &self.channels {
                Some((values, _)) => values[channel(index)],
                None => self.activation.parameter().unwrap_or(0.0),
            };
            let slope = parameter.as_ref().map_or(0.0, |parameter| {
                (parameter.slope)(f64::from(x[index].to_f32()), f64::from(value))
            });
            slope * f64::from(upstream[index].to_f32())
        };
        let add = |mut sums: Vec<(f64, f64)>, index: usize| {
            let term = term(index);
            let (sum, magnitude) = &mut sums[channel(index)];
            *sum += term;
            *magnitude += term.abs();
            sums
        };
        let merge = |mut a: Vec<(f64, f64)>, b: Vec<(f64, f64)>| {
            for (a, b) in a.iter_mut().zip(b) {
                *a = (a.0 + b.0, a.1 + b.1);
            }
            a
        };
        (0..x.len())
            .into_par_iter()
            .with_min_len(x.len().div_ceil(rayon::current_num_threads()).max(1))
            .fold(|| vec![(0.0, 0.0); count], add)
            .reduce(|| vec![(0.0, 0.0); count], merge)
    }

    fn expectation<'a, T>(&'a self, x: &'a [T], upstream: Option<&'a [T]>) -> Expectation<'a, T>
    where
        T: Element,
    {
        Expectation {
            activation: self.activation,
            channels: self
                .channels
                .as_ref()
                .map(|(values, axis)| (&values[..], self.inner(*axis))),
            x,
            upstream,
            tolerance: match upstream {
                None => Tolerance::forward(T::TYPE, self.math),
                Some(_) => Tolerance::backward(self.activation, T::TYPE, self.math),
            },
        }
    }

    /// Calls `work` with the activation and its parameters on the device.
    fn with_op<R>(
        &self,
        device: &Device,
        work: impl FnOnce(Pointwise<'_>) -> crate::Result<R>,
    ) -> Result<R> {
        let op = Pointwise::new(self.activation).math(self.math);
        let (Device::Gpu(gpu), Some((values, axis))) = (device, &self.channels) else {
            return Ok(work(op)?);
        };
        let parameters = gpu.upload(values, [values.len()])?;
        Ok(work(op.per_channel(&parameters, *axis as i64)?)?)
    }

    /// Elements from one channel to the next.
    fn inner(&self, axis: usize) -> usize {
        self.shape[axis + 1..].iter().product()
    }

    fn wrong(&self, report: String) -> super::Failure {
        Error::Verification {
            op: self.op(),
            report,
        }
        .into()
    }
}

/// The position of `axis` in `shape`; it counts from the end where negative.
fn place(axis: i64, shape: &[usize]) -> Result<usize> {
    let rank = shape.len() as i64;
    let place = if axis < 0 { axis + rank } else { axis };
    if (0..rank).contains(&place) {
        return Ok(place as usize);
    }
    Err(Error::AxisOutOfRange {
        axis,
        shape: shape.to_vec(),
    }
    .into())
}
