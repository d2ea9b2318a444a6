//! burn: its device, and the operations as its users write them.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use burn::tensor::{
    Device, DeviceKind, Tensor, TensorData, activation,
    wgpu::{WgpuBackend, wgpu},
};
use wgpu_activations::{Activation, Adapter, family::softmax::reference::Form};

use crate::{
    Result,
    case::{CHANNELS, COLUMNS, Case, EPSILON, Op, PIECES, slopes},
};

/// The version that Cargo.toml pins.
const VERSION: &str = "0.22.1";

/// The name of rows: the version, and what it was built with.
pub fn implementation() -> String {
    let compiler = if cfg!(feature = "vulkan") {
        "vulkan"
    } else {
        "wgsl"
    };
    let fusion = if cfg!(feature = "fusion") {
        "fusion"
    } else {
        "no fusion"
    };
    format!("burn {VERSION} ({compiler}, {fusion})")
}

/// The version alone.
pub const fn version() -> &'static str {
    VERSION
}

/// A result, kept so that it has to be written.
pub trait Output {
    /// Its numbers on the host.
    fn numbers(self: Box<Self>) -> Result<Vec<f32>>;
}

impl<const D: usize> Output for Tensor<D> {
    fn numbers(self: Box<Self>) -> Result<Vec<f32>> {
        let data = (*self).into_data();
        data.try_to_vec()
            .map_err(|error| format!("{error:?}").into())
    }
}

/// An operation, on the input of that number.
type Execution = Box<dyn Fn(usize) -> Box<dyn Output>>;

/// A device of burn's, and inputs on it.
pub struct Burn {
    device: Device,
    flat: Vec<Tensor<1>>,
    /// By their columns.
    matrices: RefCell<BTreeMap<usize, Vec<Tensor<2>>>>,
}

impl Burn {
    /// Opens `adapters[index]`, and no other, with `copies` of `x` on it.
    pub fn open(adapters: &[Adapter], index: usize, x: &[f32], copies: usize) -> Result<Self> {
        let (kind, backend) = selector(adapters, index)?;
        let options = Device::wgpu_options()
            .device_kind(kind)
            .graphics_api(backend);
        let (device, setup) = options.init_with_setup()?;
        let opened = setup.adapter.get_info();
        if opened != adapters[index].info() {
            return Err(format!("burn opened another adapter: {opened:?}").into());
        }
        let upload = || Tensor::from_data(TensorData::new(x.to_vec(), [x.len()]), &device);
        Ok(Self {
            flat: (0..copies).map(|_| upload()).collect(),
            matrices: RefCell::default(),
            device,
        })
    }

    /// The inputs as rows of `columns`: uploaded so, since a reshape would be one more operation.
    fn matrices(&self, x: &[f32], columns: usize) -> Vec<Tensor<2>> {
        let upload = || {
            let data = TensorData::new(x.to_vec(), [x.len() / columns, columns]);
            Tensor::from_data(data, &self.device)
        };
        let mut matrices = self.matrices.borrow_mut();
        let made = matrices
            .entry(columns)
            .or_insert_with(|| self.flat.iter().map(|_| upload()).collect());
        made.clone()
    }

    /// The operation as a user of burn writes it; none if burn has nothing to write it with.
    pub fn execution(&self, case: Case, x: &[f32]) -> Option<Execution> {
        let alpha = || {
            let data = TensorData::new(slopes(), [CHANNELS]);
            Tensor::<1>::from_data(data, &self.device)
        };
        Some(match case.op {
            Op::Pointwise(activation) => {
                let (function, inputs) = (function(activation)?, self.flat.clone());
                Box::new(move |slot| Box::new(function(inputs[slot].clone())))
            }
            Op::Prelu => {
                let (inputs, alpha) = (self.matrices(x, CHANNELS), alpha());
                Box::new(move |slot| {
                    Box::new(activation::prelu(inputs[slot].clone(), alpha.clone()))
                })
            }
            Op::Softmax(form) => {
                let inputs = self.matrices(x, COLUMNS);
                Box::new(move |slot| {
                    let x = inputs[slot].clone();
                    Box::new(match form {
                        Form::Softmax => activation::softmax(x, 1),
                        Form::LogSoftmax => activation::log_softmax(x, 1),
                    })
                })
            }
            Op::Dice => {
                let inputs = self.matrices(x, CHANNELS);
                let alpha = alpha().reshape([1, CHANNELS]);
                Box::new(move |slot| Box::new(dice(inputs[slot].clone(), alpha.clone())))
            }
            Op::Maxout => {
                let inputs = self.matrices(x, CHANNELS);
                Box::new(move |slot| Box::new(maxout(inputs[slot].clone())))
            }
        })
    }

