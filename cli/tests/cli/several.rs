//! Files of several arrays, chosen by name and pattern, on every device: archives, `.safetensors` files, models in
//! shards. All else passes through. And bfloat16 in NumPy's files.

use std::{
    fs::{self, File},
    path::Path,
};

use half::bf16;
use serde_json::json;
use wgpu_activations::io::{
    self, Endian, NewArray, Number, Order, Sink, Storage, Target,
    npy::{Float, Values},
};

use crate::sandbox::{Sandbox, array, device_names, elements, expect_close, numbers, sigmoid};
use crate::stream::{bytes_of, safetensors, silu};

/// Values as memory has those that a file stores as `number`.
fn in_memory(number: Number, values: &[f32]) -> Vec<u8> {
    let bytes = |&x: &f32| match number {
        Number::Bf16 => bf16::from_f32(x).to_ne_bytes().to_vec(),
        _ => x.to_ne_bytes().to_vec(),
    };
    values.iter().flat_map(bytes).collect()
}

/// An archive of vectors.
pub(crate) fn save_npz(path: &Path, arrays: &[(&str, Number, &[f32])]) {
    let file = File::create_new(path).unwrap();
    for &(name, number, values) in arrays {
        let new = NewArray {
            name,
            shape: &[values.len()],
            order: Order::C,
            storage: Storage {
                number,
                endian: Endian::Little,
            },
            place: None,
        };
        let target = Target::File(file.try_clone().unwrap());
        let output = io::format_of(path).begin(target, path, &new).unwrap();
        output.write(0, &in_memory(number, values)).unwrap();
        output.finish().unwrap();
    }
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// An array of a file of several.
fn read(sandbox: &Sandbox, file: &str, name: &str) -> Vec<f64> {
    let input = io::open(&sandbox.path(file), &[name.to_owned()]).unwrap();
    doubles(&input.into_only().unwrap().read_as_f32(Order::C).unwrap())
}

/// The names of what a file of floats holds.
fn names(sandbox: &Sandbox, file: &str) -> Vec<String> {
    let input = io::open(&sandbox.path(file), &["*".to_owned()]).unwrap();
    input.arrays.into_iter().map(|array| array.name).collect()
}

fn map(values: &[f32], function: impl Fn(f64) -> f64) -> Vec<f64> {
    values.iter().map(|&x| function(f64::from(x))).collect()
}

/// A parameter's array is named behind its file, whatever colons are in either name.
#[test]
fn a_parameter_may_come_from_a_file_of_several() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[2], vec![-1.0; 2]));
    let arrays = [
        ("a", Number::F32, &[0.5, 0.25][..]),
        ("b:c", Number::F32, &[0.125, 1.0]),
    ];
    save_npz(&sandbox.path("p.npz"), &arrays);
    for (source, expected) in [("p.npz:a", [-0.5, -0.25]), ("p.npz:b:c", [-0.125, -1.0])] {
        for line in [
            format!("run prelu x.npy -o y.npy --force --param alpha=@{source}"),
            format!("run prelu(alpha=@{source}) x.npy -o y.npy --force"),
        ] {
            sandbox.run(&line).expect_success();
            assert_eq!(elements(sandbox.read("y.npy")), expected, "{line}");
        }
    }
    let line = "run prelu x.npy -o z.npy --param alpha=@";
    for (status, source, text) in [
        (
            1,
            "p.npz",
            "p.npz: is an .npz archive with 2 arrays; name some with --tensor NAME",
        ),
        (
            1,
            "p.npz",
            "or one for a parameter with @FILE:NAME: `a`, `b:c`",
        ),
        (
            1,
            "p.npz:d",
            "p.npz: has nothing that matches `d`; it has `a`, `b:c`",
        ),
        (2, "p.npz:*", "p.npz: one array is needed, 2 are named"),
        (
            2,
            "x.npy:a",
            "--tensor and @FILE:NAME name arrays of an .npz or .safetensors file",
        ),
        (1, "none.npz:a", "none.npz:a: no such file"),
    ] {
        sandbox.refuses(status, &format!("{line}{source}"), text);
    }
    if cfg!(unix) {
        fs::copy(sandbox.path("x.npy"), sandbox.path("p.npz:a")).unwrap();
        let line = "run prelu x.npy -o y.npy --force --param alpha=@p.npz:a";
        sandbox.run(line).expect_success();
        assert_eq!(elements(sandbox.read("y.npy")), [1.0; 2]);
    }
}

