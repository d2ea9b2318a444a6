//! Dice, softmax and alpha dropout through `run` and `grad`, on every device, against the
//! definitions written out here.

use wgpu_activations::io::npy::Order;

use crate::sandbox::{
    Sandbox, array, channels, device_names, elements, expect_close, numbers, sigmoid,
};

/// The sum of f over the elements of each channel.
fn sums(channel: &[usize], count: usize, f: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; count];
    for (index, &channel) in channel.iter().enumerate() {
        sums[channel] += f(index);
    }
    sums
}

#[test]
fn dice_trains_and_infers_along_any_axis_on_every_device() {
    const ALPHA: f64 = 0.25;
    const EPSILON: f64 = 1e-5;
    let sandbox = Sandbox::new();
    let shape = [6, 5, 4];
    let (x, g) = (numbers(120, 3), numbers(120, 50));
    for (device, axis) in device_names()
        .iter()
        .flat_map(|d| [(d, 0), (d, 1), (d, -1)])
    {
        let channel = channels(&shape, axis);
        let count = channel.iter().max().unwrap() + 1;
        let each = (120 / count) as f64;
        let at = |index: usize| f64::from(x[index]);
        let mean: Vec<_> = sums(&channel, count, |i| at(i) / each);
        let variance = sums(&channel, count, |i| {
            (at(i) - mean[channel[i]]).powi(2) / each
        });
        let r = |i: usize| 1.0 / (variance[channel[i]] + EPSILON).sqrt();
        let z = |i: usize| (at(i) - mean[channel[i]]) * r(i);
        let y: Vec<_> = (0..120)
            .map(|i| at(i) * (sigmoid(z(i)) + (1.0 - sigmoid(z(i))) * ALPHA))
            .collect();
        let up = |i: usize| f64::from(g[i]);
        let k = |i: usize| up(i) * at(i) * (1.0 - ALPHA) * sigmoid(z(i)) * sigmoid(-z(i));
        let mean_k = sums(&channel, count, |i| k(i) / each);
        let mean_kz = sums(&channel, count, |i| k(i) * z(i) / each);
        let through = |i: usize| mean_k[channel[i]] + z(i) * mean_kz[channel[i]];
        let direct = |i: usize| up(i) * (ALPHA + (1.0 - ALPHA) * sigmoid(z(i)));
        let dalpha = sums(&channel, count, |i| up(i) * at(i) * sigmoid(-z(i)));

        let orders = [Order::C, Order::Fortran];
        for &order in if axis == 1 { &orders[..] } else { &orders[..1] } {
            let x = array(&shape, x.clone()).to_order(order).unwrap();
            sandbox.save("x.npy", &x);
            sandbox.save("g.npy", &array(&shape, g.clone()));
            let flags = format!(
                "--param alpha={ALPHA} --param epsilon=1e-5 --axis {axis} --device {device} \
                 --force --verify full"
            );
            let line = format!(
                "run dice x.npy -o y.npy --out mean=m.npy --out running-mean=rm.npy \
                 --out variance=v.npy --out running-variance=rv.npy {flags}"
            );
            sandbox.run(&line).expect_success();
            let read = |name: &str| elements(sandbox.read(name));
            expect_close(device, &read("y.npy"), &y, 4e-6);
            expect_close(device, &read("m.npy"), &mean, 1e-6);
            expect_close(device, &read("v.npy"), &variance, 1e-6);
            let running: Vec<_> = mean.iter().map(|mean| 0.1 * mean).collect();
            expect_close(device, &read("rm.npy"), &running, 1e-6);
            let unbiased = variance.iter().map(|v| 0.9 + 0.1 * v * each / (each - 1.0));
            expect_close(device, &read("rv.npy"), &unbiased.collect::<Vec<_>>(), 1e-6);

            let line = format!("grad dice x.npy g.npy -o dx.npy --out alpha=da.npy {flags}");
            sandbox.run(&line).expect_success();
            let dx: Vec<_> = (0..120)
                .map(|i| direct(i) + r(i) * (k(i) - through(i)))
                .collect();
            expect_close(device, &read("dx.npy"), &dx, 1e-5);
            expect_close(device, &read("da.npy"), &dalpha, 1e-5);

            // The same statistics, given: y is the same, and dx goes around them.
            let given = "--mode infer --param mean=@m.npy --param variance=@v.npy";
            let line = format!("run dice x.npy -o y.npy {given} {flags}");
            sandbox.run(&line).expect_success();
            expect_close(device, &read("y.npy"), &y, 4e-6);
            let line = format!("grad dice x.npy g.npy -o dx.npy {given} {flags}");
            sandbox.run(&line).expect_success();
            let dx: Vec<_> = (0..120).map(|i| direct(i) + r(i) * k(i)).collect();
            expect_close(device, &read("dx.npy"), &dx, 1e-5);
        }
    }
}

