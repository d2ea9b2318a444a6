//! `activations run`

use half::f16;
use wgpu_activations::io::npy::{Array, Dtype, Endian, Float, Order, Values};

use crate::sandbox::{
    Sandbox, array, channels, device_names, devices, elements, expect_close, numbers, sigmoid,
};

const ORDERS: [Order; 2] = [Order::C, Order::Fortran];

fn elu(x: f64, alpha: f64) -> f64 {
    if x > 0.0 { x } else { alpha * x.exp_m1() }
}

/// Runs ELU over an array of each type on `device`; compares with the definition, and the header
/// with the input's.
fn every_type(device: &str, shapes: &[&[usize]]) {
    let sandbox = Sandbox::new();
    for float in [Float::F16, Float::F32, Float::F64] {
        for endian in [Endian::Little, Endian::Big] {
            for order in ORDERS {
                for shape in shapes {
                    let x = numbers(shape.iter().product(), 5);
                    let input = Array {
                        shape: shape.to_vec(),
                        order,
                        dtype: Dtype { float, endian },
                        values: match float {
                            Float::F16 => {
                                Values::F16(x.iter().map(|&x| f16::from_f32(x)).collect())
                            }
                            _ => Values::F32(x),
                        },
                    };
                    sandbox.save("x.npy", &input);
                    let line = format!("run elu(alpha=0.5) x.npy -o y.npy --force{device}");
                    sandbox.run(&line).expect_note(match float {
                        Float::F64 => "note: x.npy: float64 is computed as float32",
                        _ => "",
                    });
                    let what = format!("{device} {} {order:?} {shape:?}", input.dtype);
                    let output = sandbox.read("y.npy");
                    let header = |array: &Array| (array.shape.clone(), array.order, array.dtype);
                    assert_eq!(header(&output), header(&input), "{what}");
                    let expected: Vec<_> = elements(input).iter().map(|&x| elu(x, 0.5)).collect();
                    let tolerance = if float == Float::F16 { 1e-3 } else { 5e-7 };
                    expect_close(&what, &elements(output), &expected, tolerance);
                }
            }
        }
    }
}

#[test]
fn every_type_byte_order_memory_order_and_rank_comes_back_as_it_was() {
    let shapes: [&[usize]; 8] = [
        &[],
        &[0],
        &[1],
        &[257],
        &[0, 3],
        &[7, 1, 5],
        &[2, 3, 4, 5],
        &[1, 1, 1, 1, 1, 3],
    ];
    every_type(" --device cpu", &shapes);
}

#[test]
fn the_default_device_takes_every_type_too() {
    every_type("", &[&[5, 3]]);
}

#[test]
fn parameters_per_channel_follow_their_axis_in_either_memory_order() {
    let sandbox = Sandbox::new();
    let shape = [2, 3, 4];
    let x = numbers(24, 1);
    let runs = [0, 1, 2, -1, -2, -3]
        .map(|axis| ("cpu".to_owned(), axis))
        .into_iter()
        .chain(device_names().into_iter().map(|device| (device, 1)));
    for (device, axis) in runs {
        let place = channels(&shape, axis);
        let count = place.iter().max().unwrap() + 1;
        let betas: Vec<f32> = (0..count).map(|channel| 0.5 + channel as f32).collect();
        sandbox.save("betas.npy", &array(&[count], betas.clone()));
        let expected: Vec<_> = x
            .iter()
            .zip(&place)
            .map(|(&x, &channel)| f64::from(x) * sigmoid(f64::from(betas[channel] * x)))
            .collect();
        for order in ORDERS {
            sandbox.save("x.npy", &array(&shape, x.clone()).to_order(order).unwrap());
            let line = format!(
                "run swish x.npy -o y.npy --force --param beta=@betas.npy --axis {axis} --device {device}"
            );
            let said = sandbox.run(&line).expect_success();
            assert!(said.starts_with("swish(beta per channel"), "{said}");
            let what = format!("axis {axis} {order:?} on {device}");
            expect_close(&what, &elements(sandbox.read("y.npy")), &expected, 1e-6);
        }
    }
}

