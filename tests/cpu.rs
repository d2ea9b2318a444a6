//! The processor as a device. Needs no GPU.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "cpu/memory.rs"]
mod memory;

use half::{bf16, f16};
use wgpu_activations::{
    Activation, Array, Chain, Cpu, Element, ElementType, Error, Math, MaxoutAffine, Offload,
    accuracy::inputs::words,
    activation::{Definition, Parameter},
    check::{self, Pass},
    family::{everyday, families},
    with_element,
};

/// Every family's cases are within the bounds that hold on GPUs.
#[test]
fn results_are_within_the_bounds() {
    let cpu = Cpu::new();
    for family in families() {
        for element in ElementType::ALL {
            for pass in Pass::ALL {
                let report = check::check(&cpu, family, pass, element, Math::Accurate).unwrap();
                let (name, pass) = (family.entry().name, pass.name());
                assert!(report.passed(), "{name} {pass} {element:?}: {report}");
                assert!(report.compared > 100, "{name} {pass} {element:?}: {report}");
            }
        }
    }
}

/// Operations one after another, along the same axis, another, and none.
#[test]
fn chains_are_within_the_bounds() {
    let shapes: [&[usize]; 5] = [
        &[6, 10],
        &[3, 4, 50],
        &[2, 6, 33],
        &[40, 300],
        &[1, 2, 40_000],
    ];
    for shape in shapes {
        let len = shape.iter().product();
        for axis in 0..shape.len() {
            for text in [
                format!("gelu | softmax(axis={axis})"),
                format!("log-softmax(axis={axis}) | elu(alpha=0.5)"),
                format!("swish(beta=0.5) | dice(axis={axis}) | tanh"),
                format!("maxout(pieces=2, axis={axis}) | mish"),
                format!("logsumexp(axis={axis})"),
                "softmax(axis=0) | softmax(axis=-1)".to_owned(),
            ] {
                let chain: Chain = text.parse().unwrap();
                let Ok(result) = chain.result_shape(shape) else {
                    continue;
                };
                let x: Vec<f32> = everyday(len, 1).iter().map(|&x| x as f32).collect();
                let upstream = everyday(result.iter().product(), 2);
                let upstream: Vec<f32> = upstream.iter().map(|&g| g as f32).collect();
                for upstream in [None, Some(upstream)] {
                    let inputs = vec![x.clone()];
                    let report = check::check_chain(&Cpu::new(), &chain, shape, inputs, upstream);
                    let report = report.unwrap();
                    assert!(report.passed(), "{text} {shape:?}: {report}");
                }
            }
        }
    }
}

/// NaN stays NaN, infinities give limits, at every place of a vector and behind it.
#[test]
fn special_values_give_what_the_definition_says() {
    for element in ElementType::ALL {
        with_element!(element, T => special::<T>());
    }
}

fn special<T: Element>() {
    let cpu = Cpu::with_threads(1).unwrap();
    for activation in Activation::all() {
        let chain = Chain::from(activation);
        for length in [1, 16, 37] {
            for special in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                for place in 0..length {
                    let mut x = vec![T::from_f64(0.5); length];
                    x[place] = T::from_f64(special);
                    let (mut y, mut dx) = (x.clone(), x.clone());
                    let ones = vec![T::from_f64(1.0); length];
                    cpu.forward(&chain, &[length], &x, &mut y).unwrap();
                    cpu.backward(&chain, &[length], &x, &ones, &mut dx).unwrap();
                    let stored = |value: f64| T::from_f64(f64::from(value as f32)).to_f32();
                    let pairs = [
                        (y[place], activation.value(special)),
                        (dx[place], activation.slope(special)),
                    ];
                    for (found, expected) in pairs {
                        let (found, expected) = (found.to_f32(), stored(expected));
                        let both_nan = found.is_nan() && (special.is_nan() || expected.is_nan());
                        assert!(
                            both_nan || found == expected,
                            "{activation} of {special}: {found}"
                        );
                    }
                }
            }
        }
    }
}

