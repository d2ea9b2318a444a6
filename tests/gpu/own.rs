//! A user's own kernels and activations.

use wgpu_activations::{
    Activation, Chain, Error, Gpu, Offload, Pointwise, Result, Tensor,
    activation::{Definition, Parameter},
    arguments,
    gpu::{Binding, Kernel},
    kernel::recorder,
    wgsl::{self, Arguments, Shader},
};

use super::{assert_alive, own, refused, trusted_devices};

arguments! {
    /// What the kernel takes.
    struct Scale {
        /// Vectors of four elements.
        vectors: u32,
        /// What each element is multiplied by.
        factor: f32,
    }
}

const SCALE: &str = "
    override WORKGROUP: u32;
    @group(0) @binding(0) var<storage, read> x: array<Packed>;
    @group(0) @binding(1) var<storage, read_write> y: array<Packed>;

    @compute @workgroup_size(WORKGROUP)
    fn scale(@builtin(global_invocation_id) thread: vec3<u32>) {
        if thread.x >= arguments.vectors { return; }
        y[thread.x] = pack(arguments.factor * unpack(x[thread.x]));
    }";

fn scaled(gpu: &Gpu, text: &'static str, x: &Tensor, factor: f32) -> Result<Tensor> {
    let vectors = gpu.tuning().vectors(x.element());
    let shader = Shader::from(Scale::WGSL)
        .and(text.into())
        .and(wgsl::elements(vectors));
    let bindings = &[Binding::Read(0), Binding::Write(1)];
    let kernel = Kernel::new(shader, "scale", bindings, gpu.workgroup(64));
    recorder::submit(gpu, |recorder| {
        let y = recorder.allocate(gpu, x.shape(), x.element())?;
        let vectors = x.len().div_ceil(4);
        let arguments = Scale {
            vectors: vectors as u32,
            factor,
        };
        let groups = kernel.groups(vectors as u64);
        recorder.dispatch(&kernel, &[(0, x), (1, &y)], &arguments, groups)?;
        Ok(y)
    })
}

#[test]
fn a_kernel_of_ones_own_is_launched() {
    let values: Vec<f32> = (0..1003).map(|i| i as f32).collect();
    for device in trusted_devices() {
        for gpu in [&device.gpu, &own(&device)] {
            let x = gpu.upload(&values, [values.len()]).unwrap();
            for factor in [2.0, -0.5] {
                let y = scaled(gpu, SCALE, &x, factor).unwrap();
                let expected: Vec<_> = values.iter().map(|x| factor * x).collect();
                assert_eq!(y.download::<f32>().unwrap(), expected);
            }
            let (text, error) = refused(scaled(gpu, "fn scale() {", &x, 1.0));
            assert!(matches!(error, Error::Validation(_)), "{text}");
            assert_alive(gpu);
        }
    }
}

/// An activation that multiplies, with the name of another.
const fn multiplied(wgsl: &'static str) -> Definition {
    Definition::new("relu", wgsl, |x, _| x, |_, _| 1.0)
}

static TWICE: Definition = multiplied(
    "fn value(x: Real) -> Real { return 2.0 * x; }
     fn backward(x: Real, upstream: Real) -> Real { return 2.0 * upstream; }",
);

static TIMES: Definition = Definition {
    parameter: Some(Parameter::new("factor", 3.0, |x, _| x)),
    ..multiplied(
        "fn value(x: Real, factor: Real) -> Real { return factor * x; }
         fn backward(x: Real, upstream: Real, factor: Real) -> Real { return factor * upstream; }
         fn parameter_backward(x: Real, upstream: Real, factor: Real) -> Real { return x * upstream; }",
    )
};

#[test]
fn an_activation_of_ones_own_is_computed_whatever_its_name() {
    let x = [-1.0f32, 0.5, 3.0];
    for device in trusted_devices() {
        let gpu = &device.gpu;
        let tensor = gpu.upload(&x, [3, 1]).unwrap();
        let twice = Activation::new(&TWICE);
        // Built after the activation whose name it bears.
        assert_alive(gpu);
        let y: Vec<f32> = twice.forward(&tensor).unwrap().download().unwrap();
        assert_eq!(y, [-2.0, 1.0, 6.0]);
        let times = Pointwise::new(Activation::new(&TIMES));
        let gradients = times.gradients(&tensor, &tensor).unwrap();
        assert_eq!(gradients.dx.download::<f32>().unwrap(), [-3.0, 1.5, 9.0]);
        assert_eq!(gradients.parameter.download::<f32>().unwrap(), [10.25]);
        let factor = gpu.upload(&[4.0f32], [1]).unwrap();
        let each = times.clone().per_channel(&factor, -1).unwrap();
        let y: Vec<f32> = each.forward(&tensor).unwrap().download().unwrap();
        assert_eq!(y, [-4.0, 2.0, 12.0]);
        let chain = Chain::from(twice)
            .then(Activation::RELU)
            .then(Activation::new(&TIMES))
            .then(twice);
        let mut y = [0.0f32; 3];
        Offload::new(gpu).forward(&chain, &[3], &x, &mut y).unwrap();
        assert_eq!(y, [0.0, 6.0, 36.0]);
    }
}

#[test]
fn a_long_chain_is_cut_into_kernels() {
    // Steps that differ, so that no kernel serves twice; each keeps x.
    let steps: Vec<_> = (0..600)
        .map(|step| {
            let text = format!(
                "fn value(x: Real) -> Real {{ return x * {:.1}; }}
                 fn backward(x: Real, upstream: Real) -> Real {{ return x * {:.1}; }}",
                f64::from(1 - step % 2 * 2),
                f64::from(step),
            );
            Activation::new(Box::leak(Box::new(multiplied(text.leak()))))
        })
        .collect();
    let mut chain = Chain::from(steps[0]);
    for &activation in &steps[1..] {
        chain = chain.then(activation);
    }
    let Some(device) = trusted_devices().into_iter().next() else {
        return;
    };
    let mut y = [0.0f32; 2];
    Offload::new(&device.gpu)
        .forward(&chain, &[2], &[1.0, -2.5], &mut y)
        .unwrap();
    assert_eq!(y, [1.0, -2.5]); // 300 changes of sign
}