/// One channel has an axis, too; and one number of a file serves all channels of any.
#[test]
fn parameters_of_one_number_take_an_axis() {
    let sandbox = Sandbox::new();
    for (shape, x) in [(&[2, 3, 4][..], 24), (&[4, 1, 5], 20)] {
        sandbox.save("x.npy", &array(shape, vec![-1.0; x]));
        for one in [&[][..], &[1], &[1, 1, 1, 1]] {
            sandbox.save("one.npy", &array(one, vec![0.25]));
            for device in device_names() {
                let given = format!("--param alpha=@one.npy --axis 1 --force --device {device}");
                let run = format!("run prelu x.npy -o y.npy {given}");
                sandbox.run(&run).expect_success();
                assert_eq!(elements(sandbox.read("y.npy")), vec![-0.25; x]);
                let grad = format!("grad prelu x.npy x.npy -o y.npy --out alpha=a.npy {given}");
                sandbox.run(&grad).expect_success();
                assert_eq!(elements(sandbox.read("a.npy")), [x as f64]);
            }
        }
    }
    let chain = "run \"relu | prelu(alpha=@one.npy)\" x.npy -o y.npy --force --axis 1";
    sandbox.run(chain).expect_success();
    let number = "run prelu x.npy -o y.npy --force --param alpha=0.25 --axis 1";
    sandbox.refuses(2, number, "--axis 1 has no effect on prelu");
}

#[test]
fn the_last_axis_is_the_default() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[2, 3], vec![-1.0; 6]));
    sandbox.save("slopes.npy", &array(&[3], vec![1.0, 2.0, 3.0]));
    let line = "run leaky-relu x.npy -o y.npy --param slope=@slopes.npy --device cpu";
    sandbox.run(line).expect_success();
    let y = elements(sandbox.read("y.npy"));
    assert_eq!(y, [-1.0, -2.0, -3.0, -1.0, -2.0, -3.0]);
}

/// On the adapter that binds least at a time: llvmpipe binds 128 MiB.
#[test]
fn channels_go_on_beyond_the_largest_binding() {
    let smallest = devices()
        .into_iter()
        .min_by_key(|device| {
            device["limits"]["max_binding_bytes"]
                .as_u64()
                .unwrap_or(u64::MAX)
        })
        .unwrap();
    let shape = [3, 1000, 11_200];
    let count: usize = shape.iter().product();
    let sandbox = Sandbox::new();
    let x = |index: usize| -((index % 13) as f32);
    let slopes: Vec<f32> = (0..1000).map(|channel| channel as f32).collect();
    sandbox.save("x.npy", &array(&shape, (0..count).map(x).collect()));
    sandbox.save("slopes.npy", &array(&[1000], slopes.clone()));
    let device = smallest["name"].as_str().unwrap();
    let line = format!(
        "run leaky-relu x.npy -o y.npy --param slope=@slopes.npy --axis 1 --verify none --device {device}"
    );
    sandbox.run(&line).expect_success();
    let Values::F32(y) = sandbox.read("y.npy").values else {
        panic!("y holds other than float32");
    };
    assert_eq!(y.len(), count);
    for (index, &y) in y.iter().enumerate() {
        let expected = x(index) * slopes[index / shape[2] % shape[1]];
        assert!(y == expected, "element {index} is {y}, not {expected}");
    }
}

