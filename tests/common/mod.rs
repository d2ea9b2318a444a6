//! The adapters of this machine, opened for tests.

// Each test file uses its own part; `pub` is to the file that includes this.
#![allow(dead_code, unused_macros, unreachable_pub)]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::sync::Mutex;

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use wgpu::util::{BufferInitDescriptor, DeviceExt};
use wgpu_activations::{
    Activation, Adapter, Chain, Element, ElementType, Error, Gpu, Offload, ShaderChecks, Tensor,
    accuracy::{
        Report,
        inputs::{grid, words},
    },
    activation::{Parameter, Range},
    gpu,
    io::Sink,
    offload::Purpose,
};

/// An adapter, opened.
#[derive(Clone)]
pub struct Device {
    /// The adapter's name, `-checked` behind it where wgpu adds its checks to the shaders.
    pub name: String,
    /// What it opens.
    pub gpu: Gpu,
    /// The adapter.
    pub adapter: Adapter,
    /// Whether wgpu adds its checks.
    pub checks: ShaderChecks,
}

impl Device {
    /// Every adapter, each with trusted and with checked shaders.
    ///
    /// # Panics
    ///
    /// If an adapter does not open.
    pub fn all() -> Vec<Self> {
        let open = |adapter: Adapter| {
            [ShaderChecks::Trusted, ShaderChecks::Checked].map(|checks| Self {
                name: match checks {
                    ShaderChecks::Trusted => adapter.name().to_owned(),
                    ShaderChecks::Checked => format!("{}-checked", adapter.name()),
                },
                gpu: Gpu::open(&adapter, checks).expect("the adapter opens"),
                adapter: adapter.clone(),
                checks,
            })
        };
        gpu::adapters().into_iter().flat_map(open).collect()
    }

    /// Whether its shaders run as written.
    pub fn trusted(&self) -> bool {
        self.checks == ShaderChecks::Trusted
    }

    /// Whether shaders get to it through GL.
    pub fn is_gl(&self) -> bool {
        self.adapter.info().backend == wgpu::Backend::Gl
    }

    /// The same adapter with a device of the given limits.
    ///
    /// # Panics
    ///
    /// If it does not open.
    pub fn with_limits(&self, change: impl FnOnce(&mut wgpu::Limits)) -> Self {
        let mut limits = self.adapter.limits();
        change(&mut limits);
        let raw = raw_adapter(&self.adapter);
        let descriptor = wgpu::DeviceDescriptor {
            required_features: raw.features() & wgpu::Features::SHADER_INT64,
            required_limits: limits,
            ..Default::default()
        };
        let (device, queue) =
            pollster::block_on(raw.request_device(&descriptor)).expect("the adapter opens");
        Self {
            gpu: Gpu::from_wgpu(device, queue),
            ..self.clone()
        }
    }

    /// A trial called `name/device`.
    pub fn trial(
        &self,
        name: &str,
        test: impl FnOnce(&Self) -> Result<(), Failed> + Send + 'static,
    ) -> Trial {
        let device = self.clone();
        Trial::test(format!("{name}/{}", self.name), move || {
            let result = test(&device);
            // Else each of the devices, all open to the end, would keep 512 MiB.
            device.gpu.trim();
            result
        })
    }
}

/// `offload` with what memory a job takes at the least: chunks of 1,024 elements, where rows need not be whole.
///
/// # Panics
///
/// If that is not told.
pub fn smallest<'a>(
    offload: &Offload<'a>,
    chain: &Chain,
    shape: &[usize],
    element: ElementType,
    purpose: Purpose,
) -> Offload<'a> {
    let prepare = |memory: u64| {
        let offload = offload.clone().memory(memory);
        let refused = offload.prepare(chain, shape, element, purpose).err();
        (refused, offload)
    };
    match prepare(1) {
        (None, offload) => offload,
        (Some(Error::MemoryLimit { bytes, limit, .. }), _) => {
            assert_eq!(limit, 1);
            let (refused, offload) = prepare(bytes);
            assert!(refused.is_none(), "{bytes} bytes: {refused:?}");
            offload
        }
        (Some(other), _) => panic!("{other}"),
    }
}

/// The adapter as wgpu has it, from an instance of the test's own.
fn raw_adapter(adapter: &Adapter) -> wgpu::Adapter {
    let wanted = adapter.info();
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()))
        .into_iter()
        .find(|found| {
            let info = found.get_info();
            info.name == wanted.name
                && info.backend == wanted.backend
                && info.device_pci_bus_id == wanted.device_pci_bus_id
        })
        .expect("the adapter is still there")
}

/// Whether a machine without an adapter is a failure: REQUIRE_GPU=1.
pub fn gpu_required() -> bool {
    std::env::var("REQUIRE_GPU").is_ok_and(|value| value == "1")
}

