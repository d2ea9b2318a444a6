//! The reference itself: known answers, and gradients against central differences. Needs no GPU.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    accuracy::inputs::words,
    family::{
        Sum,
        maxout::reference::{Affine, Layout, Pooling, winner},
    },
};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("reference/winner", winners),
        Trial::test("reference/pooling", pooling),
        Trial::test("reference/affine", affine),
        Trial::test("reference/pooling-gradient", pooling_gradient),
        Trial::test("reference/affine-gradient", affine_gradient),
    ]
}

fn winners() -> Result<(), Failed> {
    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    for (values, expected) in [
        (&[1.0, 3.0, 2.0][..], (3.0, 1)),
        (&[2.0, 2.0, 1.0, 2.0], (2.0, 0)),
        (&[-0.0, 0.0], (0.0, 0)),
        (&[-INF, -INF], (-INF, 0)),
        (&[-INF, -1e300, INF, INF], (INF, 2)),
        (&[INF, NAN, INF, NAN], (NAN, 1)),
        (&[-NAN, INF], (NAN, 0)),
        (&[], (-INF, 0)),
    ] {
        let (value, place) = winner(values.iter().copied());
        let alike = value == expected.0 || (value.is_nan() && expected.0.is_nan());
        if !alike || place != expected.1 {
            return Err(format!("{values:?} gave {value} at {place}").into());
        }
    }
    Ok(())
}

fn expect<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Result<(), Failed> {
    if found != expected {
        return Err(format!("{found:?}, expected {expected:?}").into());
    }
    Ok(())
}

fn values(sums: &[Sum]) -> Vec<f64> {
    sums.iter().map(|sum| sum.value).collect()
}

fn pooling() -> Result<(), Failed> {
    let x = [1.0, 5.0, 3.0, 2.0, 8.0, -1.0];
    let of = |layout, pieces, inner| {
        let channels = 6 / inner;
        let pooling = Pooling {
            pieces,
            layout,
            channels,
            inner,
        };
        pooling.forward(&x)
    };
    expect(
        of(Layout::Adjacent, 2, 1),
        (vec![5.0, 3.0, 8.0], vec![1, 0, 0]),
    )?;
    expect(
        of(Layout::Strided, 2, 1),
        (vec![2.0, 8.0, 3.0], vec![1, 1, 0]),
    )?;
    expect(of(Layout::Adjacent, 3, 2), (vec![8.0, 5.0], vec![2, 0]))
}

fn affine() -> Result<(), Failed> {
    let maxout = Affine {
        weight: &[1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0],
        bias: &[0.0, 0.5, 0.0, 0.0],
        pieces: 2,
        inputs: 2,
        outputs: 2,
    };
    let x = [1.0, 2.0, 4.0, -3.0];
    let found = maxout.forward(&x, 2);
    expect(found, (vec![2.0, 2.5, 4.0, 4.0], vec![1, 0, 0, 1]))?;
    let gradients = maxout.backward(&x, &[1, 0, 0, 1], &[1.0, 10.0, 100.0, 1000.0], 2);
    // Row 0 sends 1 through W_2's column 0 and 10 through W_1's column 1, row 1 likewise.
    expect(values(&gradients.dx), vec![0.0, 11.0, 1100.0, 0.0])?;
    expect(
        values(&gradients.weight),
        vec![400.0, 10.0, -300.0, 20.0, 1.0, 4000.0, 2.0, -3000.0],
    )?;
    expect(values(&gradients.bias), vec![100.0, 10.0, 1.0, 1000.0])
}

fn numbers(seed: u64, len: usize) -> Vec<f64> {
    words(seed)
        .take(len)
        .map(|word| f64::from(word as i32) / f64::from(1 << 29))
        .collect()
}

/// Fails unless `gradient` is the slope of `loss` at `at`, element by element.
fn slopes(
    what: &str,
    at: &[f64],
    gradient: &[f64],
    loss: impl Fn(&[f64]) -> f64,
) -> Result<(), Failed> {
    const STEP: f64 = 1e-6;
    if at.len() != gradient.len() || at.is_empty() {
        return Err(format!("{what}: {} of {}", gradient.len(), at.len()).into());
    }
    for place in 0..at.len() {
        let moved = |by: f64| {
            let mut at = at.to_vec();
            at[place] += by;
            loss(&at)
        };
        let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        // Written so that NaN fails.
        let fits = (slope - gradient[place]).abs() <= 1e-6 * (1.0 + slope.abs());
        if !fits {
            return Err(format!("{what} {place}: {} but {slope}", gradient[place]).into());
        }
    }
    Ok(())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn pooling_gradient() -> Result<(), Failed> {
    for layout in Layout::ALL {
        let pooling = Pooling {
            pieces: 3,
            layout,
            channels: 12,
            inner: 5,
        };
        let (x, g) = (numbers(1, 120), numbers(2, 40));
        let (_, winners) = pooling.forward(&x);
        let dx = pooling.backward(&winners, &g);
        slopes("dx", &x, &dx, |x| dot(&pooling.forward(x).0, &g))?;
    }
    Ok(())
}

fn affine_gradient() -> Result<(), Failed> {
    const ROWS: usize = 6;
    let (x, g) = (numbers(3, ROWS * 5), numbers(4, ROWS * 4));
    let (weight, bias) = (numbers(5, 3 * 5 * 4), numbers(6, 3 * 4));
    let with = |weight: &[f64], bias: &[f64], x: &[f64]| {
        let maxout = Affine {
            weight,
            bias,
            pieces: 3,
            inputs: 5,
            outputs: 4,
        };
        let (y, winners) = maxout.forward(x, ROWS);
        (dot(&y, &g), maxout.backward(x, &winners, &g, ROWS))
    };
    let (_, gradients) = with(&weight, &bias, &x);
    slopes("dx", &x, &values(&gradients.dx), |x| {
        with(&weight, &bias, x).0
    })?;
    slopes("weight", &weight, &values(&gradients.weight), |weight| {
        with(weight, &bias, &x).0
    })?;
    slopes("bias", &bias, &values(&gradients.bias), |bias| {
        with(&weight, bias, &x).0
    })
}
