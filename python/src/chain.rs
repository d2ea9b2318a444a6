//! Operations one after another, on arrays and on tensors.

use std::{collections::HashMap, sync::atomic::AtomicBool};

use numpy::{PyArray1, PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArrayMethods};
use pyo3::{exceptions::PyTypeError, prelude::*};
use wgpu_activations::{
    Array, ElementType, Error, Math, Offload, Result,
    accuracy::bound::Bound as Bound64,
    check::reference,
    io::{Sink, Source, count},
    offload::{Backward, HostGradient, Progress, Purpose, Request, Summary},
};

use crate::{
    array::{Input, Output, element},
    device::Device,
    error::raised,
    job::interruptible,
    tensor::Tensor,
};

/// Operations one after another, as the text of a chain has them: `bias(b=@b) | gelu`.
#[pyclass(frozen, module = "wgpu_activations._native")]
pub(crate) struct Chain(wgpu_activations::Chain);

/// Numbers that an operation gives beside its result: its place in the chain, their name and shape, and they.
type Named<'py> = (usize, &'static str, Vec<usize>, Bound<'py, PyArray1<f32>>);

/// What is given beside a result, before Python sees it.
pub(crate) struct Beside(usize, &'static str, Vec<usize>, Vec<f32>);

impl Beside {
    fn of_summary(summary: Summary) -> Vec<Self> {
        let extras = summary.extras.into_iter();
        extras
            .map(|(step, it)| Self(step, it.name, it.shape, it.values))
            .collect()
    }

    fn of_gradients(gradients: Vec<HostGradient>) -> Vec<Self> {
        let gradients = gradients.into_iter();
        gradients
            .map(|it| Self(it.step, it.name, it.shape, it.values))
            .collect()
    }

    fn named(py: Python<'_>, all: Vec<Self>) -> Vec<Named<'_>> {
        let all = all.into_iter();
        all.map(|Self(step, name, shape, values)| {
            (step, name, shape, PyArray1::from_vec(py, values))
        })
        .collect()
    }
}

impl Chain {
    pub(crate) const fn get(&self) -> &wgpu_activations::Chain {
        &self.0
    }

    /// Over arrays of this shape, which nobody watches.
    const fn job<'a>(
        &'a self,
        shape: &'a [usize],
        element: ElementType,
        memory: Option<u64>,
    ) -> Job<'a> {
        Job {
            chain: &self.0,
            shape,
            element,
            memory,
            progress: None,
        }
    }
}