#[test]
fn softmax_and_its_logarithm_along_any_axis_on_every_device() {
    let sandbox = Sandbox::new();
    let shape = [6, 5, 4];
    let (x, g) = (numbers(120, 3), numbers(120, 50));
    sandbox.save("x.npy", &array(&shape, x.clone()));
    sandbox.save("g.npy", &array(&shape, g.clone()));
    for (device, axis) in device_names()
        .iter()
        .flat_map(|d| [(d, 0), (d, 1), (d, -1)])
    {
        // Elements of one row share a number: their place without the axis.
        let axis_of = if axis < 0 { 2 } else { axis as usize };
        let inner: usize = shape[axis_of + 1..].iter().product();
        let row: Vec<_> = (0..120)
            .map(|i| i / (inner * shape[axis_of]) * inner + i % inner)
            .collect();
        let rows = 120 / shape[axis_of];
        let total = sums(&row, rows, |i| f64::from(x[i]).exp());
        let y: Vec<_> = (0..120)
            .map(|i| f64::from(x[i]).exp() / total[row[i]])
            .collect();
        let gy = sums(&row, rows, |i| f64::from(g[i]) * y[i]);
        let sum_g = sums(&row, rows, |i| f64::from(g[i]));
        for (op, y, dx) in [
            (
                "softmax",
                y.clone(),
                (0..120)
                    .map(|i| y[i] * (f64::from(g[i]) - gy[row[i]]))
                    .collect::<Vec<_>>(),
            ),
            (
                "log_softmax",
                y.iter().map(|y| y.ln()).collect(),
                (0..120)
                    .map(|i| f64::from(g[i]) - y[i] * sum_g[row[i]])
                    .collect(),
            ),
        ] {
            let flags = format!("--axis {axis} --device {device} --force --verify full");
            sandbox
                .run(&format!("run {op} x.npy -o y.npy {flags}"))
                .expect_success();
            expect_close(op, &elements(sandbox.read("y.npy")), &y, 1e-6);
            sandbox
                .run(&format!("grad {op} x.npy g.npy -o dx.npy {flags}"))
                .expect_success();
            expect_close(op, &elements(sandbox.read("dx.npy")), &dx, 4e-6);
        }
    }
}

#[test]
fn masked_rows_give_nan_or_zeros() {
    let sandbox = Sandbox::new();
    let infinite = f32::NEG_INFINITY;
    sandbox.save(
        "x.npy",
        &array(&[2, 2], vec![infinite, infinite, infinite, 1.0]),
    );
    for device in device_names() {
        let line = format!("run softmax x.npy -o y.npy --force --device {device}");
        sandbox.run(&line).expect_success();
        let y = elements(sandbox.read("y.npy"));
        assert!(y[0].is_nan() && y[1].is_nan(), "{device}: {y:?}");
        assert_eq!(y[2..], [0.0, 1.0]);
        sandbox
            .run(&format!("{line} --param masked=zeros"))
            .expect_success();
        assert_eq!(
            elements(sandbox.read("y.npy")),
            [0.0, 0.0, 0.0, 1.0],
            "{device}"
        );
    }
}

#[test]
fn alpha_dropout_drops_the_same_elements_on_every_device_in_either_order() {
    let sandbox = Sandbox::new();
    let x = array(&[30, 50], numbers(1500, 3));
    let ones = array(&[30, 50], vec![1.0; 1500]);
    sandbox.save("ones.npy", &ones);
    let mut masks = Vec::new();
    for device in device_names() {
        for order in [Order::C, Order::Fortran] {
            sandbox.save("x.npy", &x.clone().to_order(order).unwrap());
            let flags = format!("--param p=0.3 --param seed=7 --force --device {device}");
            sandbox
                .run(&format!("run alpha-dropout x.npy -o y.npy {flags}"))
                .expect_success();
            sandbox
                .run(&format!(
                    "grad alpha-dropout x.npy ones.npy -o dx.npy {flags}"
                ))
                .expect_success();
            let (y, dx) = (sandbox.read("y.npy"), elements(sandbox.read("dx.npy")));
            let dropped: Vec<_> = dx.iter().map(|slope| *slope == 0.0).collect();
            // What is dropped is all the same: a alpha' + b.
            let y = elements(y);
            let mut held = y.iter().zip(&dropped).filter(|(_, dropped)| **dropped);
            let first = *held.next().unwrap().0;
            assert!(held.all(|(y, _)| *y == first), "{device}");
            masks.push(dropped);
        }
    }
    let count = masks[0].iter().filter(|dropped| **dropped).count();
    assert!(
        (350..550).contains(&count),
        "{count} of 1500 dropped for p = 0.3"
    );
    assert!(masks.iter().all(|mask| *mask == masks[0]));
}