/// Parameters of channels that lie anywhere: what each channel alone gives with its own.
#[test]
fn channels_lie_anywhere() {
    let cpu = Cpu::new();
    let shapes: [(&[usize], usize); 8] = [
        (&[5, 3], 1),
        (&[3, 5], 0),
        (&[2, 7, 5], 1),
        (&[2, 3, 300], 1),
        (&[700, 11], 1),
        (&[3, 5000], 1),
        (&[2, 33_000, 2], 1),
        (&[1, 4, 70_000], 1),
    ];
    for (shape, axis) in shapes {
        let len: usize = shape.iter().product();
        let inner: usize = shape[axis + 1..].iter().product();
        let number = |word: u32| word as i32 as f32 / (1 << 29) as f32;
        let x: Vec<f32> = words(1).map(number).take(len).collect();
        let upstream: Vec<f32> = words(2).map(number).take(len).collect();
        let alphas: Vec<f32> = words(3).map(number).take(shape[axis]).collect();
        let text = format!("prelu(alpha=@alphas, axis={axis})");
        let resolve = |_: &str| Array::new(&alphas[..], [alphas.len()]);
        let prelu = Chain::parse(&text, &resolve).unwrap();
        let (mut y, mut dx) = (vec![0.0; len], vec![0.0; len]);
        cpu.forward(&prelu, shape, &x, &mut y).unwrap();
        let gradients = cpu.backward(&prelu, shape, &x, &upstream, &mut dx).unwrap();
        let mut sums = vec![(0.0, 0.0); alphas.len()];
        for i in 0..len {
            let channel = i / inner % alphas.len();
            let slope = if x[i] > 0.0 { 1.0 } else { alphas[channel] };
            assert_eq!(
                (y[i], dx[i]),
                (slope * x[i], slope * upstream[i]),
                "{shape:?} {i}"
            );
            let term = f64::from(x[i].min(0.0)) * f64::from(upstream[i]);
            sums[channel].0 += term;
            sums[channel].1 += term.abs();
        }
        for (found, (sum, terms)) in gradients[0].values.iter().zip(sums) {
            assert!(
                (f64::from(*found) - sum).abs() <= 1e-6 * terms,
                "{shape:?}: {found}, not {sum}"
            );
        }
    }
}

/// Gate and up of one tensor, in halves or in turn along any axis: what each pair gives alone.
#[test]
fn gates_and_ups_lie_anywhere() {
    let cpu = Cpu::new();
    let shapes: [&[usize]; 8] = [
        &[4, 6, 10],
        &[2, 2, 300],
        &[3, 600, 1],
        &[2, 140_000],
        &[70_000, 2],
        &[30_000, 6],
        &[6, 14_000],
        &[2, 2, 77, 3],
    ];
    for unit in [
        "swiglu(beta=0.5",
        "glu(gate=first",
        "swiglu-clamped(limit=2",
        "gated(f=elu",
    ] {
        for (shape, axis) in shapes
            .iter()
            .flat_map(|&shape| (0..shape.len()).map(move |axis| (shape, axis)))
        {
            if shape[axis] % 2 == 1 {
                continue;
            }
            for layout in ["halves", "interleaved"] {
                let chain: Chain = format!("{unit}, layout={layout}, axis={axis})")
                    .parse()
                    .unwrap();
                let pairs: Chain = format!("{unit}, layout=interleaved, axis=1)")
                    .parse()
                    .unwrap();
                let len: usize = shape.iter().product();
                let x = spread(len, 1);
                let upstream = spread(len / 2, 2);
                let places = pairs_of(shape, axis, layout == "halves");
                let paired: Vec<f32> = places.iter().flatten().map(|&at| x[at]).collect();

                let (mut y, mut of_pairs) = (vec![0.0; len / 2], vec![0.0; len / 2]);
                cpu.forward(&chain, shape, &x, &mut y).unwrap();
                cpu.forward(&pairs, &[len / 2, 2], &paired, &mut of_pairs)
                    .unwrap();
                assert_eq!(bits(&y), bits(&of_pairs), "{chain} {shape:?}");

                let (mut dx, mut of_pairs) = (vec![0.0; len], vec![0.0; len]);
                let gradients = cpu.backward(&chain, shape, &x, &upstream, &mut dx).unwrap();
                let same = cpu.backward(&pairs, &[len / 2, 2], &paired, &upstream, &mut of_pairs);
                let found: Vec<f32> = places.iter().flatten().map(|&at| dx[at]).collect();
                assert_eq!(bits(&found), bits(&of_pairs), "{chain} {shape:?}");
                for (gradient, same) in gradients.iter().zip(same.unwrap()) {
                    let (gradient, same) = (gradient.values[0], same.values[0]);
                    assert!(
                        (gradient - same).abs() <= 1e-5 * same.abs(),
                        "{chain} {shape:?}"
                    );
                }
            }
        }
    }
}

