//! Runs operations on a device over inputs that find errors, and compares with the reference.

mod compare;
mod estimate;
mod excerpt;
mod known;
#[cfg(not(target_arch = "wasm32"))]
mod random;
mod streamed;
mod whole;

use rayon::prelude::*;

pub use crate::family::Pass;
#[cfg(not(target_arch = "wasm32"))]
pub use random::RandomCase;
pub use streamed::{Share, Verifier};
pub use whole::{Reference, reference, reference_memory};

#[cfg(not(target_arch = "wasm32"))]
use crate::{accuracy::Tolerance, activation::Activation, family::Operation};
use crate::{
    accuracy::{Expectation, Report},
    chain::{BackwardOptions, Chain, Layout, Output, RecordedGradients},
    cpu::{Slice, SliceMut, expect_threads},
    device::Device,
    element::{Element, ElementType},
    error::Result,
    family::{Case, Family},
    gpu::Gpu,
    kernel::recorder,
    offload::{Chunk, HostGradient, Received, Task, surveys},
    tensor::Tensor,
    wgsl::Math,
    with_element,
};
use excerpt::TASK;

/// Inputs per step of an exhaustive check.
#[cfg(not(target_arch = "wasm32"))]
const STEP: u64 = 1 << 22;

/// Runs the cases of `family` on a device, forward or backward, and compares every element.
///
/// ```
/// # wgpu_activations::needs_adapter!();
/// use wgpu_activations::{ElementType, Gpu, Math, check::{self, Pass}, family};
///
/// let gpu = Gpu::new()?;
/// let softmax = family::find("softmax")?;
/// let report = check::check(&gpu, softmax, Pass::Forward, ElementType::F16, Math::Accurate)?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// What the device reports; a wrong result is not an error but a [`Report`] that did not pass.
#[cfg(not(target_arch = "wasm32"))]
pub fn check(
    device: impl Into<Device>,
    family: &dyn Family,
    pass: Pass,
    element: ElementType,
    math: Math,
) -> Result<Report> {
    pollster::block_on(check_async(device, family, pass, element, math))
}

/// [`check`] for asynchronous callers.
///
/// # Errors
///
/// As [`check`].
pub async fn check_async(
    device: impl Into<Device>,
    family: &dyn Family,
    pass: Pass,
    element: ElementType,
    math: Math,
) -> Result<Report> {
    let device = device.into();
    let mut report = Report::default();
    for case in family.cases(element) {
        report = report.merge(check_case_async(&device, &case, pass, element, math).await?);
    }
    Ok(report)
}

/// Runs `operation`, with parameters of its own, over the inputs of the cases of its family, where it takes their
/// shapes: see [`check`].
///
/// # Errors
///
/// As [`check`]. Where it takes none of the shapes nothing is compared, and the [`Report`] did not pass.
#[cfg(not(target_arch = "wasm32"))]
pub fn check_operation(
    device: impl Into<Device>,
    operation: &dyn Operation,
    family: &dyn Family,
    pass: Pass,
    element: ElementType,
    math: Math,
) -> Result<Report> {
    let device = device.into();
    let mut report = Report::default();
    for case in family.cases(element) {
        let takes = case.inputs.len() == operation.inputs();
        if takes && operation.output_shape(&case.shape).is_ok() {
            let operation = operation.boxed();
            let case = Case { operation, ..case };
            report = report.merge(check_case(&device, &case, pass, element, math)?);
        }
    }
    Ok(report)
}

/// Runs one case: see [`check`].
///
/// # Errors
///
/// As [`check`].
#[cfg(not(target_arch = "wasm32"))]
pub fn check_case(
    device: impl Into<Device>,
    case: &Case,
    pass: Pass,
    element: ElementType,
    math: Math,
) -> Result<Report> {
    pollster::block_on(check_case_async(device, case, pass, element, math))
}