#[test]
fn arrays_of_an_archive_are_replaced_and_all_else_passes_through() {
    let sandbox = Sandbox::new();
    let (a, b, c) = (numbers(500, 1), numbers(90, 2), numbers(7, 3));
    save_npz(
        &sandbox.path("x.npz"),
        &[
            ("a", Number::F32, &a),
            ("ids", Number::U32, &[0.0; 3]),
            ("b.1", Number::Bf16, &b),
            ("c", Number::F64, &c),
        ],
    );
    let brains: Vec<_> = b.iter().map(|&x| bf16::from_f32(x).to_f32()).collect();
    for device in device_names() {
        let line = "run silu x.npz -o y.npz --tensor 'b.?' --tensor a --json --force --device";
        let told = sandbox.run(&format!("{line} {device}")).expect_json();
        assert_eq!(told["tensors"].as_array().unwrap().len(), 2, "{told}");
        assert_eq!(names(&sandbox, "y.npz"), ["a", "b.1", "c"]);
        let (found_a, found_b) = (read(&sandbox, "y.npz", "a"), read(&sandbox, "y.npz", "b.1"));
        expect_close(&device, &found_a, &map(&a, silu), 1e-6);
        expect_close(&device, &found_b, &map(&brains, silu), 4e-3);
        assert_eq!(read(&sandbox, "y.npz", "c"), doubles(&c));
    }
    // What cannot be computed on, or not in its own type, is told.
    let note = "note: x.npz: float64 is computed as float32\n\
        note: x.npz: `ids` is not computed on: dtype '<u4' is unsigned integer; float16, float32, \
        float64 and bfloat16 are accepted, convert with .astype('float32')";
    let line = "run silu x.npz -o y.npz --tensor '*' --force";
    sandbox.run(line).expect_note(note);
    expect_close("c", &read(&sandbox, "y.npz", "c"), &map(&c, silu), 1e-6);
    for (status, line, text) in [
        (
            1,
            "x.npz -o z.npz",
            "is an .npz archive with 4 arrays; name some with --tensor",
        ),
        (
            1,
            "x.npz -o z.npz --tensor ids",
            "`ids`: dtype '<u4' is unsigned integer",
        ),
        (
            1,
            "x.npz -o z.npz --tensor z",
            "has nothing that matches `z`; it has `a`, `ids`",
        ),
        (
            2,
            "x.npz -o z.npy --tensor a --tensor c",
            "an .npy file holds one array, 2 are chosen",
        ),
    ] {
        sandbox.refuses(status, &format!("run silu {line}"), text);
    }
    sandbox
        .run("run silu x.npz -o a.npy --tensor a")
        .expect_success();
    expect_close("a", &elements(sandbox.read("a.npy")), &map(&a, silu), 1e-6);
}

#[test]
fn a_pattern_says_which_tensors_it_passes_over() {
    let sandbox = Sandbox::new();
    let file = safetensors(&[
        ("a", "F32", &[2], bytes_of(&[1.0, -1.0])),
        ("d", "F64", &[1], (-2.5_f64).to_le_bytes().to_vec()),
        ("i", "I64", &[1], vec![7; 8]),
    ]);
    fs::write(sandbox.path("x.safetensors"), &file).unwrap();
    let note = "note: x.safetensors: float64 is computed as float32\n\
        note: x.safetensors: `i` is not computed on: holds I64; F32, F16, BF16 and F64 are accepted";
    let line = "run relu x.safetensors -o y.safetensors --tensor '*'";
    sandbox.run(line).expect_note(note);
    assert_eq!(read(&sandbox, "y.safetensors", "d"), [0.0]);
    let out = fs::read(sandbox.path("y.safetensors")).unwrap();
    assert_eq!(out[out.len() - 8..], [7; 8]);
    assert_eq!(out.len(), file.len());
}