#[test]
fn the_summary_says_what_was_done_and_verified() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[100, 1000], numbers(100_000, 0)));
    let verified = |flags: &str| {
        let line = format!("run gelu x.npy -o y.npy --force --json {flags}");
        sandbox.run(&line).expect_json()
    };
    assert_eq!(verified("")["verified"], 65_536);
    assert_eq!(verified("--verify sample")["verified"], 65_536);
    assert_eq!(verified("--verify none")["verified"], 0);
    let full = verified("--verify full");
    assert_eq!(full["verified"], 100_000);
    assert_eq!(full["math"], "accurate");
    if let Some(gpu) = device_names().iter().find(|name| *name != "cpu") {
        let native = verified(&format!("--math native --device {gpu}"));
        assert_eq!(&native["math"], "native");
    }
    assert_eq!(full["op"], "gelu");
    assert_eq!(full["dtype"], "<f4");
    assert_eq!(full["output"], "y.npy");
    assert_eq!(full["shape"], serde_json::json!([100, 1000]));
    assert!(full["seconds"].as_f64().unwrap() > 0.0);
    assert!(full["worst_ulp"].as_f64().unwrap() > 0.0);
    let cpu = verified("--verify full --device cpu");
    assert_eq!(
        (&cpu["device"], &cpu["verified"]),
        (&"cpu".into(), &100_000.into())
    );
}

/// What was compared with what; of nothing there is nothing to say.
#[test]
fn the_summary_says_no_more_than_was_compared() {
    let sandbox = Sandbox::with_x();
    sandbox.save("empty.npy", &array(&[0, 8], Vec::new()));
    for device in device_names() {
        let said = |line: &str| {
            let line = format!("run {line} -o y.npy --force --device {device}");
            sandbox.run(&line).expect_success()
        };
        let gelu = "verified 12 of 12 elements against the f64 reference, worst ";
        let pooled = "verified 6 of 6 elements against the f64 reference, worst 0.00 ULP";
        for (line, shape, verified) in [
            ("gelu x.npy", "[3, 4]", gelu),
            ("maxout x.npy --param pieces=2", "[3, 2]", pooled),
            ("gelu empty.npy", "[0, 8]", "no elements"),
            ("gelu x.npy --verify none", "[3, 4]", "not verified"),
        ] {
            let said = said(line);
            let told = format!("of {shape} float32 on {device}: {verified}");
            assert!(said.contains(&told), "{said}");
            assert!(said.ends_with("written to y.npy\n"), "{said}");
        }
    }
}

#[test]
fn what_the_cpu_cannot_do_is_refused() {
    let sandbox = Sandbox::with_x();
    let text = "--math native is an adapter's; cpu has the crate's own math alone";
    for line in [
        "run gelu x.npy -o y.npy",
        "grad gelu x.npy x.npy -o y.npy",
        "run gelu x.npy -o y.npy --dry-run",
    ] {
        sandbox.refuses(2, &format!("{line} --math native --device cpu"), text);
    }
    let plan = sandbox.run("run gelu x.npy -o y.npy --dry-run --json --device cpu");
    let plan = plan.expect_json();
    assert_eq!(
        (&plan[0]["op"], &plan[0]["devices"][0]),
        (&"gelu".into(), &"cpu".into())
    );
}

#[test]
fn numbers_are_written_without_rows_of_zeros() {
    let sandbox = Sandbox::with_x();
    for (op, told) in [
        ("elu(alpha=1e-30)", "elu(alpha=1e-30) of"),
        ("elu(alpha=1e30)", "elu(alpha=1e30) of"),
        ("elu(alpha=0.5)", "elu(alpha=0.5) of"),
        ("elu(alpha=2)", "elu(alpha=2) of"),
        (
            "dice(alpha=1e-9)",
            "dice(alpha=1e-9, epsilon=1e-8, mode=train) of",
        ),
        (
            "alpha-dropout(p=1e-7, seed=1)",
            "alpha-dropout(p=1e-7, seed=1) of",
        ),
    ] {
        let line = format!("run \"{op}\" x.npy -o y.npy --force --device cpu");
        let said = sandbox.run(&line).expect_success();
        assert!(said.starts_with(told), "{said}");
    }
    let text = "elu: alpha is -1e-30 but must be";
    sandbox.refuses(2, "run elu x.npy -o z.npy --param alpha=-1e-30", text);
    let page = sandbox.run("ops \"elu(alpha=1e-30)\"").expect_success();
    assert!(page.contains("f(-inf) = -1.0000000031710769e-30"), "{page}");
    // What is told is of the parameters given.
    let page = sandbox.run("ops \"elu(alpha=0.5)\"").expect_success();
    for told in [
        "range         -0.5 to inf",
        "saturates     at -0.5 towards -inf",
    ] {
        assert!(page.contains(told), "{page}");
    }
    let line = "ops \"swish(beta=10000)\" --properties --device cpu";
    let table = sandbox.run(line).expect_success();
    assert!(table.contains("-2.78e-5 to inf"), "{table}");
}