/// [`check_case`] for asynchronous callers.
///
/// # Errors
///
/// As [`check`].
pub async fn check_case_async(
    device: impl Into<Device>,
    case: &Case,
    pass: Pass,
    element: ElementType,
    math: Math,
) -> Result<Report> {
    let chain = Chain::new(case.operation.boxed()).math(math);
    with_element!(element, T => run::<T>(&device.into(), &chain, case, pass).await)
}

async fn run<T: Element>(
    device: &Device,
    chain: &Chain,
    case: &Case,
    pass: Pass,
) -> Result<Report> {
    let stored = |x: Vec<f64>| x.into_iter().map(T::from_f64);
    let inputs = case.inputs.iter().cloned().map(|x| stored(x).collect());
    let upstream = match pass {
        Pass::Forward => None,
        Pass::Backward => {
            let result = chain.result_shape(&case.shape)?;
            let upstream = stored((case.upstream)(result.iter().product()));
            // 1 for what the type does not hold.
            let finite = |g: T| {
                if g.to_f32().is_finite() {
                    g
                } else {
                    T::from_f64(1.0)
                }
            };
            Some(upstream.map(finite).collect())
        }
    };
    check_chain_async(device, chain, &case.shape, inputs.collect(), upstream).await
}

/// Runs `chain` on a device over `inputs` of `shape`, backward where there is `upstream`, and compares every element,
/// and every gradient of a parameter.
///
/// ```
/// use wgpu_activations::{Chain, Gpu, check};
///
/// let chain: Chain = "elu(alpha=0.5) | softmax".parse()?;
/// let x = vec![-1.0f32, 0.0, 1.0, 2.0];
/// let report = check::check_chain(&Gpu::new()?, &chain, &[2, 2], vec![x.clone()], Some(x))?;
/// assert!(report.passed(), "{report}");
/// assert_eq!(report.compared, 5); // dx, and the gradient of alpha
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// As [`check`], and where chain and shape do not go together.
#[cfg(not(target_arch = "wasm32"))]
pub fn check_chain<T: Element>(
    device: impl Into<Device>,
    chain: &Chain,
    shape: &[usize],
    inputs: Vec<Vec<T>>,
    upstream: Option<Vec<T>>,
) -> Result<Report> {
    pollster::block_on(check_chain_async(device, chain, shape, inputs, upstream))
}

/// [`check_chain`] for asynchronous callers.
///
/// # Errors
///
/// As [`check_chain`].
pub async fn check_chain_async<T: Element>(
    device: impl Into<Device>,
    chain: &Chain,
    shape: &[usize],
    mut inputs: Vec<Vec<T>>,
    upstream: Option<Vec<T>>,
) -> Result<Report> {
    let pass = match upstream {
        None => Pass::Forward,
        Some(_) => Pass::Backward,
    };
    let found = match device.into() {
        Device::Gpu(gpu) => on_gpu(&gpu, chain, shape, &inputs, upstream.as_deref()).await?,
        Device::Cpu(cpu) => cpu.run(|| on_cpu(chain, shape, &inputs, upstream.as_deref()))?,
    };
    inputs.extend(upstream);
    verify(chain, shape, pass, &inputs, found, Share::All)
}

async fn on_gpu<T: Element>(
    gpu: &Gpu,
    chain: &Chain,
    shape: &[usize],
    inputs: &[Vec<T>],
    upstream: Option<&[T]>,
) -> Result<DeviceResult<T>> {
    let upload = |x: &Vec<T>| gpu.upload(x, shape);
    let x = inputs.iter().map(upload).collect::<Result<Vec<_>>>()?;
    let x: Vec<&Tensor> = x.iter().collect();
    let Some(upstream) = upstream else {
        let (y, saved) = recorder::submit(gpu, |recorder| {
            chain.record_forward(recorder, &x, Output::New)
        })?;
        return Ok(DeviceResult {
            outputs: vec![y.fetch::<T>().await?],
            indices: saved.fetch_indices().await?,
            gradients: None,
        });
    };
    let upstream = gpu.upload(upstream, chain.result_shape(shape)?)?;
    let wanted = BackwardOptions {
        parameters: true,
        ..BackwardOptions::default()
    };
    let RecordedGradients {
        dx,
        parameters,
        saved,
    } = recorder::submit(gpu, |recorder| {
        chain.record_backward(recorder, &x, &upstream, wanted)
    })?;
    let mut outputs = Vec::new();
    for dx in &dx {
        outputs.push(dx.fetch::<T>().await?);
    }
    Ok(DeviceResult {
        outputs,
        indices: saved.fetch_indices().await?,
        gradients: Some(downloaded(&chain.layout(shape)?, &parameters).await?),
    })
}

