//! The reference itself, by the definition. Needs no GPU.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::family::softmax::reference::{Form, MaskedRows, backward, forward};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("reference/known-values", known_values),
        Trial::test("reference/central-differences", central_differences),
    ]
}

fn near(what: &str, found: f64, expected: f64, allowed: f64) -> Result<(), Failed> {
    // Written so that NaN fails.
    let close = (found - expected).abs() <= allowed;
    if close {
        return Ok(());
    }
    Err(format!("{what}: {found:e}, expected {expected:e} within {allowed:e}").into())
}

fn known_values() -> Result<(), Failed> {
    let x = [0.0, 2f64.ln(), 5f64.ln()];
    for (y, expected) in forward(Form::Softmax, MaskedRows::Nan, &x)
        .into_iter()
        .zip([0.125, 0.25, 0.625])
    {
        near("softmax", y, expected, 1e-15)?;
    }
    // -ln(1 + e^-10) and -10 - ln(1 + e^-10).
    let y = forward(Form::LogSoftmax, MaskedRows::Nan, &[10.0, 0.0]);
    near("the larger", y[0], -4.539_889_921_686_465e-5, 1e-20)?;
    near("the smaller", y[1], -10.000_045_398_899_217, 1e-14)?;
    let masked = [f64::NEG_INFINITY; 2];
    let zeros = |form| forward(form, MaskedRows::Zeros, &masked);
    if zeros(Form::Softmax) != [0.0; 2] || zeros(Form::LogSoftmax) != masked {
        return Err("a masked row does not give zeros".into());
    }
    for x in [masked, [f64::NAN, 0.0], [f64::INFINITY, 0.0]] {
        for form in Form::ALL {
            let y = forward(form, MaskedRows::Nan, &x);
            if !y.iter().all(|y| y.is_nan()) {
                return Err(format!("{x:?} gives {y:?}").into());
            }
        }
    }
    Ok(())
}

/// The loss is the sum of g y.
fn central_differences() -> Result<(), Failed> {
    const STEP: f64 = 1e-5;
    let x = [0.3, -1.2, 2.0, 0.0, 1.9, -4.0];
    let g = [1.0, -2.0, 0.5, 3.0, -0.25, 1.5];
    for form in Form::ALL {
        let loss = |x: &[f64]| -> f64 {
            let y = forward(form, MaskedRows::Nan, x);
            y.iter().zip(g).map(|(y, g)| y * g).sum()
        };
        let dx = backward(form, MaskedRows::Nan, &x, &g);
        for place in 0..x.len() {
            let moved = |by: f64| {
                let mut x = x;
                x[place] += by;
                loss(&x)
            };
            let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            near(form.name(), dx[place], difference, 1e-8)?;
        }
    }
    Ok(())
}