/// Runs the trials of all devices. Without an adapter there is one, which is ignored, or fails
/// where a GPU is required.
pub fn run(trials: impl FnOnce(&[Device]) -> Vec<Trial>) -> Conclusion {
    let arguments = Arguments::from_args();
    let devices = Device::all();
    let trials = if devices.is_empty() {
        let none = Trial::test("adapter", || Err("no adapter found".into()));
        vec![none.with_ignored_flag(!gpu_required())]
    } else {
        trials(&devices)
    };
    libtest_mimic::run(&arguments, trials)
}

/// Shapes with a channel axis that reductions find awkward.
pub const SHAPES_WITH_AXES: [(&[usize], i64); 21] = [
    (&[2], 0),
    (&[1, 5], 0),
    (&[1, 5], 1),
    (&[5, 1], 0),
    (&[5, 1], 1),
    (&[1, 1757], 0),
    (&[2, 1757], 1),
    (&[131, 345], 1),
    (&[3, 345, 7], 0),
    (&[3, 345, 7], 1),
    (&[3, 345, 7], -1),
    (&[2, 3, 4, 5], 1),
    (&[2, 3, 4, 5], -2),
    (&[7, 5, 2], 1),
    (&[7, 5, 8], 1),
    (&[2051, 3], 1),
    (&[130, 64], 1),
    (&[0, 3], 1),
    (&[3, 0], 0),
    (&[3, 0], 1),
    (&[2, 3, 0, 4], 1),
];

/// The element types to try an activation in. PReLU is leaky ReLU's snippet under another name.
///
/// What wgpu checks lies in the loads and stores, which are those of the element type, and in the
/// snippet, which computes in f32 whatever the type. So with checks two activations, without and
/// with a parameter, take the other types for all; and through GL, whose compiler is Vulkan's beside it.
pub fn element_types(device: &Device, activation: Activation) -> &'static [ElementType] {
    match activation.name() {
        "prelu" => &ElementType::ALL[..1],
        "gelu" | "elu" => &ElementType::ALL,
        _ if device.trusted() && !device.is_gl() => &ElementType::ALL,
        _ => &ElementType::ALL[..1],
    }
}

/// Runs so many workgroups of the only entry point on the only binding.
pub fn run_kernel(tensor: &Tensor, source: &str, workgroups: u32) {
    let device = tensor.gpu().device();
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    });
    let size = tensor.len() as u64 * tensor.element().size();
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: tensor.buffer(),
                offset: tensor.offset(),
                size: size.try_into().ok(),
            }),
        }],
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    let mut pass = encoder.begin_compute_pass(&Default::default());
    pass.set_pipeline(&pipeline);
    pass.set_bind_group(0, &group, &[]);
    pass.dispatch_workgroups(workgroups, 1, 1);
    drop(pass);
    tensor.gpu().queue().submit([encoder.finish()]);
}

/// Element types of each size. How a tensor is cut into pieces depends on no more.
pub const SIZES: [ElementType; 2] = [ElementType::F32, ElementType::F16];

/// Runs a function that is generic over the element type for one known at run time.
#[macro_export]
macro_rules! with_element {
    ($element:expr, $function:ident($($argument:expr),* $(,)?)) => {
        wgpu_activations::with_element!($element, T => $function::<T>($($argument),*))
    };
}

/// The grid and numbers where activations bend, in turn. Each length begins elsewhere in the grid.
pub fn inputs<T: Element>(len: usize) -> Vec<T> {
    let grid = grid();
    let bends = words(len as u64).map(|word| f64::from(word as i32) / f64::from(1 << 28));
    bends
        .take(len)
        .enumerate()
        .map(|(index, bend)| match index % 2 {
            0 => T::from_f64(f64::from(grid[(index / 2 + 7 * len) % grid.len()])),
            _ => T::from_f64(bend),
        })
        .collect()
}

/// Upstream gradients between -4 and 4.
pub fn upstream<T: Element>(len: usize) -> Vec<T> {
    words(!(len as u64))
        .take(len)
        .map(|word| T::from_f64(f64::from(word as i32) / f64::from(1 << 29)))
        .collect()
}

/// `count` values of a parameter from all over its everyday range, others for one of another name.
pub fn values(parameter: &Parameter, count: usize) -> Vec<f32> {
    let (least, most) = match (parameter.name, parameter.range) {
        // In the right order.
        ("min", _) => (-1.5, -0.25),
        ("max", _) => (0.25, 2.5),
        (_, Range::Finite) => (-1.5, 2.5),
        (_, Range::NonNegative) => (0.0, 3.0),
        (_, Range::Positive) => (0.25, 4.0),
    };
    let seed: u64 = parameter.name.bytes().map(u64::from).sum();
    words(count as u64 + seed)
        .take(count)
        .map(|word| least + (most - least) * (word >> 8) as f32 / (1 << 24) as f32)
        .collect()
}