    /// Waits for all work.
    pub fn wait(&self) -> Result<()> {
        Ok(self.device.sync()?)
    }

    /// Runs the operation `repeats` times, on the inputs in turn, and waits once.
    ///
    /// Fusion is lazy: without a flush it would merge executions that a network has far apart, and
    /// leave out the writing of results that are gone by then. So each is sent off while its result
    /// lives. As many results live as there are inputs, so that the pool hands out memory in turn.
    pub fn time(
        &self,
        execution: &Execution,
        turn: &Cell<usize>,
        repeats: u32,
    ) -> Result<Duration> {
        let mut results = VecDeque::new();
        let start = Instant::now();
        for _ in 0..repeats {
            results.push_back(execution(turn.get()));
            if cfg!(feature = "fusion") {
                self.device.flush()?;
            }
            if results.len() > self.flat.len() {
                results.pop_front();
            }
            turn.set((turn.get() + 1) % self.flat.len());
        }
        self.wait()?;
        Ok(start.elapsed())
    }
}

/// `adapters[index]` as burn names it: by backend, kind and place among those of the kind. Both crates
/// use the same wgpu, so both see the same list.
pub fn selector(adapters: &[Adapter], index: usize) -> Result<(DeviceKind, WgpuBackend)> {
    let wanted = adapters[index].info();
    let alike = |adapter: &&Adapter| {
        let info = adapter.info();
        (info.backend, info.device_type) == (wanted.backend, wanted.device_type)
    };
    let place = adapters[..index].iter().filter(alike).count();
    let kind = match wanted.device_type {
        wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(place),
        wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(place),
        wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu(place),
        wgpu::DeviceType::Cpu if place == 0 => DeviceKind::Cpu,
        wgpu::DeviceType::Cpu => {
            return Err(format!(
                "burn reaches only the first software adapter of a backend, not {}; hide the others \
                 from the loader: VK_ICD_FILENAMES=/path/to/its.json",
                adapters[index].name()
            )
            .into());
        }
        wgpu::DeviceType::Other => return Err("burn cannot name adapters of no known kind".into()),
    };
    let backend = match wanted.backend {
        wgpu::Backend::Vulkan => WgpuBackend::Vulkan,
        wgpu::Backend::Metal => WgpuBackend::Metal,
        wgpu::Backend::Dx12 => WgpuBackend::Dx12,
        wgpu::Backend::Gl => WgpuBackend::Gl,
        other => return Err(format!("burn does not know the backend {other}").into()),
    };
    Ok((kind, backend))
}

type Function = fn(Tensor<1>) -> Tensor<1>;

/// burn's function of the same meaning, with the catalogue's parameter.
fn function(activation: Activation) -> Option<Function> {
    Some(match activation.name() {
        "sigmoid" => activation::sigmoid,
        "tanh" => activation::tanh,
        "relu" => activation::relu,
        "leaky-relu" => |x| activation::leaky_relu(x, 0.01),
        "elu" => |x| activation::elu(x, 1.0),
        "selu" => activation::selu,
        "gelu" => activation::gelu,
        "gelu-tanh" => activation::gelu_approximate,
        "swish" => activation::silu,
        "softplus" => |x| activation::softplus(x, 1.0),
        "mish" => activation::mish,
        _ => return None,
    })
}

/// Dice in training, of the operations that burn has. The running statistics, which the layer of
/// wgpu-activations moves besides, are left out.
fn dice(x: Tensor<2>, alpha: Tensor<2>) -> Tensor<2> {
    let (variance, mean) = x.clone().var_mean_bias(0);
    let z = (x.clone() - mean) / (variance + EPSILON).sqrt();
    let p = activation::sigmoid(z);
    let share = p.clone() + (p.neg() + 1.0) * alpha;
    x * share
}

/// The largest of adjacent channels. Which one won, which wgpu-activations stores besides for the
/// backward pass, is left out.
fn maxout(x: Tensor<2>) -> Tensor<3> {
    let rows = x.dims()[0];
    x.reshape([rows, CHANNELS / PIECES, PIECES]).max_dim(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_pinned_one() {
        let pinned = format!("burn = {{ version = \"={VERSION}\"");
        assert!(include_str!("../Cargo.toml").contains(&pinned));
    }

    #[test]
    fn every_activation_has_a_function() {
        for op in Op::all() {
            if let Op::Pointwise(activation) = op {
                assert!(function(activation).is_some(), "{activation}");
            }
        }
    }
}
