//! Wrong use of the public API: each error names the values and the rule.

use half::f16;
use wgpu::BufferUsages;
use wgpu_activations::{
    Activation, Chain, Dice, ElementType, Error, ErrorKind, Gpu, Pointwise, Result, ShaderChecks,
    Softmax, Tensor,
    kernel::{
        baseline::{encode_copy, encode_read},
        recorder,
    },
};

use super::{
    ALL_USAGES, assert_alive, buffer,
    common::{Device, trusted_devices},
    own, refused,
};

#[test]
fn tensors_that_do_not_belong_together_are_refused() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let x = gpu.upload(&[1.0f32; 6], [2, 3]).unwrap();
        let y = gpu.upload(&[1.0f32; 6], [2, 3]).unwrap();
        let turned = gpu.upload(&[1.0f32; 6], [3, 2]).unwrap();
        let halves = gpu.upload(&[f16::ONE; 6], [2, 3]).unwrap();
        let elu = Pointwise::new(Activation::ELU);
        assert_eq!(
            refused(elu.backward(&x, &turned)).0,
            "elu: upstream has shape [3, 2] but x has shape [2, 3]; they must match"
        );
        assert_eq!(
            refused(elu.forward_into(&x, &turned)).0,
            "elu: y has shape [3, 2] but x has shape [2, 3]; they must match"
        );
        assert_eq!(
            refused(elu.backward_into(&x, &y, &turned)).0,
            "elu: dx has shape [3, 2] but x has shape [2, 3]; they must match"
        );
        assert_eq!(
            refused(elu.forward_into(&x, &halves)).0,
            "elu: y holds f16 but x holds f32; they must match"
        );
        assert_eq!(
            refused(elu.backward_in_place(&x, &halves)).0,
            "elu: upstream holds f16 but x holds f32; they must match"
        );
        assert_alive(gpu);
    }
}

#[test]
fn outputs_in_the_buffer_of_an_input_are_refused() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let shared = buffer(gpu, 1024, ALL_USAGES);
        let part = |offset| {
            gpu.tensor_from_wgpu(&shared, offset, [4], ElementType::F32)
                .unwrap()
        };
        // Apart in memory, but wgpu tracks whole buffers.
        let (x, y) = (part(0), part(512));
        let other = gpu.upload(&[1.0f32; 4], [4]).unwrap();
        let gelu = Pointwise::new(Activation::GELU);
        assert_eq!(
            refused(gelu.forward_into(&x, &y)).0,
            "gelu: x and y lie in the same buffer; use forward_in_place or another buffer"
        );
        for result in [
            gelu.forward_into(&other, &other),
            gelu.backward_into(&x, &other, &y),
            gelu.backward_into(&other, &x, &y),
            gelu.backward_in_place(&x, &x),
            gelu.backward_in_place(&x, &y),
        ] {
            assert!(matches!(refused(result).1, Error::Aliased { .. }));
        }
        // Two inputs may share.
        let dx = gelu.backward(&x, &x).unwrap();
        assert_eq!(dx.download::<f32>().unwrap(), [0.0; 4]);
    }
}

#[test]
fn tensors_of_another_device_are_refused() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let other = Gpu::open(&device.adapter, ShaderChecks::Trusted).unwrap();
        let x = gpu.upload(&[1.0f32; 3], [3]).unwrap();
        let foreign = other.upload(&[1.0f32; 3], [3]).unwrap();
        let elu = Pointwise::new(Activation::ELU);
        let per_channel = elu.clone().per_channel(&foreign, 0).unwrap();
        for result in [
            elu.forward_into(&x, &foreign),
            elu.backward_in_place(&x, &foreign),
            elu.backward(&x, &foreign).map(|_| ()),
            elu.backward_into(&x, &x, &foreign),
            per_channel.forward(&x).map(|_| ()),
            elu.parameter_gradients(&x, &foreign).map(|_| ()),
        ] {
            assert_eq!(
                refused(result).0,
                "elu: tensors, buffers and encoders belong to different devices; take all of one"
            );
        }
        assert_alive(gpu);
        assert_alive(&other);
    }
}

