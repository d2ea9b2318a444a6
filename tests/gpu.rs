//! The device layer on every adapter: errors, the caller's own devices and encoders, lost devices.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "gpu/own.rs"]
mod own_code;
#[path = "gpu/refused.rs"]
mod refused;

use std::{
    fmt::Debug,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use common::{Device, Guarded, same_bits, trusted_devices};
use half::f16;
use wgpu::BufferUsages;
use wgpu_activations::{
    Activation, Dice, ElementType, Error, ErrorKind, Gpu, Moments, Pointwise, Result, ShaderChecks,
    Tensor, TensorMoments, kernel::baseline::encode_copy,
};

/// The error of a call that must fail, as text, together with the error.
fn refused<T: Debug>(result: Result<T>) -> (String, Error) {
    let error = result.expect_err("the call must be refused");
    (error.to_string(), error)
}

/// The device still works.
fn assert_alive(gpu: &Gpu) {
    let x = gpu.upload(&[-1.0f32, 2.0], [2]).unwrap();
    let y: Vec<f32> = Activation::RELU.forward(&x).unwrap().download().unwrap();
    assert_eq!(y, [0.0, 2.0]);
}

/// A buffer of the test's own.
fn buffer(gpu: &Gpu, size: u64, usage: BufferUsages) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("own"),
        size,
        usage,
        mapped_at_creation: false,
    })
}

const ALL_USAGES: BufferUsages = BufferUsages::STORAGE
    .union(BufferUsages::COPY_SRC)
    .union(BufferUsages::COPY_DST);

/// A device of the test's own, with wgpu's default limits.
fn own(device: &Device) -> Gpu {
    device
        .with_limits(|limits| *limits = wgpu::Limits::default())
        .gpu
}

#[test]
fn recorded_commands_wait_for_the_caller_and_keep_their_own_parameters() {
    for device in trusted_devices() {
        let gpu = own(&device);
        let storage = || buffer(&gpu, 1024, ALL_USAGES);
        let over = |buffer: &wgpu::Buffer| {
            gpu.tensor_from_wgpu(buffer, 256, [5], ElementType::F32)
                .unwrap()
        };
        let (x, upstream) = (over(&storage()), over(&storage()));
        x.write(&[-2.0f32, -1.0, 0.0, 1.0, 2.0]).unwrap();
        upstream.write(&[1.0f32, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        let mut outputs = Vec::new();
        for step in 0..40 {
            let slope = 0.25 * step as f32;
            let op = Pointwise::new(Activation::LEAKY_RELU.with(slope).unwrap());
            let (y, dx) = (over(&storage()), over(&storage()));
            op.encode_forward(&mut encoder, &x, &y).unwrap();
            op.encode_backward(&mut encoder, &x, &upstream, &dx)
                .unwrap();
            outputs.push((slope, y, dx));
        }
        // In place, on top of the last results.
        let last = &outputs[39];
        let relu = Pointwise::new(Activation::RELU);
        relu.encode_forward_in_place(&mut encoder, &last.1).unwrap();
        relu.encode_backward_in_place(&mut encoder, &x, &last.2)
            .unwrap();

        gpu.wait().unwrap();
        for (_, y, dx) in &outputs {
            assert_eq!(y.download::<f32>().unwrap(), [0.0; 5]);
            assert_eq!(dx.download::<f32>().unwrap(), [0.0; 5]);
        }
        gpu.queue().submit([encoder.finish()]);
        let (last, outputs) = outputs.split_last().unwrap();
        for (slope, y, dx) in outputs {
            let expected = [-2.0 * slope, -slope, 0.0, 1.0, 2.0];
            assert_eq!(y.download::<f32>().unwrap(), expected);
            let expected = [*slope, 2.0 * slope, 3.0 * slope, 4.0, 5.0];
            assert_eq!(dx.download::<f32>().unwrap(), expected);
        }
        assert_eq!(last.1.download::<f32>().unwrap(), [0.0, 0.0, 0.0, 1.0, 2.0]);
        assert_eq!(last.2.download::<f32>().unwrap(), [0.0, 0.0, 0.0, 4.0, 5.0]);
    }
}

#[test]
fn tensors_dropped_before_the_submission_keep_their_contents() {
    const LEN: usize = 1000;
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let result = buffer(gpu, 4096, ALL_USAGES);
        let y = gpu
            .tensor_from_wgpu(&result, 0, [LEN], ElementType::F32)
            .unwrap();
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        {
            let x = gpu.upload(&[-3.0f32; LEN], [LEN]).unwrap();
            let slopes = gpu.upload(&[0.5f32; LEN], [LEN]).unwrap();
            let between = gpu.allocate([LEN], ElementType::F32).unwrap();
            let op = Pointwise::new(Activation::LEAKY_RELU);
            let op = op.per_channel(&slopes, 0).unwrap();
            op.encode_forward(&mut encoder, &x, &between).unwrap();
            op.encode_forward(&mut encoder, &between, &y).unwrap();
        }
        // Whatever the pool hands out now must be none of them.
        let others: Vec<Tensor> = (0..8)
            .map(|_| gpu.upload(&[7.0f32; LEN], [LEN]).unwrap())
            .collect();
        gpu.wait().unwrap();
        gpu.queue().submit([encoder.finish()]);
        assert_eq!(y.download::<f32>().unwrap(), [-0.75; LEN]);
        for other in others {
            assert_eq!(other.download::<f32>().unwrap(), [7.0; LEN]);
        }
    }
}

#[test]
fn clones_are_the_same_memory() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let x = gpu.upload(&[1.0f32, 2.0, 3.0, 4.0], [4]).unwrap();
        let clone = x.clone().reshaped([2, 2]).unwrap();
        clone.write(&[-1.0f32, 5.0, -2.0, 6.0]).unwrap();
        assert_eq!(x.download::<f32>().unwrap(), [-1.0, 5.0, -2.0, 6.0]);
        assert_eq!((x.shape(), clone.shape()), (&[4][..], &[2, 2][..]));
        let into = Pointwise::new(Activation::RELU).forward_into(&x, &x.clone());
        assert_eq!(refused(into).1.kind(), ErrorKind::Usage);
        Pointwise::new(Activation::RELU)
            .forward_in_place(&clone)
            .unwrap();
        assert_eq!(x.download::<f32>().unwrap(), [0.0, 5.0, 0.0, 6.0]);
    }
}