#[test]
fn bfloat16_goes_through_numpy_s_files() {
    let sandbox = Sandbox::new();
    let values: Vec<_> = numbers(60, 5).into_iter().map(bf16::from_f32).collect();
    let floats: Vec<_> = values.iter().map(|x| x.to_f32()).collect();
    let mut x = array(&[5, 12], Vec::new());
    x.dtype.float = Float::Bf16;
    x.values = Values::Bf16(values);
    for order in [Order::C, Order::Fortran] {
        let ordered = x.clone().to_order(order).unwrap();
        sandbox.save("x.npy", &ordered);
        for device in device_names() {
            let run = |line: &str| {
                let line = format!("{line} --force --verify full --device {device}");
                sandbox.run(&line).expect_success();
                let y = sandbox.read("y.npy");
                assert_eq!((y.dtype, y.order), (x.dtype, order));
                elements(y)
            };
            let found = run("run silu x.npy -o y.npy");
            expect_close(&device, &found, &map(&floats, silu), 4e-3);
            let found = run("grad sigmoid x.npy x.npy -o y.npy");
            let slope = |x: f64| x * sigmoid(x) * sigmoid(-x);
            expect_close(&device, &found, &map(&floats, slope), 4e-3);
        }
    }
}

#[test]
fn gradients_go_by_name() {
    let sandbox = Sandbox::new();
    let vectors: Vec<_> = (0..6).map(|seed| numbers(40, seed)).collect();
    let [h1, h2, k, g1, g2, dk] = &vectors[..] else {
        unreachable!()
    };
    let tensor = |name, values| (name, "F32", &[40][..], bytes_of(values));
    // The upstream has the same names in another order.
    let x = safetensors(&[tensor("h1", h1), tensor("h2", h2), tensor("k", k)]);
    let upstream = safetensors(&[tensor("dk", dk), tensor("h2", g2), tensor("h1", g1)]);
    fs::write(sandbox.path("x.safetensors"), x).unwrap();
    fs::write(sandbox.path("g.safetensors"), upstream).unwrap();
    let number = Number::F32;
    let archive = [
        ("h1", number, &h1[..]),
        ("h2", number, h2),
        ("k", number, k),
    ];
    save_npz(&sandbox.path("x.npz"), &archive);
    let archive = [
        ("dk", number, &dk[..]),
        ("h2", number, g2),
        ("h1", number, g1),
    ];
    save_npz(&sandbox.path("g.npz"), &archive);
    let gradient = |x: &[f32], upstream: &[f32]| -> Vec<f64> {
        let slope = |x: f64| sigmoid(x) * (1.0 + x * sigmoid(-x));
        let pairs = map(x, slope).into_iter().zip(doubles(upstream));
        pairs.map(|(slope, upstream)| slope * upstream).collect()
    };
    for device in device_names() {
        for extension in ["safetensors", "npz"] {
            let run = |rest: &str| {
                let files = format!("x.{extension} g.{extension} -o dx.{extension}");
                let line = format!("grad silu {files} {rest} --force --device {device}");
                sandbox.run(&line).expect_success();
            };
            let file = format!("dx.{extension}");
            run("--tensor h?");
            // The gradients, and nothing else.
            assert_eq!(names(&sandbox, &file), ["h1", "h2"]);
            expect_close(
                &device,
                &read(&sandbox, &file, "h1"),
                &gradient(h1, g1),
                2e-6,
            );
            expect_close(
                &device,
                &read(&sandbox, &file, "h2"),
                &gradient(h2, g2),
                2e-6,
            );
            run("--tensor k --upstream-tensor dk");
            assert_eq!(names(&sandbox, &file), ["k"]);
            expect_close(&device, &read(&sandbox, &file, "k"), &gradient(k, dk), 2e-6);
        }
    }
    // A chain, and an upstream of one array in another format.
    sandbox.save("g.npy", &array(&[40], dk.clone()));
    let line = "grad 'relu | softmax' x.safetensors g.npy -o dx.safetensors --tensor k --force";
    sandbox.run(line).expect_success();
    let sum: f64 = read(&sandbox, "dx.safetensors", "k").iter().sum();
    assert!(sum.abs() < 1.0);
    for (status, line, text) in [
        (
            1,
            "x.npz g.npz -o z.npz --tensor k",
            "g.npz: has nothing that matches `k`; it has `dk`",
        ),
        (
            1,
            "x.npz g.npz -o z.npz",
            "x.npz: is an .npz archive with 3 arrays; name some",
        ),
        (
            2,
            "x.npz g.npy -o z.npz --tensor 'h*'",
            "g.npy: upstream has 1 arrays but x has 2",
        ),
        (
            2,
            "x.npz g.npz -o z.npy --tensor 'h*'",
            "an .npy file holds one array, 2 are chosen",
        ),
        (
            2,
            "x.safetensors g.npy -o z.npy --tensor k",
            "go to another .safetensors file",
        ),
    ] {
        sandbox.refuses(status, &format!("grad silu {line}"), text);
    }
}