/// For each result where its gate and its up lie.
fn pairs_of(shape: &[usize], axis: usize, halves: bool) -> Vec<[usize; 2]> {
    let inner: usize = shape[axis + 1..].iter().product();
    let half = shape[axis] / 2;
    let results = 0..shape.iter().product::<usize>() / 2;
    let pair = |result: usize| {
        let (row, within) = (result / (half * inner), result % (half * inner));
        let (place, inner_place) = (within / inner, within % inner);
        let at = |place: usize| (row * 2 * half + place) * inner + inner_place;
        match halves {
            true => [at(place), at(place + half)],
            false => [at(2 * place), at(2 * place + 1)],
        }
    };
    results.map(pair).collect()
}

/// Numbers in [-4, 4).
fn spread(len: usize, seed: u64) -> Vec<f32> {
    let number = |word: u32| word as i32 as f32 / (1 << 29) as f32;
    words(seed).map(number).take(len).collect()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

fn affine(pieces: usize, inputs: usize, outputs: usize) -> Chain {
    let weight = Array::new(
        spread(pieces * inputs * outputs, 8),
        [pieces, inputs, outputs],
    );
    let bias = Array::new(spread(pieces * outputs, 9), [pieces, outputs]);
    let maxout = MaxoutAffine::new(weight.unwrap()).unwrap();
    Chain::new(maxout.bias(bias.unwrap()).unwrap())
}

/// More and fewer of each axis than what is computed together.
#[test]
fn affine_maps_of_any_size_are_within_the_bounds() {
    for [rows, pieces, inputs, outputs] in [
        [1, 2, 70, 300],
        [2, 2, 3, 1100],
        [3, 3, 1100, 2],
        [65, 2, 5, 17],
        [130, 4, 3, 70],
        [1300, 2, 66, 18],
        [70, 300, 2, 3],
        [5, 2, 0, 4],
    ] {
        let chain = affine(pieces, inputs, outputs);
        for upstream in [None, Some(spread(rows * outputs, 2))] {
            let inputs = [spread(rows * inputs, 1)].to_vec();
            let shape = [rows, inputs[0].len() / rows];
            let report = check::check_chain(&Cpu::new(), &chain, &shape, inputs, upstream);
            let report = report.unwrap();
            assert!(report.passed(), "{chain} of {rows} rows: {report}");
        }
    }
}

/// An infinite weight of a map that has not won does no harm.
#[test]
fn the_maps_that_lose_have_no_part_in_gradients() {
    let infinite = f32::NEG_INFINITY;
    let weight = Array::new(vec![1.0, 2.0, infinite, infinite], [2, 2, 1]).unwrap();
    let chain = Chain::new(MaxoutAffine::new(weight).unwrap());
    let mut dx = [0.0f32; 2];
    let gradients = Cpu::new().backward(&chain, &[1, 2], &[3.0f32, 4.0], &[0.5], &mut dx);
    assert_eq!(dx, [0.5, 1.0]);
    assert_eq!(gradients.unwrap()[0].values, [1.5, 2.0, 0.0, 0.0]);
}

/// How many threads there are changes no bit, in sums neither.
#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let len = 300_006;
    let (x, upstream) = (spread(len, 4), spread(len, 5));
    let named = [
        "swish(beta=0.7)",
        "softplus(beta=2)",
        "gelu | elu(alpha=0.5)",
        "softmax",
        "log-softmax | tanh",
        "dice(axis=1)",
        "alpha-dropout(p=0.5, seed=3)",
        "swiglu(beta=0.7, layout=halves)",
    ];
    let named = named.map(|name| (name.parse::<Chain>().unwrap(), vec![1, 3, len / 3]));
    let affine = (affine(3, 63, 40), vec![len / 63, 63]);
    for (chain, shape) in named.into_iter().chain([affine]) {
        let results = chain.result_shape(&shape).unwrap().iter().product();
        let upstream: Vec<f32> = upstream.iter().copied().cycle().take(results).collect();
        let of = |threads: usize| {
            let cpu = Cpu::with_threads(threads).unwrap();
            assert_eq!(cpu.threads(), threads);
            let (mut y, mut dx) = (vec![0.0; results], vec![0.0; len]);
            cpu.forward(&chain, &shape, &x, &mut y).unwrap();
            let gradients = cpu
                .backward(&chain, &shape, &x, &upstream, &mut dx)
                .unwrap();
            let gradients = gradients.iter().map(|it| bits(&it.values));
            (bits(&y), bits(&dx), gradients.collect::<Vec<_>>())
        };
        let one = of(1);
        assert!(
            [2, 3, 5].into_iter().all(|threads| of(threads) == one),
            "{chain}"
        );
    }
}

