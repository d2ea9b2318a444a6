//! Host cost of recording one operation with everything cached: what a caller with an encoder of its own pays per call,
//! beside the same dispatch by wgpu's calls alone. Once for the calls, and once with the encoder's share of `finish`, in
//! which wgpu hands the commands to the driver.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use wgpu::CommandEncoder;
use wgpu_activations::{Activation, ElementType, Gpu, Pointwise, Tensor};

/// Calls per encoder.
const CALLS: u64 = 64;

/// What puts calls into an encoder.
type Recording<'a> = dyn Fn(&mut CommandEncoder) + 'a;

fn encode(criterion: &mut Criterion) {
    let gpu = common::open();
    let x = gpu.upload(&[1.0f32; 4096], [64, 64]).unwrap();
    let y = gpu.allocate([64, 64], ElementType::F32).unwrap();
    let slopes = gpu.upload(&[0.25f32; 64], [64]).unwrap();
    let gelu = Pointwise::new(Activation::GELU);
    let prelu = Pointwise::new(Activation::LEAKY_RELU)
        .per_channel(&slopes, -1)
        .unwrap();
    let of = |op: Pointwise| {
        let (x, y) = (x.clone(), y.clone());
        move |encoder: &mut CommandEncoder| op.encode_forward(encoder, &x, &y).unwrap()
    };
    let alone = wgpu_alone(&gpu, &x, &y);
    let all: [(&str, Box<Recording<'_>>); 3] = [
        ("gelu", Box::new(of(gelu))),
        ("prelu", Box::new(of(prelu))),
        ("wgpu alone", Box::new(alone)),
    ];
    let mut group = criterion.benchmark_group(format!("encode on {}", gpu.name()));
    for (name, record) in &all {
        for (what, finished) in [("", false), (", finished", true)] {
            group.bench_function(format!("{name}{what}"), |bencher| {
                bencher.iter_custom(|iterations| {
                    let encoders = iterations.div_ceil(CALLS);
                    let all = (0..encoders).map(|_| time(&gpu, record, finished));
                    // The time of `iterations` calls, from that of whole encoders.
                    let share = iterations as f64 / (encoders * CALLS) as f64;
                    all.sum::<Duration>().mul_f64(share)
                });
            });
        }
    }
    group.finish();
}

/// The time that an encoder's calls take, with its `finish` if that counts.
fn time(gpu: &Gpu, record: &dyn Fn(&mut CommandEncoder), finished: bool) -> Duration {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    let start = Instant::now();
    for _ in 0..CALLS {
        record(&mut encoder);
    }
    let recorded = start.elapsed();
    let commands = encoder.finish();
    let all = start.elapsed();
    gpu.queue().submit([commands]);
    gpu.wait().unwrap();
    if finished { all } else { recorded }
}

/// A dispatch over x and y with arguments in a uniform buffer, as an operation's is, by what wgpu asks for and no more.
fn wgpu_alone(gpu: &Gpu, x: &Tensor, y: &Tensor) -> impl Fn(&mut CommandEncoder) + use<> {
    const SHADER: &str = "
        @group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
        @group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
        @group(1) @binding(0) var<uniform> vectors: vec4<u32>;

        @compute @workgroup_size(256)
        fn copy(@builtin(global_invocation_id) thread: vec3<u32>) {
            if thread.x < vectors.x { y[thread.x] = x[thread.x]; }
        }";
    let device = gpu.device().clone();
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(SHADER.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    });
    let arguments = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: wgpu::BufferUsages::UNIFORM,
        mapped_at_creation: false,
    });
    let arguments = group(&device, &pipeline.get_bind_group_layout(1), &[&arguments]);
    let layout = pipeline.get_bind_group_layout(0);
    let (x, y) = (x.buffer().clone(), y.buffer().clone());
    move |encoder| {
        let tensors = group(&device, &layout, &[&x, &y]);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &tensors, &[]);
        pass.set_bind_group(1, &arguments, &[]);
        pass.dispatch_workgroups(2, 1, 1);
    }
}

/// The bind group of whole buffers.
fn group(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    buffers: &[&wgpu::Buffer],
) -> wgpu::BindGroup {
    let buffers = (0..).zip(buffers);
    let entries = buffers.map(|(binding, buffer)| wgpu::BindGroupEntry {
        binding,
        resource: buffer.as_entire_binding(),
    });
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout,
        entries: &entries.collect::<Vec<_>>(),
    })
}

criterion_group!(benches, encode);
criterion_main!(benches);