#[test]
fn a_model_in_shards_goes_to_a_folder() {
    let sandbox = Sandbox::new();
    let (x, y) = (numbers(300, 1), numbers(60, 2));
    let shards = [
        (
            "m-1.safetensors",
            safetensors(&[
                ("0.gate", "F32", &[3, 100], bytes_of(&x)),
                ("0.up", "F32", &[1], bytes_of(&[4.0])),
            ]),
        ),
        (
            "m-2.safetensors",
            safetensors(&[("1.gate", "F32", &[60], bytes_of(&y))]),
        ),
        (
            "m-3.safetensors",
            safetensors(&[("norm", "I64", &[1], vec![7; 8])]),
        ),
    ];
    fs::create_dir(sandbox.path("model")).unwrap();
    let inside = |folder: &str, name: &str| sandbox.path(folder).join(name);
    for (name, bytes) in &shards {
        fs::write(inside("model", name), bytes).unwrap();
    }
    const INDEX: &str = "m.safetensors.index.json";
    let index = json!({ "metadata": {}, "weight_map": {
        "0.gate": "m-1.safetensors", "0.up": "m-1.safetensors",
        "1.gate": "m-2.safetensors", "norm": "m-3.safetensors",
    }});
    fs::write(inside("model", INDEX), index.to_string()).unwrap();

    let line = format!("run silu model/{INDEX} --tensor '*.gate'");
    for device in device_names() {
        let told = sandbox.run(&format!("{line} -o out --json --force --device {device}"));
        assert_eq!(told.expect_json()["tensors"].as_array().unwrap().len(), 2);
        let found = |file, name| read(&sandbox, file, name);
        let first = found("out/m-1.safetensors", "0.gate");
        expect_close(&device, &first, &map(&x, silu), 1e-6);
        let second = found("out/m-2.safetensors", "1.gate");
        expect_close(&device, &second, &map(&y, silu), 1e-6);
        assert_eq!(found("out/m-1.safetensors", "0.up"), [4.0]);
        for name in ["m-3.safetensors", INDEX] {
            let [old, new] = ["model", "out"].map(|folder| fs::read(inside(folder, name)).unwrap());
            assert_eq!(old, new, "{name}");
        }
        assert_eq!(fs::read_dir(sandbox.path("out")).unwrap().count(), 4);
    }
    for (status, rest, text) in [
        (
            1,
            "-o out",
            "m-1.safetensors: exists; add --force to replace it",
        ),
        (
            2,
            "-o y.safetensors",
            "the shards of a model and their index go to a folder",
        ),
        (
            2,
            "-o -",
            "the shards of a model and their index go to a folder",
        ),
        (1, "-o new --tensor norm", "`norm`: holds I64"),
        (3, "-o new --device none", "no device matches `none`"),
        (1, "-o none/new", "none/new: cannot be written"),
    ] {
        sandbox.refuses(status, &format!("{line} {rest}"), text);
    }
    // A shard that is not whole: nothing is written, and no folder left.
    fs::write(inside("model", "m-2.safetensors"), &shards[1].1[..200]).unwrap();
    sandbox.refuses(
        1,
        &format!("{line} -o new"),
        "m-2.safetensors: tensor \"1.gate\"",
    );
    let line = format!("grad silu model/{INDEX} model/{INDEX} -o dx.npz");
    sandbox.refuses(1, &line, "is JSON, which holds no arrays");
}
