//! Dice, softmax and alpha dropout through `run` and `grad`, on every device, against the
//! definitions written out here.
//!
//! Longer than 500 lines: mostly what is expected, in plain f64.

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
fn maxout_pools_either_layout_along_any_axis_on_every_device() {
    let sandbox = Sandbox::new();
    let shape = [6, 4, 2];
    let mut x = numbers(48, 3);
    x[5] = f32::NAN;
    x[9] = f32::NEG_INFINITY;
    // Ties.
    x[20..24].fill(2.0);
    let x = array(&shape, x);
    let values = elements(x.clone());
    for (device, axis, layout) in device_names().iter().flat_map(|d| {
        [
            (d, 0, "adjacent"),
            (d, 0, "strided"),
            (d, 1, "strided"),
            (d, -1, "adjacent"),
        ]
    }) {
        let place = if axis < 0 { 2 } else { axis as usize };
        let (pieces, extent) = (2, shape[place]);
        let groups = extent / pieces;
        let inner: usize = shape[place + 1..].iter().product();
        let mut expected = (Vec::new(), Vec::new());
        let mut won = vec![None; 48];
        for y in 0..24 {
            let (outer, group, rest) = (y / inner / groups, y / inner % groups, y % inner);
            let at = |piece: usize| {
                let channel = match layout {
                    "adjacent" => group * pieces + piece,
                    _ => piece * groups + group,
                };
                (outer * extent + channel) * inner + rest
            };
            let (a, b) = (values[at(0)], values[at(1)]);
            let second = !a.is_nan() && (b.is_nan() || b > a);
            expected.0.push(if second { b } else { a });
            expected.1.push(u32::from(second));
            won[at(usize::from(second))] = Some(y);
        }
        sandbox.save("x.npy", &x.clone().to_order(Order::Fortran).unwrap());
        let flags = format!(
            "--param pieces=2 --param layout={layout} --axis {axis} --device {device} --force"
        );
        let line = format!("run maxout x.npy -o y.npy --out index=i.npy {flags}");
        sandbox.run(&line).expect_success();
        let y = sandbox.read("y.npy");
        let mut output = shape;
        output[place] = groups;
        assert_eq!(y.shape, output);
        for (found, expected) in elements(y).iter().zip(&expected.0) {
            assert!(
                found == expected || found.is_nan() && expected.is_nan(),
                "{line}"
            );
        }
        // uint32 behind a header of 128 bytes, in the order that this tells.
        let bytes = std::fs::read(sandbox.path("i.npy")).unwrap();
        let winners = bytes[128..]
            .chunks_exact(4)
            .map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()) as f32);
        let mut index = array(&output, winners.collect());
        if String::from_utf8_lossy(&bytes[..128]).contains("'fortran_order': True") {
            index.order = Order::Fortran;
        }
        let index = elements(index.to_order(Order::C).unwrap());
        let index: Vec<_> = index.into_iter().map(|index| index as u32).collect();
        assert_eq!(index, expected.1, "{line}");

        let g = numbers(24, 50);
        sandbox.save("g.npy", &array(&output, g.clone()));
        let line = format!("grad maxout x.npy g.npy -o dx.npy {flags}");
        sandbox.run(&line).expect_success();
        let dx = won.iter().map(|won| won.map_or(0.0, |y| f64::from(g[y])));
        assert_eq!(
            elements(sandbox.read("dx.npy")),
            dx.collect::<Vec<_>>(),
            "{line}"
        );
    }
}

