//! Numbers that belong to an operation: slopes, weights, statistics.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    element::{ElementType, count},
    error::{Error, Result, number},
    gpu::Gpu,
    kernel::recorder::Recorder,
    tensor::Tensor,
};

/// An array of f32, on the host or on a device, that an operation owns. Clones are cheap and share it.
///
/// One on the host is brought to each device when an operation first needs it there; one on a device stays there,
/// and what is written to it later shows.
///
/// ```
/// use wgpu_activations::Array;
///
/// let slopes = Array::from(vec![0.25f32, 0.5]);
/// assert_eq!((slopes.shape(), slopes.len()), (&[2][..], 2));
/// ```
#[derive(Clone)]
pub struct Array {
    shape: Vec<usize>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Host {
        values: Arc<[f32]>,
        copies: Arc<Mutex<Vec<Tensor>>>,
    },
    Device(Tensor),
}

impl Array {
    /// An array on the host.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the shape does not hold as many numbers.
    pub fn new(values: impl Into<Arc<[f32]>>, shape: impl Into<Vec<usize>>) -> Result<Self> {
        let (values, shape) = (values.into(), shape.into());
        if count(&shape) != Some(values.len()) {
            return Err(Error::LengthMismatch {
                expected: count(&shape).unwrap_or(usize::MAX),
                found: values.len(),
                shape,
            });
        }
        Ok(Self::with_shape(values, shape))
    }

    pub(super) fn with_shape(values: Arc<[f32]>, shape: Vec<usize>) -> Self {
        let copies = Arc::default();
        Self {
            shape,
            place: Place::Host { values, copies },
        }
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many numbers it holds.
    pub fn len(&self) -> usize {
        // They are there.
        count(&self.shape).unwrap_or(usize::MAX)
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers, copied from the device where they lie there.
    ///
    /// # Errors
    ///
    /// What the device reports; in a browser, which does not wait for devices, [`Error::Blocking`] where they lie there.
    pub fn to_host(&self) -> Result<Arc<[f32]>> {
        match &self.place {
            Place::Host { values, .. } => Ok(values.clone()),
            #[cfg(not(target_arch = "wasm32"))]
            Place::Device(tensor) => Ok(tensor.download::<f32>()?.into()),
            #[cfg(target_arch = "wasm32")]
            Place::Device(_) => Err(Error::Blocking {
                what: "copying an array from a device".to_owned(),
                instead: "await Tensor::download_async",
            }),
        }
    }

    /// The numbers, if they lie on the host.
    pub fn on_host(&self) -> Option<&[f32]> {
        match &self.place {
            Place::Host { values, .. } => Some(values),
            Place::Device(_) => None,
        }
    }

    /// The tensor that holds them, if they lie on a device.
    pub fn tensor(&self) -> Option<&Tensor> {
        match &self.place {
            Place::Host { .. } => None,
            Place::Device(tensor) => Some(tensor),
        }
    }

    /// The tensor that holds them on `gpu` for the operation `op`, kept there until the commands of `recorder` have run.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignTensor`] if they lie on another device, [`Error::ElementMismatch`] if they are not f32, and what
    /// the device reports.
    pub fn on_device(&self, recorder: &mut Recorder<'_>, gpu: &Gpu, op: &str) -> Result<Tensor> {
        self.expect_f32(op, "the parameter tensor")?;
        let tensor = match &self.place {
            Place::Device(tensor) if tensor.gpu().same_device(gpu) => tensor.clone(),
            Place::Device(_) => return Err(Error::ForeignTensor { op: op.to_owned() }),
            Place::Host { values, copies } => {
                let mut copies = copies.lock().unwrap_or_else(PoisonError::into_inner);
                let copy = copies.iter().find(|copy| copy.gpu().same_device(gpu));
                if let Some(copy) = copy {
                    copy.clone()
                } else {
                    let copy = gpu.upload(values, self.shape.clone())?;
                    copies.push(copy.clone());
                    copy
                }
            }
        };
        recorder.keep(&tensor);
        Ok(tensor)
    }

    /// Fails unless the numbers are f32, which an array on a device may not be; `name` is the array's.
    pub(super) fn expect_f32(&self, op: &str, name: &'static str) -> Result<()> {
        match self.tensor().map(Tensor::element) {
            None | Some(ElementType::F32) => Ok(()),
            Some(element) => Err(Error::ElementMismatch {
                op: op.to_owned(),
                left: name,
                left_type: element.name(),
                right: "the kernel",
                right_type: ElementType::F32.name(),
            }),
        }
    }

    /// The number, if there is only one, on the host: it serves all channels.
    pub(super) fn one(&self) -> Option<f32> {
        match self.on_host() {
            Some(&[value]) => Some(value),
            _ => None,
        }
    }

    /// Fails unless it has one value per channel, axes of length 1 aside, as PyTorch's [C, 1, 1] has, and `allowed`
    /// takes each that lies on the host.
    pub(super) fn expect_per_channel(
        &self,
        op: &str,
        parameter: &str,
        allowed: impl Fn(f32) -> Result<()>,
    ) -> Result<()> {
        let wrong = |argument: String, reason: String| Error::Argument {
            op: op.to_owned(),
            argument,
            reason,
        };
        if self.shape.iter().filter(|&&len| len != 1).count() > 1 {
            let argument = format!("{parameter} of shape {:?}", self.shape);
            let reason =
                "one value per channel is needed, shape [channels]; axes of length 1 do not count";
            return Err(wrong(argument, reason.to_owned()));
        }
        let mut values = self.on_host().unwrap_or_default().iter().enumerate();
        values.try_for_each(|(index, &value)| {
            allowed(value).map_err(|error| {
                let reason = match error {
                    Error::ParameterOutOfRange { rule, .. } => {
                        format!("it is {} but must be {rule}", number(value))
                    }
                    other => other.to_string(),
                };
                wrong(format!("{parameter}, value {index}"), reason)
            })
        })
    }

    /// The numbers in `range` of a list of them.
    ///
    /// # Errors
    ///
    /// What the device reports, where they lie on one.
    pub fn part(&self, range: Range<usize>) -> Result<Self> {
        if range == (0..self.len()) {
            return Ok(self.clone());
        }
        Ok(Self::from(&self.to_host()?[range]))
    }
}

impl From<Vec<f32>> for Array {
    fn from(values: Vec<f32>) -> Self {
        Self::from(&values[..])
    }
}

impl From<&[f32]> for Array {
    fn from(values: &[f32]) -> Self {
        Self::with_shape(values.into(), vec![values.len()])
    }
}

impl From<&Tensor> for Array {
    /// An array on a device, which must hold f32.
    fn from(tensor: &Tensor) -> Self {
        Self {
            shape: tensor.shape().to_vec(),
            place: Place::Device(tensor.clone()),
        }
    }
}

impl PartialEq for Array {
    /// Whether both hold the same numbers on the host, or are the same memory.
    fn eq(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::Host { values: a, .. }, Place::Host { values: b, .. }) => {
                self.shape == other.shape && a == b
            }
            (Place::Device(a), Place::Device(b)) => a.shares_buffer(b),
            _ => false,
        }
    }
}

impl std::fmt::Debug for Array {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = match &self.place {
            Place::Host { .. } => "host",
            Place::Device(_) => "device",
        };
        write!(f, "Array({:?} on the {place})", self.shape)
    }
}