fn on_cpu<T: Element>(
    chain: &Chain,
    shape: &[usize],
    inputs: &[Vec<T>],
    upstream: Option<&[T]>,
) -> Result<DeviceResult<T>> {
    let x: Vec<_> = inputs.iter().map(|x| Slice::of(x)).collect();
    let layout = chain.layout(shape)?;
    let Some(upstream) = upstream else {
        let mut output = vec![T::zeroed(); layout.result.elements()];
        let saved = chain.compute_forward(shape, &x, SliceMut::of(&mut output))?;
        return Ok(DeviceResult {
            outputs: vec![output],
            indices: saved.indices()?,
            gradients: None,
        });
    };
    let mut outputs = vec![vec![T::zeroed(); layout.view.elements()]; chain.inputs()];
    let into = outputs.iter_mut().map(|dx| SliceMut::of(dx)).collect();
    let computed = chain.compute_backward(shape, &x, Slice::of(upstream), into, true)?;
    Ok(DeviceResult {
        outputs,
        indices: computed.saved.indices()?,
        gradients: Some(HostGradient::all(&layout, computed.parameters)),
    })
}

/// What came of a pass, on the host.
pub(crate) struct DeviceResult<T> {
    /// y, or the gradients with respect to the inputs.
    pub(crate) outputs: Vec<Vec<T>>,
    pub(crate) indices: Option<Vec<u32>>,
    /// Gradients of all parameters, where they were asked for.
    pub(crate) gradients: Option<Vec<HostGradient>>,
}

/// Gradients of parameters on the host.
pub(crate) async fn downloaded(
    layout: &Layout,
    parameters: &[Vec<Tensor>],
) -> Result<Vec<HostGradient>> {
    let mut gradients = Vec::new();
    for (step, (of_step, values)) in layout.gradients.iter().zip(parameters).enumerate() {
        for (gradient, value) in of_step.iter().zip(values) {
            gradients.push(HostGradient::new(step, gradient, value.fetch().await?));
        }
    }
    Ok(gradients)
}

/// Compares what a pass over a whole tensor gave: the inputs are those of the chain, and upstream behind them in a
/// backward pass.
pub(crate) fn verify<T: Element>(
    chain: &Chain,
    shape: &[usize],
    pass: Pass,
    inputs: &[Vec<T>],
    found: DeviceResult<T>,
    share: Share,
) -> Result<Report> {
    expect_threads()?;
    let backward = pass == Pass::Backward;
    let layout = chain.layout(shape)?;
    let mut verifier = Verifier::new(chain, layout.clone(), T::TYPE, share);
    if backward {
        verifier = verifier.of_gradients(found.gradients.is_some());
    }
    let inputs = inputs.iter();
    let inputs: Vec<&[u8]> = inputs.map(|x| bytemuck::cast_slice(x)).collect();
    let chunk = Chunk::whole(layout.view);
    if chunk.is_empty() && layout.result.elements() == 0 {
        return Ok(Report::default());
    }
    let mut received = Received {
        inputs: &inputs,
        outputs: &[],
        beside: Vec::new(),
        indices: None,
    };
    for task in surveys(chain, &layout, std::slice::from_ref(&chunk), backward) {
        let count = inputs.len() - usize::from(backward && !task.needs_upstream(backward));
        received.inputs = &inputs[..count];
        verifier.take(task, &chunk, &received);
    }
    let outputs: Vec<&[u8]> = found
        .outputs
        .iter()
        .map(|y| bytemuck::cast_slice(y))
        .collect();
    received = Received {
        inputs: &inputs,
        outputs: &outputs,
        indices: found.indices,
        ..received
    };
    verifier.take(Task::Result, &chunk, &received);
    Ok(verifier.report(&[], &found.gradients.unwrap_or_default()))
}