/// The position of `axis` in a shape of this rank, and the number of elements from one channel to
/// the next.
pub fn channel_axis(shape: &[usize], axis: i64) -> (usize, usize) {
    let index = if axis < 0 {
        (shape.len() as i64 + axis) as usize
    } else {
        axis as usize
    };
    (index, shape[index + 1..].iter().product())
}

/// Fails, naming `what` and the first place, where the bits of `a` and `b` differ.
pub fn same_bits<T: Element>(what: &str, a: &[T], b: &[T]) -> Result<(), Failed> {
    let bits = |slice: &[T]| bytemuck::cast_slice::<T, u8>(slice).to_vec();
    if bits(a) == bits(b) {
        return Ok(());
    }
    let differs = |(a, b): (&T, &T)| bits(&[*a]) != bits(&[*b]);
    let place = a.iter().zip(b).position(differs);
    Err(format!(
        "{what}: differ at {place:?}, lengths {} and {}",
        a.len(),
        b.len()
    )
    .into())
}

/// Fails with the report unless `len` elements were compared and none was wrong.
pub fn expect_passed(report: &Report, len: usize) -> Result<(), Failed> {
    if report.failed > 0 || report.compared != len as u64 {
        return Err(report.to_string().into());
    }
    Ok(())
}

/// Elements that come in any order.
pub struct Memory<T>(Mutex<Vec<T>>);

impl<T: Element> Memory<T> {
    /// Room for `len` of them.
    pub fn new(len: usize) -> Self {
        Self(Mutex::new(vec![T::zeroed(); len]))
    }

    /// What has come.
    ///
    /// # Panics
    ///
    /// If a writer panicked.
    pub fn into_inner(self) -> Vec<T> {
        self.0.into_inner().expect("no writer panicked")
    }
}

impl<T: Element> Sink for Memory<T> {
    fn write(&self, first: usize, bytes: &[u8]) -> wgpu_activations::Result<()> {
        let elements = bytemuck::pod_collect_to_vec::<u8, T>(bytes);
        let mut all = self.0.lock().expect("no writer panicked");
        all[first..first + elements.len()].copy_from_slice(&elements);
        Ok(())
    }
}

/// A tensor in a buffer of the test's own, with a known filling before and behind it.
pub struct Guarded {
    /// The tensor.
    pub tensor: Tensor,
    buffer: wgpu::Buffer,
}

impl Guarded {
    const FILLING: u8 = 0xa5;

    /// One that holds `data`.
    pub fn new<T: Element>(
        gpu: &Gpu,
        data: &[T],
        shape: &[usize],
    ) -> wgpu_activations::Result<Self> {
        let offset = gpu.limits().min_storage_buffer_offset_alignment as usize;
        let bytes: &[u8] = bytemuck::cast_slice(data);
        let mut contents = vec![Self::FILLING; offset + bytes.len().next_multiple_of(16) + 64];
        contents[offset..offset + bytes.len()].copy_from_slice(bytes);
        let buffer = gpu.device().create_buffer_init(&BufferInitDescriptor {
            label: Some("guarded"),
            contents: &contents,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_SRC
                | wgpu::BufferUsages::COPY_DST,
        });
        let tensor = gpu.tensor_from_wgpu(&buffer, offset as u64, shape, T::TYPE)?;
        Ok(Self { tensor, buffer })
    }

    /// The elements, provided that the filling is as it was.
    pub fn download<T: Element>(&self) -> Result<Vec<T>, Failed> {
        let gpu = self.tensor.gpu();
        let words = self.buffer.size() as usize / 4;
        let all = gpu.tensor_from_wgpu(&self.buffer, 0, [words], ElementType::F32)?;
        let all: Vec<f32> = all.download()?;
        let bytes: &[u8] = bytemuck::cast_slice(&all);
        let start = self.tensor.offset() as usize;
        let end = start + size_of::<T>() * self.tensor.len();
        for place in (0..start).chain(end..bytes.len()) {
            if bytes[place] != Self::FILLING {
                return Err(
                    format!("byte {place} was changed; the elements are {start} to {end}").into(),
                );
            }
        }
        Ok(bytemuck::pod_collect_to_vec(&bytes[start..end]))
    }
}

/// The devices for a test of the standard harness; where there are none, says so, and fails where
/// a GPU is required.
///
/// # Panics
///
/// Without an adapter under REQUIRE_GPU=1.
pub fn trusted_devices() -> Vec<Device> {
    let devices: Vec<_> = Device::all().into_iter().filter(Device::trusted).collect();
    if devices.is_empty() {
        assert!(!gpu_required(), "no adapter found");
        eprintln!("no adapter found: skipped");
    }
    devices
}