#[test]
fn maxout_of_affine_maps_and_its_gradients_on_every_device() {
    const N: usize = 6;
    const D: usize = 5;
    const K: usize = 3;
    const M: usize = 7;
    let sandbox = Sandbox::new();
    let (x, w) = (numbers(N * D, 3), numbers(K * D * M, 11));
    let (b, g) = (numbers(K * M, 40), numbers(N * M, 50));
    sandbox.save("x.npy", &array(&[2, 3, D], x.clone()));
    sandbox.save("w.npy", &array(&[K, D, M], w.clone()));
    sandbox.save("b.npy", &array(&[K, M], b.clone()));
    sandbox.save("g.npy", &array(&[2, 3, M], g.clone()));
    let mut y = Vec::new();
    let mut dx = vec![0.0; N * D];
    let mut dw = vec![0.0; K * D * M];
    let mut db = vec![0.0; K * M];
    for (n, m) in (0..N * M).map(|place| (place / M, place % M)) {
        let piece = |i: usize| {
            let terms = (0..D).map(|d| f64::from(x[n * D + d]) * f64::from(w[(i * D + d) * M + m]));
            terms.sum::<f64>() + f64::from(b[i * M + m])
        };
        let best = (0..K)
            .max_by(|&i, &j| piece(i).total_cmp(&piece(j)))
            .unwrap();
        y.push(piece(best));
        let up = f64::from(g[n * M + m]);
        db[best * M + m] += up;
        for d in 0..D {
            dx[n * D + d] += up * f64::from(w[(best * D + d) * M + m]);
            dw[(best * D + d) * M + m] += up * f64::from(x[n * D + d]);
        }
    }
    for device in device_names() {
        let flags = format!(
            "--param weight=@w.npy --param bias=@b.npy --verify full --force --device {device}"
        );
        sandbox
            .run(&format!("run maxout x.npy -o y.npy {flags}"))
            .expect_success();
        let found = sandbox.read("y.npy");
        assert_eq!(found.shape, [2, 3, M]);
        expect_close(&device, &elements(found), &y, 1e-6);
        let line = format!(
            "grad maxout x.npy g.npy -o dx.npy --out weight=dw.npy --out bias=db.npy {flags}"
        );
        sandbox.run(&line).expect_success();
        for (name, shape, expected) in [
            ("dx.npy", &[2, 3, D][..], &dx),
            ("dw.npy", &[K, D, M], &dw),
            ("db.npy", &[K, M], &db),
        ] {
            let found = sandbox.read(name);
            assert_eq!(found.shape, shape);
            expect_close(&device, &elements(found), expected, 2e-5);
        }
    }
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
            "maxout(pieces=1)",
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
    sandbox.save("w.npy", &array(&[2, 3, 5], vec![1.0; 30]));
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
            2,
            "run dice x.npy -o y.npy --param alpha=@nan.npy",
            "dice: alpha, value 1: it is NaN but must be a finite number",
        ),
        (
            1,
            "run dice row.npy -o y.npy",
            "dice: training needs 2 or more elements per channel but shape [1, 4] has 1",
        ),
        (
            2,
            "run dice x.npy -o y.npy --mode infer",
            "mode=infer needs them",
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
            "dice has no parameter `gamma`; it takes `alpha`, `epsilon`, `momentum`",
        ),
        (
            2,
            "run dice x.npy -o y.npy --param alpha=1 --param alpha=2",
            "--param alpha=2: it is given twice",
        ),
        (
            2,
            "run dice x.npy -o y.npy --out alpha=a.npy",
            "--out alpha: dice gives nothing of that name; `grad` gives the gradient of alpha",
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
            "softmax: masked=maybe: it takes nan or zeros here",
        ),
        (
            2,
            "run softmax x.npy -o y.npy --mode train",
            "--mode has no effect on softmax",
        ),
        (
            2,
            "run softmax x.npy -o y.npy --out sum=s.npy",
            "--out sum: softmax gives nothing beside the output",
        ),
        (
            2,
            "run elu x.npy -o y.npy --out alpha=a.npy",
            "--out alpha: elu gives nothing of that name; `grad` gives the gradient of alpha",
        ),
        (
            2,
            "run alpha-dropout x.npy -o y.npy --param p=1 --param seed=1",
            "alpha-dropout: p is 1 but must be at least 0 and less than 1",
        ),
        (
            2,
            "run alpha-dropout x.npy -o y.npy --param seed=1",
            "alpha-dropout: p: it must be given: p=VALUE, a number from 0 to below 1",
        ),
        (
            2,
            "run alpha-dropout x.npy -o y.npy --param p=0.5 --param seed=-1",
            "alpha-dropout: seed=-1: `-1` is not a whole number",
        ),
        (
            2,
            "run alpha-dropout x.npy -o y.npy --param p=@x.npy --param seed=1",
            "alpha-dropout: p: it takes a number from 0 to below 1 here, not a file",
        ),
        (
            1,
            "grad softmax x.npy four.npy -o y.npy",
            "softmax: upstream has shape [4] but x has shape [3, 4]; they must match",
        ),
        (
            1,
            "run maxout x.npy -o y.npy --param pieces=3",
            "maxout: 3 pieces do not divide the 4 channels along axis 1 of shape [3, 4]",
        ),
        (
            2,
            "run maxout x.npy -o y.npy",
            "maxout: pieces: it must be given: pieces=VALUE, a whole number >= 1",
        ),
        (
            2,
            "run maxout x.npy -o y.npy --param pieces=two",
            "maxout: pieces=two: `two` is not a whole number >= 1",
        ),
        (
            1,
            "run maxout x.npy -o y.npy --param weight=@w.npy",
            "maxout: x has shape [3, 4] but weight has shape [2, 3, 5]; its last axis must be d of weight's [pieces, d, m]",
        ),
        (
            1,
            "run maxout x.npy -o y.npy --param weight=@four.npy",
            "maxout: weight has shape [4]; it must be [pieces, d, m]",
        ),
        (
            1,
            "run maxout x.npy -o y.npy --param weight=@w.npy --param bias=@four.npy",
            "maxout: bias has shape [4] but weight has shape [2, 3, 5]; it must be [pieces, m]",
        ),
        (
            2,
            "run maxout x.npy -o y.npy --param weight=@w.npy --param pieces=3",
            "maxout: pieces=3: weight has shape [2, 3, 5], so 2 pieces",
        ),
        (
            2,
            "run maxout x.npy -o y.npy --param weight=@w.npy --axis 0",
            "--axis 0 has no effect on maxout",
        ),
        (
            2,
            "run maxout x.npy -o y.npy --param pieces=2 --param bias=@w.npy",
            "maxout: bias: a bias belongs to weights",
        ),
        (
            1,
            "grad maxout x.npy x.npy -o y.npy --param pieces=2",
            "maxout: upstream has shape [3, 4] but the output has shape [3, 2]; they must match",
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

#[test]
fn an_infinity_spoils_its_channel_of_dice_and_no_other() {
    let sandbox = Sandbox::new();
    let infinite = f32::INFINITY;
    sandbox.save(
        "first.npy",
        &array(&[3, 2], vec![1.0, infinite, 2.0, 3.0, 4.0, 4.0]),
    );
    sandbox.save(
        "later.npy",
        &array(&[3, 2], vec![2.0, 3.0, 1.0, infinite, 4.0, 4.0]),
    );
    for device in device_names() {
        for x in ["first", "later"] {
            let outs = "--out mean=m.npy --out variance=v.npy";
            let line = format!("run dice {x}.npy -o y.npy --force {outs} --device {device}");
            sandbox.run(&line).expect_success();
            for file in ["m.npy", "v.npy"] {
                let nan: Vec<_> = elements(sandbox.read(file))
                    .iter()
                    .map(|it| it.is_nan())
                    .collect();
                assert_eq!(nan, [false, true], "{device} {x} {file}");
            }
        }
    }
}
