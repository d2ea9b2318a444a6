//! Compute pipelines, built on first use from the description of a kernel, which is their key.

use super::{ShaderChecks, fold_over};
use crate::{
    error::{Error, Result},
    wgsl::Shader,
};

/// A buffer of group 0 that an entry point uses, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    /// `var<storage, read>`.
    Read(u32),
    /// `var<storage, read_write>`.
    Write(u32),
}

/// A kernel: one entry point of a shader, with the constants that shape it.
///
/// Kernels that are equal share a pipeline, which is built when the first of them is launched; see
/// [`Recorder::dispatch`](crate::kernel::recorder::Recorder::dispatch) for an example.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kernel {
    pub(crate) shader: Shader,
    pub(crate) entry_point: &'static str,
    /// Those that the entry point uses.
    pub(crate) bindings: &'static [Binding],
    /// Values of overridable constants that shape the code, beside WORKGROUP.
    pub(crate) constants: Vec<(&'static str, u32)>,
    /// Threads of a workgroup, which the constant WORKGROUP gets.
    pub(crate) workgroup: u32,
}

impl Kernel {
    /// A kernel that wgpu adds its checks to, whatever the device's
    /// [`ShaderChecks`], since nothing is known of its arguments.
    ///
    /// `entry_point` is a function of the shader with `@workgroup_size(WORKGROUP)`, `bindings` are those that it
    /// uses. Group 0 has the tensors, group 1 the [`Arguments`](trait@crate::wgsl::Arguments). The overridable
    /// constant WORKGROUP becomes `workgroup`: see [`Gpu::workgroup`](super::Gpu::workgroup).
    pub fn new(
        shader: Shader,
        entry_point: &'static str,
        bindings: &'static [Binding],
        workgroup: u32,
    ) -> Self {
        Self {
            shader: shader.of_another(),
            entry_point,
            bindings,
            constants: Vec::new(),
            workgroup,
        }
    }

    /// With values of overridable constants.
    #[must_use]
    pub fn with_constants(self, constants: Vec<(&'static str, u32)>) -> Self {
        Self { constants, ..self }
    }

    /// Fails where a device with these limits cannot bind what the kernel uses.
    pub(super) fn expect_within(&self, limits: &wgpu::Limits) -> Result<()> {
        let (needed, allowed) = (
            self.bindings.len(),
            limits.max_storage_buffers_per_shader_stage,
        );
        if needed <= allowed as usize {
            return Ok(());
        }
        Err(Error::DeviceLimit {
            kernel: self.entry_point.to_owned(),
            limit: "max_storage_buffers_per_shader_stage",
            needed: needed as u64,
            allowed: allowed.into(),
        })
    }

    /// Workgroups for at least `threads` threads, in two dimensions past 65,535.
    pub fn groups(&self, threads: u64) -> (u32, u32) {
        fold_over(threads.div_ceil(self.workgroup.max(1).into()))
    }
}

/// A pipeline and what is needed to bind and launch it.
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
}

impl Pipeline {
    pub(super) fn build(device: &wgpu::Device, checks: ShaderChecks, kernel: &Kernel) -> Self {
        let label = Some(kernel.entry_point);
        let descriptor = wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(kernel.shader.to_string().into()),
        };
        let checks = if kernel.shader.is_foreign() {
            ShaderChecks::Checked
        } else {
            checks
        };
        let module = match checks {
            ShaderChecks::Checked => device.create_shader_module(descriptor),
            // SAFETY: the source is our own, its loops end and its indices stay within the
            // bindings, whose sizes the launchers check; the tests run every kernel checked too.
            #[allow(unsafe_code)]
            ShaderChecks::Trusted => unsafe {
                device.create_shader_module_trusted(
                    descriptor,
                    wgpu::ShaderRuntimeChecks::unchecked(),
                )
            },
        };
        let entries = kernel.bindings.iter().map(|binding| {
            let (binding, read_only) = match *binding {
                Binding::Read(binding) => (binding, true),
                Binding::Write(binding) => (binding, false),
            };
            entry(binding, wgpu::BufferBindingType::Storage { read_only })
        });
        let entries: Vec<_> = entries.collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label,
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout), Some(&arguments_layout(device))],
            ..Default::default()
        });
        let mut constants = vec![("WORKGROUP", f64::from(kernel.workgroup))];
        let others = kernel.constants.iter();
        constants.extend(others.map(|&(name, value)| (name, f64::from(value))));
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: label,
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                zero_initialize_workgroup_memory: kernel.shader.is_foreign(),
            },
            cache: None,
        });
        Self { pipeline, layout }
    }
}

fn entry(binding: u32, ty: wgpu::BufferBindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty,
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}

fn arguments_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("arguments"),
        entries: &[entry(0, wgpu::BufferBindingType::Uniform)],
    })
}

/// The bind group of a kernel's arguments.
pub(super) fn write_arguments(device: &wgpu::Device, words: &[u32]) -> wgpu::BindGroup {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("arguments"),
        size: size_of_val(words) as u64,
        usage: wgpu::BufferUsages::UNIFORM,
        mapped_at_creation: true,
    });
    // On a device that is lost or full there is nothing to write to, and wgpu has reported why; its
    // `create_buffer_init` would panic.
    if let Ok(mut view) = buffer.get_mapped_range_mut(..) {
        view.slice(..).copy_from_slice(bytemuck::cast_slice(words));
        drop(view);
        buffer.unmap();
    }
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("arguments"),
        layout: &arguments_layout(device),
        entries: &[wgpu::BindGroupEntry {
            binding: 0,
            resource: buffer.as_entire_binding(),
        }],
    })
}