#[pymethods]
impl Chain {
    /// What `text` says; `@name` is the array of that name.
    #[new]
    #[pyo3(signature = (text, arrays, native=false))]
    fn new(
        text: &str,
        arrays: HashMap<String, PyReadonlyArrayDyn<'_, f32>>,
        native: bool,
    ) -> PyResult<Self> {
        let resolve = |name: &str| {
            let array = arrays.get(name).ok_or_else(|| Error::Syntax {
                text: format!("@{name}"),
                reason: format!("there is no array {name}: give it by its name, {name}=..."),
            })?;
            let values = array
                .as_slice()
                .map_err(|_| Error::Internal(format!("{name} has gaps")))?;
            Array::new(values, array.shape())
        };
        let chain = wgpu_activations::Chain::parse(text, &resolve).map_err(raised)?;
        Ok(Self(match native {
            true => chain.math(Math::Native),
            false => chain,
        }))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    /// How many arrays it takes.
    #[getter]
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    /// Whether axes may be taken the other way round, the operations' own with them.
    #[getter]
    fn takes_any_order(&self) -> bool {
        self.0.steps().iter().all(|step| step.takes_any_order())
    }

    /// The same for an array whose axes are taken the other way round.
    fn with_axes_reversed(&self, rank: usize) -> Self {
        Self(self.0.clone().with_axes_reversed(rank))
    }

    fn result_shape(&self, shape: Vec<usize>) -> PyResult<Vec<usize>> {
        self.0.result_shape(&shape).map_err(raised)
    }

    /// y = chain(inputs), and what operations give beside it. Where y is the input it is done in place.
    #[pyo3(signature = (device, inputs, y, element_name, memory=None))]
    fn forward<'py>(
        &self,
        device: &Device,
        inputs: Vec<Bound<'py, PyAny>>,
        y: &Bound<'py, PyAny>,
        element_name: &str,
        memory: Option<u64>,
    ) -> PyResult<Vec<Named<'py>>> {
        let py = y.py();
        let element = element(element_name)?;
        let mut output = None;
        let in_place = matches!(&inputs[..], [x] if x.is(y));
        let arrays = match in_place {
            true => Vec::new(),
            false => Input::all(&inputs, element)?,
        };
        let sink = output.insert(Output::new(y, element)?);
        let shape = match arrays.first() {
            Some(array) => array.shape().to_vec(),
            None => sink.shape().to_vec(),
        };
        let sink = sink.sink(device.is_cpu())?;
        let sources = arrays.iter().map(Input::source);
        let sources = sources.collect::<PyResult<Vec<_>>>()?;
        let mut sources: Vec<&dyn Source> = sources.iter().map(|it| &**it).collect();
        if in_place {
            sources.push(&sink);
        }
        let job = self.job(&shape, element, memory);
        let bytes = job.bytes();
        let request = Request {
            sources,
            ..Request::new(&sink, &sink)
        };
        let done = interruptible(py, bytes, |cancel| job.forward(device, &request, cancel))?;
        Ok(Beside::named(py, device.after(done)?))
    }

    /// The gradients with respect to each input into `dx`, and those of the parameters.
    #[pyo3(signature = (device, inputs, upstream, dx, element_name, memory=None))]
    fn backward<'py>(
        &self,
        device: &Device,
        inputs: Vec<Bound<'py, PyAny>>,
        upstream: &Bound<'py, PyAny>,
        dx: Vec<Bound<'py, PyAny>>,
        element_name: &str,
        memory: Option<u64>,
    ) -> PyResult<Vec<Named<'py>>> {
        let py = upstream.py();
        let element = element(element_name)?;
        let arrays = Input::all(&inputs, element)?;
        let upstream = Input::new(upstream, element)?;
        let outputs = dx.iter().map(|dx| Output::new(dx, element));
        let mut outputs = outputs.collect::<PyResult<Vec<_>>>()?;
        let Some(first) = arrays.first() else {
            return Err(PyTypeError::new_err("an input is missing"));
        };
        let shape = first.shape().to_vec();
        let sinks = outputs
            .iter_mut()
            .map(|output| output.sink(device.is_cpu()))
            .collect::<PyResult<Vec<_>>>()?;
        let sources = arrays.iter().map(Input::source);
        let sources = sources.collect::<PyResult<Vec<_>>>()?;
        let upstream = upstream.source()?;
        let job = self.job(&shape, element, memory);
        let bytes = job.bytes();
        let request = Request {
            sources: sources.iter().map(|it| &**it).collect(),
            upstream: Some(&*upstream),
            sinks: sinks.iter().map(|sink| sink as &dyn Sink).collect(),
            indices: None,
            observer: None,
        };
        let done = interruptible(py, bytes, |cancel| job.backward(device, &request, cancel))?;
        Ok(Beside::named(py, device.after(done)?))
    }

    /// y = chain(inputs) in float64, by the reference, on the CPU.
    fn forward_f64<'py>(
        &self,
        inputs: Vec<PyReadonlyArrayDyn<'py, f64>>,
        mut y: PyReadwriteArrayDyn<'py, f64>,
        py: Python<'py>,
    ) -> PyResult<Vec<Named<'py>>> {
        let (shape, x) = slices(&inputs)?;
        let y = y.as_slice_mut()?;
        let done: Result<_> = interruptible(py, size_of_val(y), |_| {
            let found = reference(&self.0, &shape, &x, None)?;
            fill(y, &found.values[0]);
            let extras = found.extras.into_iter();
            Ok(extras
                .map(|(step, it)| Beside(step, it.name, it.shape, it.values))
                .collect())
        })?;
        Ok(Beside::named(py, done.map_err(raised)?))
    }

    /// Its gradients in float64.
    fn backward_f64<'py>(
        &self,
        inputs: Vec<PyReadonlyArrayDyn<'py, f64>>,
        upstream: PyReadonlyArrayDyn<'py, f64>,
        mut dx: Vec<PyReadwriteArrayDyn<'py, f64>>,
    ) -> PyResult<Vec<Wide<'py>>> {
        let py = upstream.py();
        let (shape, x) = slices(&inputs)?;
        let g = upstream.as_slice()?;
        let mut into = Vec::new();
        for dx in &mut dx {
            into.push(dx.as_slice_mut()?);
        }
        let done: Result<_> = interruptible(py, size_of_val(g), |_| {
            let found = reference(&self.0, &shape, &x, Some(g))?;
            into.iter_mut()
                .zip(&found.values)
                .for_each(|(dx, values)| fill(dx, values));
            let steps = self
                .0
                .layout(&shape)?
                .gradients
                .into_iter()
                .zip(found.sums)
                .enumerate();
            let mut all = Vec::new();
            for (step, (gradients, sums)) in steps {
                for (gradient, sums) in gradients.into_iter().zip(sums) {
                    let values: Vec<f64> = sums.iter().map(|sum| sum.value).collect();
                    all.push((step, gradient.name, gradient.shape, values));
                }
            }
            Ok(all)
        })?;
        let all = done.map_err(raised)?.into_iter();
        let all = all
            .map(|(step, name, shape, values)| (step, name, shape, PyArray1::from_vec(py, values)));
        Ok(all.collect())
    }

    /// The result of a tensor, on its device.
    fn apply(&self, py: Python<'_>, x: &Tensor) -> PyResult<Tensor> {
        let x = x.get()?;
        py.detach(|| self.0.forward(x))
            .map(Tensor::new)
            .map_err(raised)
    }

    /// Its gradients: dx, and for each parameter the step, the name and the gradient.
    fn apply_backward(
        &self,
        py: Python<'_>,
        x: &Tensor,
        upstream: &Tensor,
    ) -> PyResult<(Tensor, Vec<(usize, &'static str, Tensor)>)> {
        let (x, upstream) = (x.get()?, upstream.get()?);
        let found = py.detach(|| self.0.backward(x, upstream)).map_err(raised)?;
        let parameters = found.parameters.into_iter();
        let parameters = parameters.map(|it| (it.step, it.name, Tensor::new(it.value)));
        Ok((Tensor::new(found.dx), parameters.collect()))
    }
}