#[test]
fn what_lies_behind_a_tensor_stays() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let both = buffer(gpu, 1024, ALL_USAGES);
        let all = gpu
            .tensor_from_wgpu(&both, 0, [8], ElementType::F16)
            .unwrap();
        let eight = [f16::from_f32(-2.5); 8];
        all.write(&eight).unwrap();
        for len in 1..8 {
            let first = gpu
                .tensor_from_wgpu(&both, 0, [len], ElementType::F16)
                .unwrap();
            first.write(&vec![f16::ONE; len]).unwrap();
            let found: Vec<f16> = all.download().unwrap();
            assert_eq!(found[..len], vec![f16::ONE; len]);
            assert_eq!(found[len..], eight[len..], "{len} were written");
        }
    }
}

#[test]
fn a_buffer_is_used_again_once_its_last_clone_is_gone() {
    const LEN: usize = 1000;
    for device in trusted_devices() {
        // A pool of the test's own.
        let gpu = &device.gpu.with_tuning(device.gpu.tuning().clone());
        let of_new_memory = || gpu.allocate([LEN], ElementType::F32).unwrap();
        let x = gpu.upload(&[7.0f32; LEN], [LEN]).unwrap();
        let clone = x.clone();
        drop(x);
        let other = of_new_memory();
        assert_eq!(other.download::<f32>().unwrap(), [0.0; LEN]);
        assert_eq!(clone.download::<f32>().unwrap(), [7.0; LEN]);
        drop(clone);
        // What wgpu makes is cleared, what the pool gives is not.
        assert_eq!(of_new_memory().download::<f32>().unwrap(), [7.0; LEN]);
        // A buffer that the caller has seen through a clone is not used again.
        let seen = gpu.upload(&[8.0f32; LEN], [LEN]).unwrap();
        seen.clone().buffer();
        gpu.trim();
        drop(seen);
        assert_eq!(of_new_memory().download::<f32>().unwrap(), [0.0; LEN]);
    }
}

