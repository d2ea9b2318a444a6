//! What the host's clock sees: the way to the device and back, and what launching costs.

use std::time::Instant;

use super::{case::Case, data::numbers, record::Kind};
use crate::{
    accuracy::Report,
    activation::Activation,
    chain::Chain,
    check::{DeviceResult, Pass, Share, verify},
    cpu::Cpu,
    device::Device,
    element::ElementType,
    error::Result,
    family::pointwise::Pointwise,
    kernel::recorder::submit,
    offload::Offload,
    tensor::Tensor,
};

/// Recordings, or calls, that one sample's time is divided by.
const AT_ONCE: u32 = 256;

/// A measurement by the host's clock.
pub(super) enum HostSide {
    /// Records an operation, with everything cached.
    Encode { x: Tensor, y: Tensor },
    /// Submits an operation on one element and waits for it.
    Submit { x: Tensor, y: Tensor },
    /// Computes an operation on one element with the processor.
    Call { cpu: Cpu, chain: Chain },
    /// Takes a slice through the device into another.
    Offload {
        device: Device,
        chain: Chain,
        x: Vec<f32>,
        y: Vec<f32>,
    },
}

impl HostSide {
    pub(super) fn new(case: &Case, device: &Device) -> Result<Self> {
        if case.kind == Kind::Offload {
            let activation: Activation = case.op.parse()?;
            return Ok(Self::Offload {
                device: device.clone(),
                chain: Chain::from(activation).math(case.math),
                x: numbers(case.len(), 7),
                y: vec![0.0; case.len()],
            });
        }
        let gpu = match device {
            Device::Gpu(gpu) => gpu,
            Device::Cpu(cpu) => {
                return Ok(Self::Call {
                    cpu: cpu.clone(),
                    chain: Activation::RELU.into(),
                });
            }
        };
        let x = gpu.upload(&[1.0f32], [1])?;
        let y = gpu.allocate([1], ElementType::F32)?;
        Ok(match &*case.op {
            "encode" => Self::Encode { x, y },
            _ => Self::Submit { x, y },
        })
    }

    /// Executions that a sample's time is divided by.
    pub(super) const fn repeats(&self) -> u32 {
        match self {
            Self::Encode { .. } | Self::Call { .. } => AT_ONCE,
            Self::Submit { .. } | Self::Offload { .. } => 1,
        }
    }

    /// Nanoseconds of one execution.
    pub(super) fn sample(&mut self) -> Result<f64> {
        let relu = Pointwise::new(Activation::RELU);
        let start = Instant::now();
        match self {
            Self::Encode { x, y } => {
                let device = x.gpu().device();
                let mut encoder = device.create_command_encoder(&Default::default());
                let start = Instant::now();
                for _ in 0..AT_ONCE {
                    relu.encode_forward(&mut encoder, x, y)?;
                }
                return Ok(start.elapsed().as_nanos() as f64 / f64::from(AT_ONCE));
            }
            Self::Submit { x, y } => {
                submit(x.gpu(), |recorder| {
                    relu.encode_forward(recorder.encoder, x, y)
                })?;
                x.gpu().wait()?;
            }
            Self::Call { cpu, chain } => {
                let mut y = [0.0];
                for _ in 0..AT_ONCE {
                    cpu.forward(chain, &[1], &[1.0f32], &mut y)?;
                }
                return Ok(start.elapsed().as_nanos() as f64 / f64::from(AT_ONCE));
            }
            Self::Offload {
                device,
                chain,
                x,
                y,
            } => {
                Offload::new(&*device).forward(chain, &[x.len()], x, y)?;
            }
        }
        Ok(start.elapsed().as_nanos() as f64)
    }

    /// Compares what an offload gave with the reference.
    pub(super) fn verify(&mut self) -> Result<Option<Report>> {
        self.sample()?;
        let Self::Offload { chain, x, y, .. } = self else {
            return Ok(None);
        };
        let found = DeviceResult {
            outputs: vec![y.clone()],
            indices: None,
            gradients: None,
        };
        let inputs = [x.clone()];
        let share = Share::Sample(1 << 16);
        verify(chain, &[x.len()], Pass::Forward, &inputs, found, share).map(Some)
    }
}