/// Arrays of one shape, and that.
fn slices<'a>(arrays: &'a [PyReadonlyArrayDyn<'_, f64>]) -> PyResult<(Vec<usize>, Vec<&'a [f64]>)> {
    let slices = arrays.iter().map(|array| Ok(array.as_slice()?));
    let shape = arrays.first().map_or(&[][..], |array| array.shape());
    Ok((shape.to_vec(), slices.collect::<PyResult<_>>()?))
}

fn fill(to: &mut [f64], values: &[Bound64]) {
    to.iter_mut()
        .zip(values)
        .for_each(|(to, value)| *to = value.expected);
}

/// As [`Named`], in float64.
type Wide<'py> = (usize, &'static str, Vec<usize>, Bound<'py, PyArray1<f64>>);

/// A chain over arrays of some shape and type.
pub(crate) struct Job<'a> {
    pub(crate) chain: &'a wgpu_activations::Chain,
    pub(crate) shape: &'a [usize],
    pub(crate) element: ElementType,
    /// For chunks under way, at most.
    pub(crate) memory: Option<u64>,
    pub(crate) progress: Option<&'a (dyn Fn(Progress) + Sync)>,
}

impl Job<'_> {
    /// Of one input.
    fn bytes(&self) -> usize {
        let elements = count(self.shape).unwrap_or(usize::MAX);
        elements.saturating_mul(self.element.size() as usize)
    }

    pub(crate) fn forward(
        &self,
        device: &Device,
        request: &Request<'_>,
        cancel: &AtomicBool,
    ) -> Result<Vec<Beside>> {
        let done = self.run(device, request, Purpose::Forward, cancel)?;
        Ok(Beside::of_summary(done.summary))
    }

    fn backward(
        &self,
        device: &Device,
        request: &Request<'_>,
        cancel: &AtomicBool,
    ) -> Result<Vec<Beside>> {
        let done = self.run(device, request, Purpose::Backward, cancel)?;
        Ok(Beside::of_gradients(done.parameters))
    }
}

impl Job<'_> {
    fn run(
        &self,
        device: &Device,
        request: &Request<'_>,
        purpose: Purpose,
        cancel: &AtomicBool,
    ) -> Result<Backward> {
        let mut offload = Offload::new(device.worker()?).cancelled_by(cancel);
        if let Some(bytes) = self.memory {
            offload = offload.memory(bytes);
        }
        if let Some(progress) = self.progress {
            offload = offload.progress(progress);
        }
        offload
            .prepare(self.chain, self.shape, self.element, purpose)?
            .run(request)
    }
}
