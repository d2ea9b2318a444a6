//! Operations of two inputs: `--input`, and the gradients of both.

use crate::sandbox::{Sandbox, array, device_names, elements, expect_close, numbers, sigmoid};

const SHAPE: [usize; 2] = [15, 8];

#[test]
fn two_files_or_one_with_both_on_every_device() {
    let sandbox = Sandbox::new();
    let [gate, up, dy] = [3, 50, 90].map(|seed| numbers(120, seed));
    for (name, values) in [("gate", &gate), ("up", &up), ("dy", &dy)] {
        sandbox.save(&format!("{name}.npy"), &array(&SHAPE, values.clone()));
    }
    let rows = gate.chunks(8).zip(up.chunks(8));
    let both: Vec<f32> = rows.flat_map(|(gate, up)| [gate, up].concat()).collect();
    sandbox.save("both.npy", &array(&[15, 16], both));
    let (mut y, mut dgate, mut dup, mut dbeta) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    for ((&gate, &up), &g) in gate.iter().zip(&up).zip(&dy) {
        let [gate, up, g] = [gate, up, g].map(f64::from);
        let s = sigmoid(2.0 * gate);
        y.push(gate * s * up);
        dgate.push(g * up * (s + 2.0 * gate * s * (1.0 - s)));
        dup.push(g * gate * s);
        dbeta += g * up * gate * gate * s * (1.0 - s);
    }
    for device in device_names() {
        let run = |line: &str| {
            let line = format!("{line} --force --verify full --device {device}");
            sandbox.run(&line).expect_success();
        };
        let read = |name: &str| elements(sandbox.read(name));
        run("run swiglu gate.npy --input up=up.npy -o y.npy --param beta=2");
        expect_close(&device, &read("y.npy"), &y, 2e-6);
        run("run swiglu both.npy -o y.npy --param beta=2 --param layout=halves");
        expect_close(&device, &read("y.npy"), &y, 2e-6);
        run(
            "grad swiglu gate.npy dy.npy -o dgate.npy --input up=up.npy --param beta=2 --out up=dup.npy --out beta=dbeta.npy",
        );
        expect_close(&device, &read("dgate.npy"), &dgate, 2e-5);
        expect_close(&device, &read("dup.npy"), &dup, 2e-5);
        expect_close(&device, &read("dbeta.npy"), &[dbeta], 1e-4);
    }
}

#[test]
fn inputs_that_do_not_fit_are_told() {
    let sandbox = Sandbox::new();
    sandbox.save("gate.npy", &array(&SHAPE, vec![0.5; 120]));
    sandbox.save("up.npy", &array(&[8, 15], vec![0.5; 120]));
    sandbox.save("odd.npy", &array(&[5, 3], vec![0.5; 15]));
    for (line, text) in [
        ("run glu gate.npy -o y.npy", "--input up=FILE"),
        (
            "run glu gate.npy --input up=up.npy -o y.npy",
            "glu: up has shape [8, 15] but gate has shape [15, 8]",
        ),
        (
            "run glu gate.npy --input down=up.npy -o y.npy",
            "glu takes `up` here",
        ),
        (
            "run glu gate.npy --input up=gate.npy --input up=gate.npy -o y.npy",
            "one up is enough",
        ),
        (
            "run gelu gate.npy --input up=gate.npy -o y.npy",
            "gelu takes one input",
        ),
        (
            "run glu odd.npy --param layout=halves -o y.npy",
            "axis 1 of shape [5, 3] is 3 long",
        ),
        (
            "run \"tanh | glu\" gate.npy -o y.npy",
            "takes 2 tensors (gate and up) but got 1",
        ),
    ] {
        // A command line, or files that do not fit it.
        let status = if text.contains(" shape ") || text.contains("2 tensors") {
            1
        } else {
            2
        };
        sandbox.refuses(status, line, text);
    }
}
