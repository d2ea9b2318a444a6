//! Compute pipelines, built on first use and kept under a typed key.

use std::{collections::HashMap, sync::Arc};

use super::{ShaderChecks, Tuning};
use crate::{
    activation::Activation,
    element::ElementType,
    wgsl::{
        self, IndexType, Lanes, Math, ParameterSource, Reduction, SoftmaxKernel, Vectors, Words,
    },
};

/// A shader and how it is composed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kernel {
    Pointwise(ParameterSource),
    /// The pointwise family with a parameter per channel, the channels innermost.
    Columns,
    /// Several activations one after another, forward only.
    Fused,
    /// Dice, wherever its channels lie.
    Dice,
    /// Dice with its channels innermost.
    DiceColumns,
    DiceStatistics,
    Reduce {
        reduction: Reduction,
        dx: bool,
    },
    AlphaDropout,
    /// With this many threads per workgroup.
    Softmax(SoftmaxKernel, u32),
    MaxoutPooling(IndexType),
    MaxoutAffine(IndexType),
    Arrange,
    Copy,
    Read,
    Streams,
}

/// Vectors of columns, or channels, that a workgroup of a reduction is wide, where its threads are joined;
/// `SHARE` of the shader.
pub(crate) const SHARE: u32 = 32;

/// Of the kernels that leave something over: builds the one that does it.
pub(crate) const REMAINDER: (&str, u32) = ("REMAINDER", 1);

/// A buffer of group 0 that an entry point uses, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Binding {
    Read(u32),
    Write(u32),
}

/// What tells one pipeline from another.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PipelineKey {
    pub(crate) kernel: Kernel,
    pub(crate) entry_point: &'static str,
    pub(crate) bindings: &'static [Binding],
    /// Name of the activation, where the kernel takes one, or those that are fused.
    pub(crate) activations: Vec<&'static str>,
    pub(crate) element: ElementType,
    pub(crate) math: Math,
    /// Values of overridable constants that shape the code, beside WORKGROUP.
    pub(crate) constants: Vec<(&'static str, u32)>,
}

impl PipelineKey {
    fn source(&self, tuning: Tuning) -> String {
        // The key carries names so that it can be hashed; the catalogue knows the rest.
        let definitions: Vec<_> = self
            .activations
            .iter()
            .filter_map(|name| Activation::all().find(|activation| activation.name() == *name))
            .map(|activation| activation.definition())
            .collect();
        let definition = definitions.first().copied();
        let words = self.words(tuning);
        let vectors = Vectors {
            element: self.element,
            words,
            lanes: if tuning.lanes == 4 {
                Lanes::Four
            } else {
                Lanes::One
            },
        };
        let math = self.math;
        match (self.kernel, definition) {
            (Kernel::Pointwise(parameter), Some(definition)) => {
                wgsl::pointwise(definition, vectors, parameter, math)
            }
            (Kernel::Columns, Some(definition)) => wgsl::columns(definition, vectors, math),
            (Kernel::Fused, _) => wgsl::fused(&definitions, vectors, math),
            (Kernel::Dice, _) => wgsl::dice(vectors, math),
            (Kernel::DiceColumns, _) => wgsl::dice_columns(vectors, math),
            (Kernel::DiceStatistics, _) => wgsl::dice_statistics(),
            (Kernel::Reduce { reduction, dx }, definition) => {
                wgsl::reduce(reduction, dx, definition, vectors, math)
            }
            (Kernel::Softmax(kernel, _), _) => wgsl::softmax(kernel, vectors, math),
            (Kernel::MaxoutPooling(index), _) => wgsl::maxout_pooling(vectors, index),
            (Kernel::MaxoutAffine(index), _) => wgsl::maxout_affine(vectors, index),
            (Kernel::Arrange, _) => wgsl::arrange(vectors),
            (Kernel::Read, _) => wgsl::read(words),
            (Kernel::Streams, _) => wgsl::streams(words),
            (Kernel::AlphaDropout, _) => wgsl::alpha_dropout(vectors),
            (Kernel::Copy | Kernel::Pointwise(_) | Kernel::Columns, _) => wgsl::copy(words),
        }
    }