#[test]
fn parameters_that_do_not_fit_are_refused() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let x = gpu.upload(&[1.0f32; 6], [2, 3]).unwrap();
        let two = gpu.upload(&[0.5f32; 2], [2]).unwrap();
        let halves = gpu.upload(&[f16::ONE; 3], [3]).unwrap();
        let elu = Pointwise::new(Activation::ELU);
        let channel = |axis| elu.clone().per_channel(&two, axis).unwrap();
        assert_eq!(
            refused(channel(1).forward(&x)).0,
            "elu: 2 values of alpha but 3 channels along axis 1 of shape [2, 3]; they must match"
        );
        assert_eq!(
            refused(channel(-1).backward(&x, &x)).0,
            "elu: 2 values of alpha but 3 channels along axis 1 of shape [2, 3]; they must match"
        );
        for axis in [2, -3, i64::MAX, i64::MIN] {
            assert_eq!(
                refused(channel(axis).forward(&x)).0,
                format!("axis {axis} does not exist in shape [2, 3]; axes run from -2 to 1")
            );
        }
        let (text, error) = refused(Pointwise::new(Activation::RELU).per_channel(&two, 1));
        assert!(
            matches!(error, Error::UnknownParameter { ref op, .. } if op == "relu"),
            "{text}"
        );
        let (text, _) = refused(elu.clone().per_channel(&halves, 1));
        assert_eq!(
            text,
            "elu: the parameter tensor holds f16 but the kernel holds f32; they must match"
        );
        // A scalar has no axis, nothing has no channels.
        let scalar = gpu.upload(&[1.0f32], []).unwrap();
        assert!(matches!(
            refused(channel(0).forward(&scalar)).1,
            Error::AxisOutOfRange { .. }
        ));
        assert_alive(gpu);
    }
}

/// One parameter more than a binding holds.
#[test]
fn more_parameters_than_a_binding_holds_are_refused() {
    for device in trusted_devices() {
        let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 4096);
        let gpu = &small.gpu;
        let parameters = gpu.upload(&[0.5f32; 1025], [1025]).unwrap();
        let x = gpu.upload(&[-1.0f32; 1025], [1025]).unwrap();
        let elu = Pointwise::new(Activation::ELU);
        let op = elu.clone().per_channel(&parameters, 0).unwrap();
        let gradient = op.parameter_gradients(&x, &x);
        for result in [op.forward(&x), gradient.map(|mut it| it.remove(0))] {
            let (text, error) = refused(result);
            assert!(matches!(error, Error::TooLarge { .. }), "{text}");
        }
    }
}

#[test]
fn buffers_that_cannot_serve_are_refused() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let storage = buffer(gpu, 1024, ALL_USAGES);
        let copies = buffer(gpu, 1024, BufferUsages::COPY_SRC | BufferUsages::COPY_DST);
        let over = |buffer, offset, shape: &[usize]| {
            gpu.tensor_from_wgpu(buffer, offset, shape, ElementType::F32)
        };
        let (text, error) = refused(over(&copies, 0, &[4]));
        assert!(matches!(error, Error::Buffer { .. }));
        assert!(
            text.contains("shape [4]") && text.contains("must contain STORAGE"),
            "{text}"
        );
        let alignment = gpu.limits().min_storage_buffer_offset_alignment;
        let (text, _) = refused(over(&storage, 4, &[4]));
        assert!(
            text.contains(&format!(
                "its offset is 4 but must be a multiple of {alignment}"
            )),
            "{text}"
        );
        let (text, _) = refused(over(&storage, 0, &[257]));
        assert!(text.contains("it has 1024 bytes but needs 1040"), "{text}");
        let last = u64::MAX - u64::from(alignment) + 1;
        assert!(over(&storage, last, &[4]).is_err());
        let (text, _) = refused(over(&storage, 0, &[usize::MAX / 4]));
        assert!(
            text.contains("but needs more than can be counted"),
            "{text}"
        );
        assert!(over(&storage, 1024, &[1]).is_err());
        assert!(over(&storage, 0, &[usize::MAX, 8]).is_err());
        assert!(over(&storage, 0, &[256]).is_ok());
        assert!(over(&storage, 512, &[2, 64]).is_ok());
        assert!(over(&storage, 1024, &[0]).is_ok());
    }
}

