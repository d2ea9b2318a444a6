//! Gated units: what is particular to them. What holds of every family, `conformance` tries.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Chain, Element, ElementType, Error, Gated, GatedGradients, Gpu, Tensor,
    activation::Definition, family::everyday, with_element,
};

use crate::common::{Device, same_bits};

/// Those of a device.
pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = vec![
        device.trial("known-answers", known_answers),
        device.trial("beyond-f32", beyond_f32),
        device.trial("own", own),
        device.trial("wrong-use", wrong_use),
    ];
    for element in ElementType::ALL {
        let mut add = |name: &str, test: fn(&Device, ElementType) -> Result<(), Failed>| {
            let name = format!("{name}/{}", element.name());
            trials.push(device.trial(&name, move |device| test(device, element)));
        };
        add(
            "layouts",
            |device, element| with_element!(element, T => layouts::<T>(device)),
        );
        add(
            "windows",
            |device, element| with_element!(element, T => windows::<T>(device)),
        );
    }
    trials
}

const UNITS: [Gated; 6] = [
    Gated::GLU,
    Gated::REGLU,
    Gated::GEGLU,
    Gated::GEGLU_TANH,
    Gated::SWIGLU,
    Gated::SWIGLU_CLAMPED,
];

const INF: f32 = f32::INFINITY;

/// What PyTorch 2 gives in f64, and special values.
fn known_answers(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    // Of a gate of 0.5 and an up of -2: sigmoid, relu, gelu, its tanh form, swish and the clamped one.
    let expected = [
        -1.244_918_7,
        -1.0,
        -0.691_462_46,
        -0.691_428_05,
        -0.622_459_35,
        -0.350_388_44,
    ];
    let gate = gpu.upload(&[0.5f32], [1])?;
    let up = gpu.upload(&[-2.0f32], [1])?;
    for (unit, expected) in UNITS.into_iter().zip(expected) {
        let y = unit.forward([&gate, &up])?.download::<f32>()?[0];
        assert!((y - expected).abs() < 2e-7, "{unit}: {y}, not {expected}");
    }
    // A gate at the limit 0 gives 0 for any finite up, and 0 times infinity is NaN.
    let gates = [-INF, -INF, f32::NAN, 1.0, 0.0];
    let ups = [3.0, INF, 1.0, f32::NAN, INF];
    let (gate, up) = (gpu.upload(&gates, [5])?, gpu.upload(&ups, [5])?);
    for unit in &UNITS[..5] {
        let y: Vec<f32> = unit.forward([&gate, &up])?.download()?;
        assert_eq!(y[0], 0.0, "{unit}");
        let at_zero = y[4].is_nan() || *unit == Gated::GLU;
        assert!(
            y[1..4].iter().all(|y| y.is_nan()) && at_zero,
            "{unit}: {y:?}"
        );
    }
    // Where gate or up is clamped no gradient passes.
    let gate = gpu.upload(&[8.0f32, 7.0, 1.0], [3])?;
    let up = gpu.upload(&[1.0f32, 7.0, -7.5], [3])?;
    let upstream = gpu.upload(&[1.0f32; 3], [3])?;
    let GatedGradients { dx, parameters } =
        Gated::SWIGLU_CLAMPED.backward([&gate, &up], &upstream)?;
    let [gates, ups] = [dx[0].download::<f32>()?, dx[1].download::<f32>()?];
    assert!(gates[0] == 0.0 && ups[0] > 6.9, "{gates:?} {ups:?}");
    assert!(gates[1] > 7.9 && ups[1] > 6.9, "{gates:?} {ups:?}");
    assert!(gates[2] < -6.0 && ups[2] == 0.0, "{gates:?} {ups:?}");
    assert_eq!(parameters.len(), 1);
    Ok(())
}

/// Where f(gate) leaves f32's range the product need not.
fn beyond_f32(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let gates = [-100.0f32, -15.0, -11.0, 1.5e-38, -150.0];
    let ups = [1e30f32, 1e30, -1e38, 1e30, 3e38];
    let (gate, up) = (gpu.upload(&gates, [5])?, gpu.upload(&ups, [5])?);
    for unit in &UNITS[..5] {
        let y: Vec<f32> = unit.forward([&gate, &up])?.download()?;
        for (index, y) in y.into_iter().enumerate() {
            let pair = wgpu_activations::family::gated::reference::Pair {
                gate: f64::from(gates[index]),
                up: f64::from(ups[index]),
            };
            let expected = unit.value(pair);
            let off = (f64::from(y) - expected).abs();
            // A result below f32's normal numbers may be 0.
            let small = expected.abs() < f64::from(f32::MIN_POSITIVE);
            let right = off <= 3e-7 * expected.abs() || small && off <= expected.abs();
            assert!(right, "{unit} of {pair:?}: {y:e}, not {expected:e}");
        }
    }
    Ok(())
}

/// Cubes.
static CUBE: Definition = Definition::new(
    "cube",
    "fn value(x: Real) -> Real { return x * x * x; }
     fn backward(x: Real, upstream: Real) -> Real { return 3.0 * x * x * upstream; }",
    |x, _| x.powi(3),
    |x, _| 3.0 * x * x,
);

