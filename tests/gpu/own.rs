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
    parameters: &[Parameter::new("factor", 3.0, |x, _| x)],
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
        assert_eq!(gradients.parameters[0].download::<f32>().unwrap(), [10.25]);
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

/// a x^2 + b x + c: with small whole numbers every sum is exact.
static QUADRATIC: Definition = Definition {
    parameters: &[
        Parameter::new("a", 1.0, |x, _| x * x),
        Parameter::new("b", -2.0, |x, _| x),
        Parameter::new("c", 3.0, |_, _| 1.0),
    ],
    ..Definition::new(
        "quadratic",
        "fn value(x: Real, a: Real, b: Real, c: Real) -> Real { return (a * x + b) * x + c; }
         fn backward(x: Real, upstream: Real, a: Real, b: Real, c: Real) -> Real {
             return (2.0 * a * x + b) * upstream;
         }
         struct Gradients { a: Real, b: Real, c: Real }
         fn parameter_backward(x: Real, upstream: Real, a: Real, b: Real, c: Real) -> Gradients {
             return Gradients(x * x * upstream, x * upstream, upstream);
         }",
        |x, [a, b, c, _]| (a * x + b) * x + c,
        |x, [a, b, ..]| 2.0 * a * x + b,
    )
};

/// Each parameter is a number or one per channel, and its gradient is of the same length.
#[test]
fn parameters_are_numbers_or_per_channel_each_for_itself() {
    const SHAPE: [usize; 3] = [4, 6, 5];
    let len = SHAPE.iter().product();
    let x: Vec<f32> = (0..len).map(|at| (at * 7 % 11) as f32 - 5.0).collect();
    let upstream: Vec<f32> = (0..len).map(|at| (at * 5 % 7) as f32 - 3.0).collect();
    let of_channels: [Vec<f32>; 3] =
        [1.0, -3.0, 2.0].map(|first| (0..6).map(|at| first + at as f32).collect());
    let names = ["a", "b", "c"];
    for device in trusted_devices() {
        let gpu = &device.gpu;
        for (shape, axis, inner) in [(&SHAPE[..], 1, 5), (&[20, 6], -1, 1)] {
            let tensor = gpu.upload(&x, shape).unwrap();
            let g = gpu.upload(&upstream, shape).unwrap();
            // Which of the three have a value per channel.
            for each in 0..8 {
                let has = |place: usize| each >> place & 1 == 1;
                let mut operation = Pointwise::new(Activation::new(&QUADRATIC));
                for place in (0..3).filter(|place| has(*place)) {
                    let values = of_channels[place].clone();
                    operation = operation
                        .per_channel_named(names[place], values, axis)
                        .unwrap();
                }
                let numbers = |at: usize| {
                    let channel = at / inner % 6;
                    [0, 1, 2].map(|place| match has(place) {
                        true => of_channels[place][channel],
                        false => [1.0, -2.0, 3.0][place],
                    })
                };
                let y: Vec<f32> = operation.forward(&tensor).unwrap().download().unwrap();
                let gradients = operation.gradients(&tensor, &g).unwrap();
                let dx: Vec<f32> = gradients.dx.download().unwrap();
                let mut sums = [0, 1, 2].map(|place| vec![0.0; if has(place) { 6 } else { 1 }]);
                for at in 0..len {
                    let ([a, b, c], x, g) = (numbers(at), x[at], upstream[at]);
                    assert_eq!(y[at], (a * x + b) * x + c, "{operation}");
                    assert_eq!(dx[at], (2.0 * a * x + b) * g, "{operation}");
                    for (place, term) in [x * x * g, x * g, g].into_iter().enumerate() {
                        let channel = if has(place) { at / inner % 6 } else { 0 };
                        sums[place][channel] += term;
                    }
                }
                for (found, expected) in gradients.parameters.iter().zip(&sums) {
                    assert_eq!(found.download::<f32>().unwrap(), *expected, "{operation}");
                }
                // The same, streamed.
                let (mut dx_streamed, chain) = (vec![0.0f32; len], Chain::new(operation));
                let offload = Offload::new(gpu);
                let streamed = offload
                    .backward(&chain, shape, &x, &upstream, &mut dx_streamed)
                    .unwrap();
                assert_eq!(dx_streamed, dx);
                let streamed = streamed.parameters.iter().map(|it| it.values.clone());
                assert_eq!(streamed.collect::<Vec<_>>(), sums);
            }
        }
        // In one kernel with others.
        let mine = Activation::new(&QUADRATIC).with_named("b", 5.0).unwrap();
        let tensor = gpu.upload(&[-1.0f32, 2.0], [2]).unwrap();
        let chain = Chain::from(mine).then(Activation::new(&TIMES)).then(mine);
        let y: Vec<f32> = chain.forward(&tensor).unwrap().download().unwrap();
        assert_eq!(
            y,
            [
                -3.0 * -3.0 + 5.0 * -3.0 + 3.0,
                51.0 * 51.0 + 5.0 * 51.0 + 3.0
            ]
        );
    }
    let mine = Pointwise::new(Activation::new(&QUADRATIC));
    let refused = |result: Result<Pointwise>| result.unwrap_err().to_string();
    assert_eq!(
        refused(mine.clone().per_channel(vec![1.0], -1)),
        "quadratic: one per channel: it has 3 parameters; name the one that is meant"
    );
    assert_eq!(
        refused(mine.clone().per_channel_named("d", vec![1.0], -1)),
        "quadratic has no parameter `d`; it takes `a`, `b`, `c`"
    );
    let along = mine.per_channel_named("a", vec![1.0], 0).unwrap();
    assert_eq!(
        refused(along.per_channel_named("b", vec![1.0], 1)),
        "quadratic: b along axis 1: another parameter goes along axis 0; take one axis"
    );
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