#[test]
fn sizes_and_types_that_do_not_match_are_refused() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let limit = gpu.limits().max_buffer_size;
        let (text, error) = refused(gpu.allocate([limit as usize / 4 + 4], ElementType::F32));
        assert!(
            matches!(error, Error::TooLarge { limit: said, .. } if said == limit),
            "{text}"
        );
        assert!(text.ends_with("work in smaller pieces"), "{text}");
        // Where a count overflows there is no number to name.
        let (text, error) = refused(gpu.allocate([usize::MAX, 2], ElementType::F16));
        assert!(matches!(error, Error::TooLarge { .. }), "{text}");
        assert!(
            text.ends_with("takes more bytes than can be counted; make it smaller"),
            "{text}"
        );
        let (text, error) = refused(gpu.allocate([usize::MAX / 4 - 1], ElementType::F32));
        assert!(matches!(error, Error::TooLarge { .. }), "{text}");
        let empty = gpu.allocate([usize::MAX, 2, 0], ElementType::F32).unwrap();
        assert_eq!(empty.len(), 0);
        let one = gpu.upload(&[0.5f32; 2], [2]).unwrap();
        let op = Pointwise::new(Activation::ELU)
            .per_channel(&one, 1)
            .unwrap();
        assert!(op.forward(&empty).unwrap().is_empty());

        assert_eq!(
            refused(gpu.upload(&[1.0f32; 5], [2, 3])).0,
            "shape [2, 3] holds 6 elements but the data has 5; they must match"
        );
        let x = gpu.upload(&[1.0f32; 6], [2, 3]).unwrap();
        assert!(matches!(
            refused(x.write(&[1.0f32; 7])).1,
            Error::LengthMismatch {
                expected: 6,
                found: 7,
                ..
            }
        ));
        assert!(matches!(
            refused(x.download_into(&mut [1.0f32; 7])).1,
            Error::LengthMismatch {
                expected: 6,
                found: 7,
                ..
            }
        ));
        let mismatch = "the tensor holds f32 but the slice holds f16; they must match";
        assert_eq!(
            refused(x.download::<f16>()).0,
            format!("download: {mismatch}")
        );
        assert_eq!(
            refused(x.write(&[f16::ONE; 6])).0,
            format!("write: {mismatch}")
        );
        let (text, _) = refused(pollster::block_on(x.download_async::<f16>()));
        assert_eq!(text, format!("download: {mismatch}"));
        assert_alive(gpu);
    }
}

