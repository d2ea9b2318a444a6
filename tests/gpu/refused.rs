//! Wrong use of the public API: each error names the values and the rule.

use half::f16;
use wgpu::BufferUsages;
use wgpu_activations::{
    Activation, Chain, Dice, ElementType, Error, Gpu, Pointwise, ShaderChecks,
    kernel::baseline::encode_read,
};

use super::{ALL_USAGES, assert_alive, buffer, common::trusted_devices, refused};

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
            elu.parameter_gradient(&x, &foreign).map(|_| ()),
        ] {
            assert_eq!(
                refused(result).0,
                "elu: the tensors belong to different devices; move them to one"
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
        for result in [op.forward(&x), op.parameter_gradient(&x, &x)] {
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
        let (text, error) = refused(gpu.allocate([usize::MAX, 2], ElementType::F16));
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