/// A user's own function, of which there is no twin, comes from its f64 functions, rounded once.
#[test]
fn a_function_of_a_users_own_is_computed_by_its_reference() {
    static CUBE: Definition = Definition {
        parameters: &[Parameter::new("scale", 0.1, |x, _| x.powi(3))],
        ..Definition::new(
            "cube",
            "fn value(x: Real, scale: Real) -> Real { return scale * x * x * x; }",
            |x, [scale, ..]| scale * x.powi(3),
            |x, [scale, ..]| 3.0 * scale * x.powi(2),
        )
    };
    let chain = Chain::from(Activation::new(&CUBE));
    let x: Vec<f32> = words(6)
        .map(|word| word as f32 / (1 << 30) as f32)
        .take(5000)
        .collect();
    let (mut y, mut dx) = (vec![0.0; 5000], vec![0.0; 5000]);
    let cpu = Cpu::new();
    cpu.forward(&chain, &[5000], &x, &mut y).unwrap();
    let gradients = cpu.backward(&chain, &[5000], &x, &x, &mut dx).unwrap();
    let scale = f64::from(0.1f32);
    for (x, (y, dx)) in x.iter().zip(y.iter().zip(&dx)) {
        let wide = f64::from(*x);
        assert_eq!(*y, (scale * wide.powi(3)) as f32);
        assert_eq!(*dx, (wide * 3.0 * scale * wide.powi(2)) as f32);
    }
    let sum: f64 = x.iter().map(|&x| f64::from(x).powi(4)).sum();
    assert!((f64::from(gradients[0].values[0]) / sum - 1.0).abs() < 1e-6);
}

/// Channels of a batch are surveyed row by row, where a chunk holds no more.
#[test]
fn batches_stream_in_chunks_of_one_row() {
    const SHAPE: [usize; 2] = [3, 60_000];
    let x: Vec<f32> = everyday(3 * 60_000, 1).iter().map(|&x| x as f32).collect();
    for text in ["dice", "dice | gelu", "tanh | dice"] {
        let chain: Chain = text.parse().unwrap();
        let mut whole = vec![0.0f32; x.len()];
        let cpu = Cpu::new();
        cpu.forward(&chain, &SHAPE, &x, &mut whole).unwrap();
        let mut streamed = vec![0.0f32; x.len()];
        let offload = Offload::new(&cpu).memory(15 << 20);
        let forecast = offload.forecast(&chain, &SHAPE, ElementType::F32).unwrap();
        assert!(forecast.chunk_elements <= SHAPE[1], "{forecast:?}");
        offload.forward(&chain, &SHAPE, &x, &mut streamed).unwrap();
        let off = whole.iter().zip(&streamed).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 1e-6, "{text}");
    }
}

/// A right result passes, however many operations it has passed through, and whatever the signs of x and upstream.
#[test]
fn long_chains_are_within_the_bounds() {
    let x: Vec<f32> = words(7)
        .take(64_000)
        .map(|word| word as i32 as f32 / (1u32 << 30) as f32)
        .collect();
    let upstream: Vec<f32> = x.iter().map(|x| x * 0.7 + 0.01).collect();
    for text in ["tanh", "swish | tanh | softsign", "log-sigmoid"] {
        let chain: Chain = [text; 8].join(" | ").parse().unwrap();
        for sign in [1.0, -1.0] {
            let upstream = upstream.iter().map(|g| sign * g).collect();
            let inputs = vec![x.clone()];
            let report =
                check::check_chain(&Cpu::new(), &chain, &[x.len()], inputs, Some(upstream));
            let report = report.unwrap();
            assert!(report.passed(), "{chain}, {sign}: {report}");
        }
    }
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let cpu = Cpu::new();
    let gelu = Chain::from(Activation::GELU);
    let refused = cpu.forward(&gelu, &[2, 3], &[0.0f32; 5], &mut [0.0; 6]);
    assert!(matches!(refused, Err(Error::LengthMismatch { .. })));
    let refused = cpu.forward(&gelu, &[2, 3], &[0.0f32; 6], &mut [0.0; 5]);
    assert!(matches!(refused, Err(Error::LengthMismatch { .. })));
    cpu.forward(&gelu, &[0, 3], &[] as &[f16], &mut []).unwrap();
    let refused = cpu.backward(&gelu, &[1], &[bf16::ONE], &[], &mut [bf16::ONE]);
    assert!(matches!(refused, Err(Error::LengthMismatch { .. })));
}