/// Instances of wgpu number their resources alike: a stranger's would pass for one of the device's own.
#[test]
fn what_belongs_to_another_device_is_refused() {
    for device in trusted_devices() {
        let again = Gpu::open(&device.adapter, ShaderChecks::Trusted).unwrap();
        let apart = Device::all().into_iter().find(Device::trusted).unwrap();
        for (gpu, other) in [
            (&device.gpu, &again),
            (&device.gpu, &own(&device)),
            (&own(&device), &device.gpu),
            (&own(&device), &own(&device)),
            (&device.gpu, &apart.gpu),
        ] {
            let foreign = |result: Result<()>| {
                let (text, error) = refused(result);
                assert!(matches!(error, Error::ForeignTensor { .. }), "{text}");
                assert_eq!(error.kind(), ErrorKind::Device);
            };
            let [mine, theirs] = [gpu, other].map(|it| it.upload(&[-1.0f32; 64], [64]).unwrap());
            let over = |gpu: &Gpu, tensor: &Tensor| {
                gpu.tensor_from_wgpu(tensor.buffer(), 0, [64], ElementType::F32)
            };
            foreign(over(gpu, &theirs).map(drop));
            over(gpu, &mine).unwrap().write(&[-2.0f32; 64]).unwrap();
            assert_eq!(theirs.download::<f32>().unwrap(), [-1.0; 64]);

            let encoder = |gpu: &Gpu| gpu.device().create_command_encoder(&Default::default());
            let relu = Pointwise::new(Activation::RELU);
            let softmax = Chain::new(relu.clone()).then(Softmax::new(-1));
            let result = gpu.upload(&[0.0f32; 64], [64]).unwrap();
            let mut stranger = encoder(other);
            foreign(relu.encode_forward_in_place(&mut stranger, &mine));
            foreign(softmax.encode_forward_in_place(&mut stranger, &mine));
            foreign(mine.encode_moments(&mut stranger, -1).map(drop));
            foreign(encode_copy(
                &mut stranger,
                &over(gpu, &mine).unwrap(),
                &result,
            ));
            foreign(encode_read(&mut stranger, &mine, None, [4, 1], &mine));
            other.queue().submit([stranger.finish()]);
            let mut own = encoder(gpu);
            relu.encode_forward_in_place(&mut own, &mine).unwrap();
            gpu.queue().submit([own.finish()]);
            assert_eq!(mine.download::<f32>().unwrap(), [0.0; 64]);

            foreign(recorder::submit(gpu, |recorder| {
                recorder.copy(&mine, &theirs)
            }));
            let mixed = Gpu::from_wgpu(gpu.device().clone(), other.queue().clone());
            foreign(mixed.upload(&[1.0f32; 4], [4]).map(drop));
            assert_alive(gpu);
            assert_alive(other);
        }
    }
}

/// What a device must be opened with is told by name.
#[test]
fn limits_that_are_too_low_are_named() {
    for device in trusted_devices() {
        let low = device.with_limits(|limits| *limits = wgpu::Limits::downlevel_defaults());
        let gpu = &low.gpu;
        let x = gpu.upload(&[1.0f32; 64], [8, 8]).unwrap();
        let text = |kernel: &str| {
            format!(
                "kernel `{kernel}` needs max_storage_buffers_per_shader_stage = 5 but this device has 4; open it with \
                 more, as `adapter.limits()` has"
            )
        };
        let dice = Dice::new(gpu, 8).unwrap();
        let slopes = Pointwise::new(Activation::PRELU)
            .per_channel(vec![0.25; 8], -1)
            .unwrap();
        let gradients = slopes.gradients(&x, &x).map(drop);
        for (result, kernel) in [(dice.train(&x).map(drop), "train"), (gradients, "columns")] {
            let (told, error) = refused(result);
            assert_eq!(told, text(kernel));
            assert_eq!(error.kind(), ErrorKind::TooLarge);
        }
        assert_alive(gpu);
    }
}

#[test]
fn what_no_device_holds_is_refused_before_memory_is_taken() {
    for device in trusted_devices() {
        let gpu = &device.gpu;
        for channels in [usize::MAX / 20 + 2, usize::MAX / 4 + 1, usize::MAX] {
            let (text, error) = refused(Dice::new(gpu, channels));
            assert!(matches!(error, Error::TooLarge { .. }), "{text}");
        }
        let chain: Chain = "dice".parse().unwrap();
        let (text, error) = refused(chain.result_shape(&[usize::MAX, 2]));
        assert!(matches!(error, Error::TooLarge { .. }), "{text}");

        let x = gpu.upload(&[1.0f32; 8], [2, 4]).unwrap();
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        for columns in [0, 3, usize::MAX] {
            let (text, error) = refused(encode_read(&mut encoder, &x, None, [columns, 1], &x));
            assert!(matches!(error, Error::LengthMismatch { .. }), "{text}");
        }

        let unable = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 0);
        let (text, error) = refused(unable.gpu.upload(&[1.0f32; 8], [8]));
        assert!(matches!(error, Error::TooLarge { limit: 0, .. }), "{text}");
        assert!(text.ends_with("max_storage_buffer_binding_size"), "{text}");
        let (text, error) = refused(Activation::RELU.apply(&unable.gpu, &mut [1.0f32; 8]));
        assert!(matches!(error, Error::TooLarge { .. }), "{text}");
        assert_alive(gpu);
    }
}
