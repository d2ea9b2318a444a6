//! Devices by name, opened once by each process.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use pyo3::prelude::*;
use wgpu::Backends;
use wgpu_activations::{Adapter, Error, Gpu, Result, ShaderChecks, cpu::Cpu, gpu};

use crate::error::raised;

/// The processor, as a device.
const CPU: &str = "cpu";

/// The environment variable that limits the backends.
const BACKEND: &str = "WGPU_BACKEND";

/// A device that computes: a GPU, or the CPU. It is opened when it is first used.
///
/// Pickled it is its name: another process opens a device of its own.
#[pyclass(frozen, module = "wgpu_activations")]
#[derive(Clone)]
pub(crate) struct Device {
    /// As `device(name)` finds it.
    #[pyo3(get)]
    name: String,
    /// The interface to the driver: vulkan, metal, dx12, gl, or - for the CPU.
    #[pyo3(get)]
    backend: String,
    /// discrete, integrated, virtual, software, or cpu.
    #[pyo3(get)]
    r#type: String,
    /// The driver and its version.
    #[pyo3(get)]
    driver: String,
}

type Opened = HashMap<(u32, String), Gpu>;

/// The devices that are open, by process: what a parent has opened is dead in a child, and must not be dropped there.
fn opened() -> &'static Mutex<Opened> {
    static OPENED: OnceLock<Mutex<Opened>> = OnceLock::new();
    OPENED.get_or_init(Mutex::default)
}

/// The adapters there are, GL's only where there are no others: looking at GL loads libraries that get in the way of
/// some that Python programs import later.
fn adapters(gl: bool) -> Vec<Adapter> {
    let backends = std::env::var(BACKEND).ok().filter(|it| !it.is_empty());
    let backends = backends.map(|names| Backends::from_comma_list(&names));
    pollster::block_on(async {
        match backends {
            Some(backends) => gpu::adapters_async(backends).await,
            None if gl => gpu::adapters_async(Backends::all()).await,
            None => gpu::usual_adapters_async(Backends::all()).await,
        }
    })
}

impl Device {
    fn cpu() -> Self {
        Self {
            name: CPU.to_owned(),
            backend: "-".to_owned(),
            r#type: CPU.to_owned(),
            driver: String::new(),
        }
    }

    fn of(adapter: &Adapter) -> Self {
        let info = adapter.info();
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete",
            wgpu::DeviceType::IntegratedGpu => "integrated",
            wgpu::DeviceType::VirtualGpu => "virtual",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        };
        let driver = format!("{} {}", info.driver, info.driver_info);
        Self {
            name: adapter.name().to_owned(),
            backend: info.backend.to_string(),
            r#type: kind.to_owned(),
            driver: driver.trim().to_owned(),
        }
    }

    /// The device called `name`; without a name the best there is: a GPU, else the CPU.
    fn find(name: Option<&str>) -> Result<Self> {
        let Some(name) = name else {
            let adapters = adapters(false);
            let hardware = adapters.iter().filter(|it| !it.is_software());
            let hardware: Vec<_> = hardware.cloned().collect();
            return Ok(gpu::best(&hardware).map_or_else(|_| Self::cpu(), Self::of));
        };
        if name.eq_ignore_ascii_case(CPU) {
            return Ok(Self::cpu());
        }
        Ok(Self::of(&adapter(name)?))
    }

    /// What does its work in this process.
    pub(crate) fn worker(&self) -> Result<wgpu_activations::Device> {
        Ok(match self.gpu()? {
            Some(gpu) => (&gpu).into(),
            None => (&Cpu::new()).into(),
        })
    }

    /// The GPU, where it is one.
    pub(crate) fn gpu(&self) -> Result<Option<Gpu>> {
        if self.is_cpu() {
            return Ok(None);
        }
        let key = (std::process::id(), self.name.clone());
        if let Some(gpu) = lock().get(&key) {
            return Ok(Some(gpu.clone()));
        }
        let gpu = Gpu::open(&adapter(&self.name)?, ShaderChecks::Trusted)?;
        Ok(Some(lock().entry(key).or_insert(gpu).clone()))
    }

    /// The next call opens it again, where it is lost.
    pub(crate) fn after<T>(&self, result: Result<T>) -> PyResult<T> {
        if matches!(result, Err(Error::DeviceLost(_))) {
            lock().remove(&(std::process::id(), self.name.clone()));
        }
        result.map_err(raised)
    }

    pub(crate) fn is_cpu(&self) -> bool {
        self.name == CPU
    }
}

#[pymethods]
impl Device {
    #[new]
    #[pyo3(signature = (name=None))]
    fn new(py: Python<'_>, name: Option<&str>) -> PyResult<Self> {
        py.detach(|| Self::find(name)).map_err(raised)
    }

    /// Whether it is a GPU, or a driver that passes for one.
    #[getter]
    fn is_gpu(&self) -> bool {
        !self.is_cpu()
    }

    fn __repr__(&self) -> String {
        match self.is_cpu() {
            true => "Device('cpu')".to_owned(),
            false => format!("Device('{}', {}, {})", self.name, self.backend, self.r#type),
        }
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.name == other.name
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.name.hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyAny>, (String,)) {
        (py.get_type::<Self>().into_any(), (self.name.clone(),))
    }
}

/// The names of all devices, the CPU last.
#[pyfunction]
pub(crate) fn device_names(py: Python<'_>) -> Vec<String> {
    let mut names = py.detach(|| {
        let adapters = adapters(false);
        adapters
            .iter()
            .map(|it| it.name().to_owned())
            .collect::<Vec<_>>()
    });
    names.push(CPU.to_owned());
    names
}

/// The adapter called `name`, of GL's too where its name is asked for.
fn adapter(name: &str) -> Result<Adapter> {
    let gl = name.to_lowercase().contains("gl");
    let found = gpu::find(&adapters(gl), name).cloned();
    found.map_err(|mut error| {
        if let Error::UnknownDevice { available, .. } = &mut error {
            let separator = if available.is_empty() { "" } else { ", " };
            *available += &format!("{separator}{CPU}");
        }
        error
    })
}

fn lock() -> std::sync::MutexGuard<'static, Opened> {
    opened().lock().unwrap_or_else(PoisonError::into_inner)
}