/// Any activation, a user's own included, and behind a unit a chain.
fn own(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let unit = Gated::of(Activation::new(&CUBE));
    let (gate, up) = (
        gpu.upload(&[2.0f32, -3.0], [2])?,
        gpu.upload(&[0.5f32, 2.0], [2])?,
    );
    assert_eq!(unit.forward([&gate, &up])?.download::<f32>()?, [4.0, -54.0]);
    let upstream = gpu.upload(&[1.0f32, 10.0], [2])?;
    let GatedGradients { dx, parameters } = unit.backward([&gate, &up], &upstream)?;
    assert_eq!(dx[0].download::<f32>()?, [6.0, 540.0]);
    assert_eq!(dx[1].download::<f32>()?, [8.0, -270.0]);
    assert!(parameters.is_empty());
    let chain = Chain::from(unit).then(Activation::RELU);
    assert_eq!(chain.forward([&gate, &up])?.download::<f32>()?, [4.0, 0.0]);
    unit.forward_in_place(&gate, &up)?;
    assert_eq!(gate.download::<f32>()?, [4.0, -54.0]);
    Ok(())
}

/// What another kernel of the same formula gives: compilers need not round alike.
fn near<T: Element>(what: &str, found: &[T], expected: &[T]) -> Result<(), Failed> {
    let share = match T::TYPE {
        ElementType::F32 => 1e-6,
        ElementType::F16 => 1e-3,
        ElementType::Bf16 => 1e-2,
    };
    let off = |(found, expected): (&T, &T)| {
        let (found, expected) = (found.to_f32(), expected.to_f32());
        let near = (found - expected).abs() <= share * expected.abs() + 4e-6;
        (!near).then_some((found, expected))
    };
    match found.iter().zip(expected).find_map(off) {
        None if found.len() == expected.len() => Ok(()),
        other => Err(format!("{what}: {other:?}").into()),
    }
}

/// One tensor that holds gate and up gives what the two give, wherever they lie.
fn layouts<T: Element>(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    // Blocks of whole vectors, of one element, and of others.
    for shape in [
        [3, 16, 4],
        [5, 6, 1],
        [2, 10, 3],
        [7, 2, 5],
        [1, 4, 8],
        [4, 2, 1],
    ] {
        let [outer, extent, inner] = shape;
        let half = extent / 2;
        let len = outer * extent * inner;
        let x: Vec<T> = everyday(len, 1).into_iter().map(T::from_f64).collect();
        let g: Vec<T> = everyday(len / 2, 2).into_iter().map(T::from_f64).collect();
        let tensor = gpu.upload(&x, shape)?;
        let upstream = gpu.upload(&g, [outer, half, inner])?;
        for unit in [Gated::SWIGLU.parameter(1.5)?, Gated::GLU, Gated::REGLU] {
            for (interleaved, last) in [(false, false), (false, true), (true, false), (true, true)]
            {
                let one = match interleaved {
                    false => unit.halves(1),
                    true => unit.interleaved(-2),
                };
                let one = one.gate_last(last);
                // Where element (outer, place, inner) of gate and up lies.
                let place = |index: usize, is_up: bool| {
                    let (row, at) = (index / (half * inner), index / inner % half);
                    let second = usize::from(is_up != last);
                    let at = if interleaved {
                        2 * at + second
                    } else {
                        second * half + at
                    };
                    (row * extent + at) * inner + index % inner
                };
                let part = |is_up: bool| -> Vec<T> {
                    (0..len / 2).map(|index| x[place(index, is_up)]).collect()
                };
                let two = [
                    gpu.upload(&part(false), [len / 2])?,
                    gpu.upload(&part(true), [len / 2])?,
                ];
                let y = unit.forward([&two[0], &two[1]])?.download::<T>()?;
                let what = format!("{one} {shape:?}");
                near(&what, &one.forward(&tensor)?.download::<T>()?, &y)?;
                let flat = gpu.upload(&g, [len / 2])?;
                let of_two = unit.backward([&two[0], &two[1]], &flat)?;
                let of_one = one.backward(&tensor, &upstream)?;
                let mut dx = x.clone();
                for (is_up, tensor) in of_two.dx.iter().enumerate() {
                    for (index, value) in tensor.download::<T>()?.into_iter().enumerate() {
                        dx[place(index, is_up == 1)] = value;
                    }
                }
                near(&what, &of_one.dx[0].download::<T>()?, &dx)?;
                assert_eq!(of_one.parameters.len(), of_two.parameters.len());
                for (one, two) in of_one.parameters.iter().zip(&of_two.parameters) {
                    near(&what, &one.download::<f32>()?, &two.download::<f32>()?)?;
                }
            }
        }
    }
    Ok(())
}