/// What is given for statistics that nobody asked for would be ignored.
#[test]
fn a_parameter_that_shapes_nothing_is_refused() {
    let sandbox = Sandbox::with_x();
    let dice = "run dice x.npy -o y.npy --device cpu --param";
    let text =
        "momentum has no effect on dice without --out running-mean or --out running-variance";
    sandbox.refuses(2, &format!("{dice} momentum=0.5"), text);
    sandbox.refuses(2, &format!("{dice} momentum=0.5 --out mean=m.npy"), text);
    let grad = "grad dice x.npy x.npy -o dx.npy --param momentum=0.5 --device cpu";
    let text = "momentum has no effect on dice in grad; leave it out";
    sandbox.refuses(2, grad, text);
    let chain = "run \"relu | dice(momentum=0.5)\" x.npy -o y.npy --device cpu";
    let text = "momentum has no effect on dice in a chain; leave it out";
    sandbox.refuses(2, chain, text);
    let running = "--param mean=1 --param variance=2";
    sandbox.refuses(
        2,
        &format!("{dice} alpha=1 {running}"),
        "mean has no effect on dice",
    );
    for (name, flags) in [
        ("running-mean", "momentum=0.5"),
        (
            "running-variance",
            "momentum=0.5 --param mean=1 --param variance=2",
        ),
    ] {
        let line = format!("{dice} {flags} --out {name}=r.npy --force");
        sandbox.run(&line).expect_success();
        assert_eq!(sandbox.read("r.npy").shape, [4]);
    }
    let infer = "run dice x.npy -o z.npy --mode infer --param mean=1 --param variance=2";
    sandbox.run(infer).expect_success();
}

#[test]
fn names_of_tensors_and_files_do_not_move_the_cursor() {
    let sandbox = Sandbox::new();
    let name = "a\u{1b}[2J\nb\u{9b}c";
    let tensor = serde_json::json!({ "dtype": "F32", "shape": [2], "data_offsets": [0, 8] });
    let header = serde_json::json!({ name: tensor }).to_string();
    let length = (header.len() as u64).to_le_bytes();
    let file = [&length[..], header.as_bytes(), &[0; 8]].concat();
    std::fs::write(sandbox.path("in.safetensors"), file).unwrap();
    let moves = |text: &str| text.contains(|c: char| c.is_control() && c != '\n');
    let line = "run silu in.safetensors --tensor '*' -o";
    for (flags, lines) in [("", 1), ("--dry-run", 4)] {
        for device in device_names() {
            let line = format!("{line} out\u{1b}.safetensors --force --device {device} {flags}");
            let told = sandbox.run(&line).expect_success();
            assert!(!moves(&told), "{told:?}");
            assert!(told.contains("a\\u{1b}[2J\\nb\\u{9b}c"), "{told:?}");
            assert_eq!(told.lines().count(), lines, "{told}");
        }
    }
    let refused = sandbox.run(&format!("{line} new.npy"));
    assert!(!moves(&refused.stderr), "{:?}", refused.stderr);
    let unknown = sandbox.run("run silu in.safetensors --tensor x -o new.safetensors");
    unknown.expect_error(1, "a\\u{1b}[2J\\nb\\u{9b}c");
}