#[test]
fn moments_go_to_the_device_and_back() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let moments = Moments::new(3, vec![2.0, -0.5], vec![8.0, 0.25]).unwrap();
        let uploaded = TensorMoments::upload(gpu, &moments).unwrap();
        assert_eq!(uploaded.count(), 3);
        assert_eq!(uploaded.download().unwrap(), moments);
        let none = Moments::of(&[], 0, 1).unwrap();
        let uploaded = TensorMoments::upload(gpu, &none).unwrap();
        assert_eq!(uploaded.download().unwrap(), none);
        // A batch in two parts, merged, is the batch.
        let x = gpu.upload(&[1.0f32, 10.0, 3.0, 11.0], [2, 2]).unwrap();
        let parts = [[1.0, 10.0], [3.0, 11.0]].map(|part| Moments::of(&part, 2, 1).unwrap());
        let merged = TensorMoments::upload(gpu, &parts[0].merge(&parts[1]).unwrap()).unwrap();
        let dice = Dice::new(gpu, 2).unwrap();
        let (_, whole) = dice.train(&x).unwrap();
        let [apart, at_once] =
            [&merged, &whole].map(|batch| dice.backward(&x, &x, batch).unwrap().dx);
        let expected: Vec<f32> = at_once.download().unwrap();
        assert_eq!(apart.download::<f32>().unwrap(), expected);
    }
}

/// Runs every call that reaches the device.
fn every_call(gpu: &Gpu, x: &Tensor) -> Vec<Option<Error>> {
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    let elu = Pointwise::new(Activation::ELU);
    vec![
        gpu.upload(&[1.0f32; 4], [4]).err(),
        gpu.allocate([1 << 20], ElementType::F32).err(),
        x.write(&[1.0f32; 4]).err(),
        elu.forward(x).err(),
        elu.forward_in_place(x).err(),
        elu.backward(x, x).err(),
        elu.parameter_gradients(x, x).err(),
        elu.encode_forward_in_place(&mut encoder, x).err(),
        x.download::<f32>().err(),
        pollster::block_on(x.download_async::<f32>()).err(),
        gpu.wait().err(),
        pollster::block_on(gpu.wait_async()).err(),
    ]
}

#[test]
fn a_lost_device_is_an_error() {
    for device in trusted_devices() {
        let opened = Gpu::open(&device.adapter, ShaderChecks::Trusted).unwrap();
        for gpu in [opened, own(&device)] {
            let x = gpu.upload(&[1.0f32; 4], [4]).unwrap();
            gpu.device().destroy();
            for (call, error) in every_call(&gpu, &x).into_iter().enumerate() {
                // Recording touches no device.
                if call == 7 {
                    continue;
                }
                assert!(
                    matches!(error, Some(Error::DeviceLost(_))),
                    "{}: call {call} gave {error:?}",
                    device.name
                );
            }
        }
        assert_alive(&device.gpu);
    }
}

/// wgpu tells of a loss once, to one thread, and on the caller's own device to the caller.
#[test]
fn every_thread_is_told_that_the_device_is_lost() {
    for device in trusted_devices() {
        let opened = Gpu::open(&device.adapter, ShaderChecks::Trusted).unwrap();
        for gpu in [opened, own(&device)] {
            let until_failure = |x: &Tensor, rounds: &AtomicUsize| {
                let round = || -> Result<()> {
                    rounds.fetch_add(1, Ordering::Relaxed);
                    let y = Activation::ELU.forward(x)?;
                    x.write(&[1.0f32; 1000])?;
                    pollster::block_on(y.download_async::<f32>())?;
                    y.download::<f32>()?;
                    gpu.wait()
                };
                (0..1_000_000).find_map(|_| round().err())
            };
            let rounds = AtomicUsize::new(0);
            let errors: Vec<_> = thread::scope(|scope| {
                let start = || {
                    // A late one is told by its first call.
                    scope.spawn(|| match gpu.upload(&[1.0f32; 1000], [1000]) {
                        Ok(x) => until_failure(&x, &rounds),
                        Err(error) => Some(error),
                    })
                };
                let threads: Vec<_> = (0..8).map(|_| start()).collect();
                while rounds.load(Ordering::Relaxed) < 16 {
                    thread::yield_now();
                }
                gpu.device().destroy();
                threads.into_iter().map(|it| it.join().unwrap()).collect()
            });
            for error in errors {
                assert!(
                    matches!(error, Some(Error::DeviceLost(_))),
                    "{}: {error:?}",
                    device.name
                );
            }
        }
    }
}