    /// What tensors are loaded by. Of long words the pointwise kernels know whole tiles alone, and what is left
    /// over is little.
    fn words(&self, tuning: Tuning) -> Words {
        if tuning.word_bits == 64 && !self.constants.contains(&REMAINDER) {
            Words::U64
        } else {
            Words::U32
        }
    }

    /// Threads per workgroup.
    const fn workgroup(&self, tuning: Tuning) -> u32 {
        match self.kernel {
            Kernel::Pointwise(_)
            | Kernel::Fused
            | Kernel::Dice
            | Kernel::AlphaDropout
            | Kernel::Copy => tuning.pointwise_threads,
            Kernel::Reduce { .. } if tuning.reduction_threads > 1 => {
                SHARE * tuning.reduction_threads
            }
            // A vector per thread: workgroups of 64 are started more slowly than memory takes them.
            Kernel::MaxoutPooling(_) if tuning.maxout_groups == 1 => tuning.pointwise_threads,
            Kernel::Columns
            | Kernel::DiceColumns
            | Kernel::DiceStatistics
            | Kernel::Reduce { .. }
            | Kernel::MaxoutPooling(_)
            | Kernel::MaxoutAffine(_)
            | Kernel::Arrange
            | Kernel::Read
            | Kernel::Streams => 64,
            Kernel::Softmax(_, threads) => threads,
        }
    }
}

/// A pipeline and what is needed to bind and launch it.
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) layout: wgpu::BindGroupLayout,
    /// Threads per workgroup.
    pub(crate) workgroup: u32,
}

impl Pipeline {
    pub(super) fn build(
        device: &wgpu::Device,
        limits: &wgpu::Limits,
        checks: ShaderChecks,
        tuning: Tuning,
        key: &PipelineKey,
    ) -> Self {
        let label = Some(key.entry_point);
        let descriptor = wgpu::ShaderModuleDescriptor {
            label,
            source: wgpu::ShaderSource::Wgsl(key.source(tuning).into()),
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
        let entries: Vec<_> = key
            .bindings
            .iter()
            .map(|binding| {
                let (binding, read_only) = match *binding {
                    Binding::Read(binding) => (binding, true),
                    Binding::Write(binding) => (binding, false),
                };
                entry(binding, wgpu::BufferBindingType::Storage { read_only })
            })
            .collect();
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label,
            entries: &entries,
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label,
            bind_group_layouts: &[Some(&layout), Some(&arguments_layout(device))],
            ..Default::default()
        });
        // Halves are joined with halves, so that only powers of two serve.
        let workgroup = key
            .workgroup(tuning)
            .min(limits.max_compute_invocations_per_workgroup)
            .min(limits.max_compute_workgroup_size_x)
            .max(1);
        let workgroup = 1 << workgroup.ilog2();
        let mut constants = vec![("WORKGROUP", f64::from(workgroup))];
        let others = key.constants.iter();
        constants.extend(others.map(|&(name, value)| (name, f64::from(value))));
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: label,
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        Self {
            pipeline,
            layout,
            workgroup,
        }
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

/// The pipelines built so far.
#[derive(Default)]
pub(super) struct Pipelines(HashMap<PipelineKey, Arc<Pipeline>>);

impl Pipelines {
    pub(super) fn get(&self, key: &PipelineKey) -> Option<Arc<Pipeline>> {
        self.0.get(key).cloned()
    }

    pub(super) fn insert(&mut self, key: PipelineKey, pipeline: Arc<Pipeline>) {
        self.0.insert(key, pipeline);
    }
}

/// Argument blocks, each written once and never changed, so that a command recorded now and
/// submitted later sees its own. Calls repeat their arguments, so the blocks are kept.
#[derive(Default)]
pub(super) struct Arguments(HashMap<Box<[u32]>, wgpu::BindGroup>);

impl Arguments {
    /// Beyond this many, all are dropped: recorded commands hold on to theirs.
    const KEPT: usize = 4096;

    pub(super) fn get(&mut self, device: &wgpu::Device, words: &[u32]) -> wgpu::BindGroup {
        if let Some(kept) = self.0.get(words) {
            return kept.clone();
        }
        if self.0.len() >= Self::KEPT {
            self.0.clear();
        }
        let group = write_arguments(device, words);
        self.0.insert(words.into(), group.clone());
        group
    }
}

fn write_arguments(device: &wgpu::Device, words: &[u32]) -> wgpu::BindGroup {
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