/// Tensors that take several windows give what those in one give, wherever a window begins.
fn windows<T: Element>(device: &Device) -> Result<(), Failed> {
    let small = device.with_limits(|limits| limits.max_storage_buffer_binding_size = 1 << 16);
    let shape = [37, 344, 7];
    let len = shape.iter().product();
    let numbers = |seed| -> Vec<T> { everyday(len, seed).into_iter().map(T::from_f64).collect() };
    let (x, up, g) = (numbers(1), numbers(2), numbers(3));
    for unit in [
        Gated::SWIGLU,
        Gated::SWIGLU.halves(0),
        Gated::SWIGLU.halves(1),
        Gated::SWIGLU.interleaved(1),
    ] {
        let mut shape = shape;
        if unit == Gated::SWIGLU.halves(0) {
            // Too long rows are refused.
            shape = [2, 37 * 172, 7];
        }
        let run = |gpu: &Gpu| {
            let mut tensors = vec![gpu.upload(&x, shape)?];
            if unit == Gated::SWIGLU {
                tensors.push(gpu.upload(&up, shape)?);
            }
            let inputs: Vec<_> = tensors.iter().collect();
            let y = unit.forward(&inputs[..])?;
            let upstream = gpu.upload(&g[..y.len()], y.shape())?;
            let GatedGradients { dx, parameters } = unit.backward(&inputs[..], &upstream)?;
            let mut all = vec![y.download::<T>()?];
            for dx in dx {
                all.push(dx.download()?);
            }
            let beta = parameters[0].download::<f32>()?[0];
            Ok::<_, Error>((all, beta))
        };
        let (whole, beta) = run(&device.gpu)?;
        let parts = run(&small.gpu);
        if shape[0] == 2 {
            assert!(matches!(parts, Err(Error::TooLarge { .. })));
            continue;
        }
        let (parts, other) = parts?;
        for (whole, parts) in whole.iter().zip(&parts) {
            same_bits(&unit.to_string(), whole, parts)?;
        }
        // Sums are taken in another order.
        assert!((beta - other).abs() <= 1e-6 * len as f32, "{beta} {other}");
    }
    Ok(())
}

fn wrong_use(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    let x = gpu.upload(&[0.0f32; 6], [2, 3])?;
    let other = gpu.upload(&[0.0f32; 6], [3, 2])?;
    let half = gpu.allocate([2, 3], ElementType::F16)?;
    let glu = Gated::GLU;
    macro_rules! refused {
        ($call:expr, $error:pat) => {
            let error = $call.err();
            assert!(matches!(error, Some($error)), "{error:?}");
        };
    }
    refused!(
        glu.forward(&x),
        Error::InputCount {
            expected: 2,
            found: 1,
            ..
        }
    );
    refused!(
        glu.halves(0).forward([&x, &x]),
        Error::InputCount {
            expected: 1,
            found: 2,
            ..
        }
    );
    refused!(glu.forward([&x, &other]), Error::ShapeMismatch { .. });
    refused!(glu.forward([&x, &half]), Error::ElementMismatch { .. });
    refused!(glu.halves(-1).forward(&x), Error::OddAxis { axis: 1, .. });
    refused!(glu.halves(2).forward(&x), Error::AxisOutOfRange { .. });
    refused!(glu.forward_in_place(&x, &x), Error::Aliased { .. });
    refused!(glu.backward([&x, &x], &other), Error::ShapeMismatch { .. });
    let swiglu = Gated::SWIGLU;
    let none = swiglu.allocate_gradients([&x, &x])?;
    refused!(
        glu.backward_into([&x, &x], &x, &none),
        Error::Argument { .. }
    );
    let [gate, up, g] = [1.0f32, 2.0, 3.0].map(|number| gpu.upload(&[number], [1]));
    let (gate, up, g) = (gate?, up?, g?);
    let with = |beta: &Tensor| {
        let mut gradients = swiglu.allocate_gradients([&gate, &up])?;
        gradients.parameters[0] = beta.clone();
        swiglu.backward_into([&gate, &up], &g, &gradients)
    };
    refused!(with(&x), Error::ShapeMismatch { .. });
    refused!(
        with(&gpu.allocate([1], ElementType::F16)?),
        Error::ElementMismatch { .. }
    );
    refused!(with(&g), Error::Aliased { .. });
    assert!(with(&gpu.allocate([1], ElementType::F32)?).is_ok());
    refused!(glu.parameter(2.0), Error::UnknownParameter { .. });
    refused!(
        Gated::SWIGLU_CLAMPED.limit(0.0),
        Error::ParameterOutOfRange { .. }
    );
    refused!(glu.limit(1.0), Error::UnknownParameter { .. });
    let behind = Chain::from(Activation::TANH).then(glu);
    refused!(behind.forward(&x), Error::InputCount { found: 1, .. });
    let message = glu.forward(&x).err().map(|error| error.to_string());
    assert_eq!(
        message.as_deref(),
        Some(
            "glu: takes 2 tensors (gate and up) but got 1; give all, or take a layout that has both in one"
        )
    );
    let chain: Chain = "glu(layout=halves, axis=0) | relu".parse()?;
    assert_eq!(chain.forward(&x)?.shape(), [1, 3]);
    Ok(())
}