#[test]
fn what_wgpu_refuses_is_an_error() {
    for device in trusted_devices() {
        for gpu in [device.gpu.clone(), own(&device)] {
            let over = |buffer: &wgpu::Buffer| {
                gpu.tensor_from_wgpu(buffer, 0, [4], ElementType::F32)
                    .unwrap()
            };
            let validation = |result: Result<()>| {
                let (text, error) = refused(result);
                assert!(matches!(error, Error::Validation(_)), "{text}");
                assert!(!text.contains('\n'), "{text}");
            };
            let sealed = over(&buffer(&gpu, 1024, BufferUsages::STORAGE));
            validation(sealed.write(&[1.0f32; 4]));
            validation(sealed.download::<f32>().map(|_| ()));
            validation(pollster::block_on(sealed.download_async::<f32>()).map(|_| ()));
            let gone = buffer(&gpu, 1024, ALL_USAGES);
            let tensor = over(&gone);
            gone.destroy();
            validation(Activation::RELU.forward(&tensor).map(|_| ()));
            validation(Pointwise::new(Activation::RELU).forward_in_place(&tensor));
            validation(tensor.download::<f32>().map(|_| ()));
            assert_alive(&gpu);
        }
        // An error from outside of this crate's calls is reported by the next one, once.
        let gpu = &device.gpu;
        buffer(gpu, 1024, BufferUsages::empty());
        assert!(matches!(gpu.wait(), Err(Error::Validation(_))));
        gpu.wait().unwrap();
        assert_alive(gpu);
    }
}

#[test]
fn an_asynchronous_download_needs_nobody_to_poll() {
    for device in trusted_devices() {
        for gpu in [&device.gpu, &own(&device)] {
            let x: Vec<f32> = (0..100_003).map(|i| i as f32).collect();
            let tensor = gpu.upload(&x, [x.len()]).unwrap();
            let y = Activation::RELU.forward(&tensor).unwrap();
            let found: Vec<f32> = pollster::block_on(y.download_async()).unwrap();
            assert_eq!(found, x);
            pollster::block_on(gpu.wait_async()).unwrap();
            let moments = tensor.moments(-1).unwrap();
            let async_moments = pollster::block_on(moments.download_async()).unwrap();
            assert_eq!(async_moments, moments.download().unwrap());
            let empty = gpu.upload(&[0.0f32; 0], [0]).unwrap();
            assert_eq!(
                pollster::block_on(empty.download_async::<f32>()).unwrap(),
                [0.0f32; 0]
            );
        }
        let gpu = pollster::block_on(Gpu::open_async(&device.adapter, ShaderChecks::Checked));
        assert_alive(&gpu.unwrap());
    }
}

#[test]
fn threads_share_a_device() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        thread::scope(|scope| {
            for thread in 0..3u16 {
                scope.spawn(move || {
                    for round in 0..30u16 {
                        let value = f32::from(1 + thread * 100 + round);
                        let len = 1000 + 64 * usize::from(round % 4);
                        let x = gpu.upload(&vec![-value; len], [len]).unwrap();
                        let op = Activation::LEAKY_RELU.with(value).unwrap();
                        let y = op.forward(&x).unwrap();
                        let dx = op.backward(&x, &y).unwrap();
                        assert_eq!(y.download::<f32>().unwrap(), vec![-value * value; len]);
                        assert_eq!(
                            dx.download::<f32>().unwrap(),
                            vec![-value * value * value; len]
                        );
                    }
                });
            }
        });
    }
}

#[test]
fn the_baseline_copies_and_no_more() {
    for device in trusted_devices() {
        let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 16 << 10);
        for gpu in [&device.gpu, &small.gpu] {
            for len in [0, 1, 3, 2047, 2049, 10_001] {
                let x: Vec<f16> = (0..len).map(|i| f16::from_bits(i as u16)).collect();
                let from = Guarded::new(gpu, &x, &[len]).unwrap();
                let to = Guarded::new(gpu, &vec![f16::NAN; len], &[len]).unwrap();
                let mut encoder = gpu.device().create_command_encoder(&Default::default());
                encode_copy(&mut encoder, &from.tensor, &to.tensor).unwrap();
                gpu.queue().submit([encoder.finish()]);
                let found: Vec<f16> = to.download().unwrap();
                same_bits("the copy", &found, &x).unwrap();
            }
        }
    }
}