/// Compares every element of `found`, on all processors.
///
/// # Errors
///
/// As [`Expectation::check`].
pub fn compare<T: Element>(expectation: &Expectation<'_, T>, found: &[T]) -> Result<Report> {
    expect_threads()?;
    let len = expectation.x.len();
    (0..len.div_ceil(TASK))
        .into_par_iter()
        .map(|task| expectation.check_at(found, task * TASK..len.min((task + 1) * TASK)))
        .try_reduce(Report::default, |a, b| Ok(a.merge(b)))
}

/// Runs y = f(x) for all 2^32 f32 inputs on each of `devices`, and calls `progress` with the number
/// of inputs done. The reports come in the order of `devices`.
///
/// ```no_run
/// use wgpu_activations::{Activation, Device, Gpu, Math, check};
///
/// let devices = [Device::from(&Gpu::new()?)];
/// let told = |done: u64| eprintln!("{:.0} %", 100.0 * done as f64 / f64::powi(2.0, 32));
/// for report in check::exhaustive(&devices, Activation::TANH, Math::Accurate, told)? {
///     assert!(report.passed(), "{report}");
/// }
/// # Ok::<(), wgpu_activations::Error>(())
/// ```
///
/// # Errors
///
/// What a device reports.
#[cfg(not(target_arch = "wasm32"))]
pub fn exhaustive(
    devices: &[Device],
    activation: Activation,
    math: Math,
    progress: impl Fn(u64),
) -> Result<Vec<Report>> {
    expect_threads()?;
    let chain = Chain::from(activation).math(math);
    let tolerance = Tolerance::forward(activation, ElementType::F32, math);
    let mut reports = vec![Report::default(); devices.len()];
    let mut x = vec![0.0f32; STEP as usize];
    let mut expected = vec![0.0f64; STEP as usize];
    let mut found = vec![0.0f32; STEP as usize];
    for start in (0..1u64 << 32).step_by(STEP as usize) {
        let inputs = x
            .par_iter_mut()
            .zip(&mut expected)
            .enumerate()
            .with_min_len(TASK);
        inputs.for_each(|(index, (x, expected))| {
            *x = f32::from_bits((start + index as u64) as u32);
            *expected = activation.value(f64::from(*x));
        });
        let expectation = Expectation {
            activation,
            channels: None,
            x: &x,
            upstream: None,
            tolerance,
        };
        for (device, report) in devices.iter().zip(&mut reports) {
            match device {
                Device::Gpu(gpu) => {
                    let tensor = gpu.upload(&x, [x.len()])?;
                    chain.forward_in_place(&tensor)?;
                    tensor.download_into(&mut found)?;
                }
                Device::Cpu(cpu) => cpu.forward(&chain, &[x.len()], &x, &mut found)?,
            }
            let step = found
                .par_iter()
                .zip(&expected)
                .enumerate()
                .with_min_len(TASK)
                .fold(
                    Report::default,
                    |mut report, (index, (&found, &expected))| {
                        // Most results are exact or the nearest f32: no worse than any seen so far.
                        let worst = report.worst.map_or(-1.0, |worst| worst.ulp);
                        let exact = f64::from(found) == expected && worst >= 0.0;
                        let nearest =
                            found.to_bits() == (expected as f32).to_bits() && worst >= 0.5;
                        if exact || nearest {
                            report.compared += 1;
                        } else {
                            report.add(expectation.sample(index, found, expected));
                        }
                        report
                    },
                )
                .reduce(Report::default, Report::merge);
            *report = std::mem::take(report).merge(step);
        }
        progress(start + STEP);
    }
    Ok(reports)
}
