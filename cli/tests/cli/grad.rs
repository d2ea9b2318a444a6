//! `activations grad`

use wgpu_activations::io::npy::{Float, Order};

use crate::sandbox::{
    Sandbox, array, channels, device_names, elements, expect_close, numbers, sigmoid,
};

/// Slope of swish, and its slope with respect to beta.
fn swish_slopes(x: f64, beta: f64) -> (f64, f64) {
    let s = sigmoid(beta * x);
    (s + beta * x * s * (1.0 - s), x * x * s * (1.0 - s))
}

#[test]
fn both_gradients_are_right_per_channel_on_every_device() {
    let sandbox = Sandbox::new();
    let shape = [5, 3, 7];
    let (x, upstream) = (numbers(105, 3), numbers(105, 50));
    let betas = [0.5, 1.0, -2.0];
    sandbox.save(
        "betas.npy",
        &array(&[3], betas.map(|beta| beta as f32).to_vec()),
    );
    let mut dx = Vec::new();
    let mut dbeta = [0.0; 3];
    for ((&x, &g), channel) in x.iter().zip(&upstream).zip(channels(&shape, 1)) {
        let (slope, beta_slope) = swish_slopes(f64::from(x), betas[channel]);
        dx.push(slope * f64::from(g));
        dbeta[channel] += beta_slope * f64::from(g);
    }
    let (x, upstream) = (array(&shape, x), array(&shape, upstream));
    for device in device_names() {
        // The two inputs may differ in memory order.
        for order in [Order::C, Order::Fortran] {
            sandbox.save("x.npy", &x.clone().to_order(order).unwrap());
            sandbox.save("g.npy", &upstream);
            let line = format!(
                "grad swish x.npy g.npy -o dx.npy --out beta=dbeta.npy --force --verify full \
                 --param beta=@betas.npy --axis -2 --device {device}"
            );
            sandbox.run(&line).expect_success();
            let found = sandbox.read("dx.npy");
            assert_eq!(found.order, order);
            expect_close(&device, &elements(found), &dx, 2e-6);
            let found = sandbox.read("dbeta.npy");
            assert_eq!(found.shape, [3]);
            expect_close(&device, &elements(found), &dbeta, 2e-5);
        }
    }
}

#[test]
fn the_gradient_of_one_parameter_is_one_number() {
    let sandbox = Sandbox::new();
    let (x, upstream) = (numbers(999, 3), numbers(999, 50));
    let dalpha = x
        .iter()
        .zip(&upstream)
        .map(|(&x, &g)| f64::from(x).min(0.0).exp_m1() * f64::from(g))
        .sum();
    sandbox.save("x.npy", &array(&[999], x));
    sandbox.save("g.npy", &array(&[999], upstream));
    for device in device_names() {
        let line = format!(
            "grad elu x.npy g.npy -o dx.npy --out alpha=da.npy --param alpha=0.5 --force --json --device {device}"
        );
        let summary = sandbox.run(&line).expect_json();
        assert_eq!(summary["op"], "elu(alpha=0.5)");
        assert_eq!(summary["device"], *device);
        assert_eq!(summary["outputs"]["alpha"], "da.npy");
        assert_eq!(summary["verified"], 999);
        let found = sandbox.read("da.npy");
        assert_eq!(found.shape, [0; 0]);
        expect_close(&device, &elements(found), &[dalpha], 1e-4);
    }
}

#[test]
fn an_empty_batch_has_a_gradient_of_zero() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[0, 3], Vec::new()));
    sandbox.save("slopes.npy", &array(&[3], vec![0.25; 3]));
    let line = "grad leaky-relu x.npy x.npy -o dx.npy --out slope=ds.npy --param slope=@slopes.npy";
    sandbox.run(line).expect_success();
    assert_eq!(sandbox.read("dx.npy").shape, [0, 3]);
    assert_eq!(elements(sandbox.read("ds.npy")), [0.0; 3]);
}

#[test]
fn x_and_upstream_must_match() {
    let sandbox = Sandbox::with_x();
    sandbox.save("t.npy", &array(&[4, 3], numbers(12, 0)));
    sandbox.refuses(
        1,
        "grad elu x.npy t.npy -o dx.npy",
        "elu: upstream has shape [4, 3] but x has shape [3, 4]; they must match",
    );
    let mut half = array(&[3, 4], numbers(12, 0));
    half.dtype.float = Float::F16;
    sandbox.save("h.npy", &half);
    let mut double = half;
    double.dtype.float = Float::F64;
    sandbox.save("d.npy", &double);
    sandbox.refuses(
        1,
        "grad elu h.npy d.npy -o dx.npy --device cpu",
        "elu: upstream holds float64 but x holds float16; they must match",
    );
}

#[test]
fn the_parameter_named_for_output_must_be_the_one_there_is() {
    let sandbox = Sandbox::with_x();
    for (out, text) in [
        ("beta=db.npy", "--out beta: elu gives `alpha` here"),
        ("alpha", "--out alpha: write NAME=FILE"),
        ("alpha=", "--out alpha=: write NAME=FILE"),
        (
            "alpha=a.npy --out alpha=b.npy",
            "--out alpha=b.npy: one file is enough for alpha",
        ),
    ] {
        sandbox.refuses(
            2,
            &format!("grad elu x.npy x.npy -o dx.npy --out {out}"),
            text,
        );
    }
    sandbox.refuses(
        2,
        "grad gelu x.npy x.npy -o dx.npy --out alpha=da.npy",
        "--out alpha: gelu gives nothing beside the output",
    );
}
