//! Activations inside an application's own wgpu work: its device, its buffers, its command
//! encoder, its submission: `cargo run --release --example own_device`

#![allow(clippy::print_stdout)]

use std::error::Error;

use wgpu::util::DeviceExt;
use wgpu_activations::{Activation, ElementType, Gpu, Pointwise};

fn main() -> Result<(), Box<dyn Error>> {
    // What the application has anyway.
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapter =
        pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))?;
    let (device, queue) =
        pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor::default()))?;
    let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
    let input = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: Some("input"),
        contents: bytemuck::cast_slice(&[-2.0f32, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        usage,
    });
    let output = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("output"),
        size: input.size(),
        usage,
        mapped_at_creation: false,
    });

    // The crate borrows all of it; tensors are views of the application's buffers.
    let gpu = Gpu::from_wgpu(device.clone(), queue.clone());
    let x = gpu.tensor_from_wgpu(&input, 0, [2, 4], ElementType::F32)?;
    let y = gpu.tensor_from_wgpu(&output, 0, [2, 4], ElementType::F32)?;

    // Recorded among the application's own commands; nothing is submitted before it says so.
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    Pointwise::new(Activation::ELU.with(0.5)?).encode_forward(&mut encoder, &x, &y)?;
    Pointwise::new(Activation::SIGMOID).encode_forward_in_place(&mut encoder, &y)?;
    queue.submit([encoder.finish()]);

    println!("sigmoid(elu(x)) = {:.3?}", y.download::<f32>()?);
    Ok(())
}