#[test]
fn empty_tensors_give_empty_results() {
    let sandbox = Sandbox::new();
    sandbox.save("x.npy", &array(&[0, 3], Vec::new()));
    for device in device_names() {
        for op in [
            "softmax",
            "log-softmax",
            "dice",
            "prelu",
            "alpha-dropout(p=0.5,seed=1)",
        ] {
            let flags = format!("--force --device {device}");
            sandbox
                .run(&format!("run {op} x.npy -o y.npy {flags}"))
                .expect_success();
            assert_eq!(sandbox.read("y.npy").shape, [0, 3], "{op} on {device}");
            sandbox
                .run(&format!("grad {op} x.npy x.npy -o dx.npy {flags}"))
                .expect_success();
            assert_eq!(sandbox.read("dx.npy").shape, [0, 3], "{op} on {device}");
        }
    }
}

#[test]
fn wrong_use_names_the_rule() {
    let sandbox = Sandbox::with_x();
    sandbox.save("three.npy", &array(&[3], vec![1.0; 3]));
    sandbox.save("four.npy", &array(&[4], vec![1.0; 4]));
    sandbox.save("row.npy", &array(&[1, 4], vec![1.0; 4]));
    sandbox.save("nan.npy", &array(&[4], vec![1.0, f32::NAN, 1.0, 1.0]));
    for (status, line, text) in [
        (
            1,
            "run dice x.npy -o y.npy --param alpha=@three.npy",
            "dice: 3 values of alpha but 4 channels along axis 1 of shape [3, 4]; they must match",
        ),
        (
            1,
            "run dice x.npy -o y.npy --param alpha=@nan.npy",
            "nan.npy: value 1: dice: alpha is NaN but must be a finite number",
        ),
        (
            1,
            "run dice row.npy -o y.npy",
            "dice: training needs 2 or more elements per channel but shape [1, 4] has 1",
        ),
        (
            2,
            "run dice x.npy -o y.npy --mode infer",
            "--mode infer needs them",
        ),
        (
            2,
            "run dice x.npy -o y.npy --param epsilon=0",
            "dice: epsilon is 0 but must be a finite number > 0",
        ),
        (
            2,
            "run dice x.npy -o y.npy --param momentum=2",
            "dice: momentum is 2 but must be a number from 0 to 1",
        ),
        (
            2,
            "run dice x.npy -o y.npy --param gamma=2",
            "dice has no parameter `gamma`; it takes `alpha`, `epsilon`, `momentum`, `mean`, `variance`",
        ),
        (
            2,
            "run dice x.npy -o y.npy --param alpha=1 --param alpha=2",
            "--param alpha=2: alpha is given twice",
        ),
        (
            2,
            "run dice x.npy -o y.npy --out alpha=a.npy",
            "--out alpha: dice gives `mean`, `variance`, `running-mean`, `running-variance` here",
        ),
        (
            2,
            "run dice x.npy -o y.npy --axis 2",
            "axis 2 does not exist in shape [3, 4]",
        ),
        (
            2,
            "run softmax x.npy -o y.npy --axis -3",
            "axis -3 does not exist in shape [3, 4]",
        ),
        (
            2,
            "run softmax x.npy -o y.npy --param masked=maybe",
            "--param masked=maybe: softmax takes nan or zeros here",
        ),
        (
            2,
            "run softmax x.npy -o y.npy --mode train",
            "--mode has no effect on softmax; dice has modes",
        ),
        (
            2,
            "run softmax x.npy -o y.npy --out sum=s.npy",
            "--out sum: softmax gives nothing beside the output",
        ),
        (
            2,
            "run elu x.npy -o y.npy --out alpha=a.npy",
            "--out alpha: elu gives nothing beside the output",
        ),
        (
            2,
            "run alpha-dropout x.npy -o y.npy --param p=1 --param seed=1",
            "alpha-dropout: p is 1 but must be at least 0 and less than 1",
        ),
        (
            2,
            "run alpha-dropout x.npy -o y.npy --param seed=1",
            "alpha-dropout needs --param p=VALUE",
        ),
        (
            2,
            "run alpha-dropout x.npy -o y.npy --param p=0.5 --param seed=-1",
            "--param seed=-1: `-1` is not a whole number",
        ),
        (
            2,
            "run alpha-dropout x.npy -o y.npy --param p=@x.npy --param seed=1",
            "alpha-dropout takes a number from 0 to below 1 here, not a file",
        ),
        (
            1,
            "grad softmax x.npy four.npy -o y.npy",
            "softmax: upstream has shape [4] but x has shape [3, 4]; they must match",
        ),
        (2, "run sofmax x.npy -o y.npy", "did you mean `softmax`?"),
        (2, "check sofmax", "did you mean `softmax`?"),
    ] {
        for device in ["", " --device cpu"] {
            let device = if line.starts_with("check") {
                ""
            } else {
                device
            };
            sandbox.refuses(status, &format!("{line}{device}"), text);
        }
    }
}
