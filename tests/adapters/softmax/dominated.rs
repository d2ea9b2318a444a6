//! Gradients of rows that one element dominates, of rows of one, and of equal elements.

use libtest_mimic::Failed;
use wgpu_activations::{
    Chain, Element, ElementType, Gpu, Offload, Softmax,
    accuracy::ulp_error,
    check::check_chain,
    family::softmax::reference::{Form, MaskedRows, backward},
};

use super::{Device, expect_passed, spread};

fn stored<T: Element>(numbers: &[f64]) -> Vec<T> {
    numbers.iter().map(|&number| T::from_f64(number)).collect()
}

fn dx<T: Element>(
    gpu: &Gpu,
    op: &Softmax,
    shape: &[usize],
    x: &[T],
    g: &[T],
) -> Result<Vec<T>, Failed> {
    let dx = op.backward(&gpu.upload(x, shape)?, &gpu.upload(g, shape)?)?;
    Ok(dx.download()?)
}

/// In 16 bits within 1 ULP of the definition.
fn near<T: Element>(what: &str, found: &[T], expected: &[f64]) -> Result<(), Failed> {
    let most = if T::TYPE == ElementType::F32 {
        16.0
    } else {
        1.0
    };
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let ulps = ulp_error(*found, *expected);
        if ulps.is_nan() || ulps > most {
            let found = found.to_f32();
            return Err(
                format!("{what}, {place}: {found:e}, expected {expected:e}, {ulps} ULP").into(),
            );
        }
    }
    Ok(())
}

pub(super) fn known_values<T: Element>(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    // 1000 e^-16 / (1 + e^-16)^2, and e^-30 / (1 + e^-30)^2.
    let rows: [(f64, f64, f64); 2] = [
        (16.0, -1000.0, 1.125_351_493e-4),
        (30.0, -1.0, 9.357_622_969e-14),
    ];
    for (x, g, expected) in rows {
        // log-softmax: g (1 - y), which is e^-x / (1 + e^-x) g.
        let log = -g * (-x).exp() / (1.0 + (-x).exp());
        for (form, expected) in Form::ALL.into_iter().zip([expected, log]) {
            let found = dx::<T>(
                gpu,
                &Softmax::with_form(form, -1),
                &[1, 2],
                &stored(&[x, 0.0]),
                &stored(&[g, 0.0]),
            )?;
            near(form.name(), &found, &[-expected, expected])?;
        }
    }
    for (shape, axis) in [(&[1000, 1], -1), (&[1, 1000], 0)] {
        let x = spread::<T>(1000, 300.0);
        let g = spread::<T>(1000, 120_000.0);
        for form in Form::ALL {
            let found = dx(gpu, &Softmax::with_form(form, axis), shape, &x, &g)?;
            if let Some(dx) = found.iter().find(|dx| dx.to_f32() != 0.0) {
                return Err(format!("{form:?} of rows of one: {}", dx.to_f32()).into());
            }
        }
    }
    for (shape, axis) in [(&[2, 4096], -1), (&[4096, 2], 0)] {
        for form in Form::ALL {
            let op = Softmax::with_form(form, axis);
            let found = dx::<T>(
                gpu,
                &op,
                shape,
                &stored(&[0.0; 8192]),
                &stored(&[1.0; 8192]),
            )?;
            near(form.name(), &found, &[0.0; 8192])?;
        }
    }
    Ok(())
}

/// The elements along an axis of `extent` of each of `rows` rows, which lie `rows` apart where `across`: one is far above
/// all others, and its upstream gradient, alone, is below 0, so that nothing cancels that need not.
fn rows<T: Element>(rows: usize, extent: usize, across: bool) -> (Vec<T>, Vec<T>, [Vec<f64>; 2]) {
    let mut x = spread::<T>(rows * extent, 6.0);
    let mut g: Vec<T> = spread::<T>(rows * extent, 1.0)
        .iter()
        .map(|g| T::from_f64(f64::from(g.to_f32()) + 1.5))
        .collect();
    let at = |row: usize, place: usize| {
        if across {
            place * rows + row
        } else {
            row * extent + place
        }
    };
    let mut expected = [vec![0.0; x.len()], vec![0.0; x.len()]];
    for row in 0..rows {
        let top = at(row, row * 7919 % extent);
        x[top] = T::from_f64(6.0 + (row % 9) as f64 + (extent as f64).ln());
        g[top] = T::from_f64(-3.0);
        let wide = |values: &[T]| -> Vec<f64> {
            (0..extent)
                .map(|place| f64::from(values[at(row, place)].to_f32()))
                .collect()
        };
        for (form, expected) in Form::ALL.into_iter().zip(&mut expected) {
            for (place, dx) in backward(form, MaskedRows::Nan, &wide(&x), &wide(&g))
                .into_iter()
                .enumerate()
            {
                expected[at(row, place)] = dx;
            }
        }
    }
    (x, g, expected)
}

/// Rows that are walked, held or split, whole and streamed in parts.
pub(super) fn dominated_rows<T: Element>(device: &Device) -> Result<(), Failed> {
    let gpu = &device.gpu;
    for (count, extent, across, threads) in [
        (301, 2, false, 1),
        (64, 8, false, 1),
        (64, 10, false, 1),
        (9, 1024, false, 1),
        (9, 1024, false, 32),
        (3, 4096, false, 16),
        (2, 16_388, false, 1),
        (50, 33, true, 1),
    ] {
        let (x, g, expected) = rows::<T>(count, extent, across);
        let (shape, axis) = if across {
            ([extent, count], 0)
        } else {
            ([count, extent], 1)
        };
        for (form, expected) in Form::ALL.into_iter().zip(expected) {
            let op = Softmax::with_form(form, axis).threads_per_row(threads);
            let what = format!("{op:?} of {shape:?}");
            near(&what, &dx(gpu, &op, &shape, &x, &g)?, &expected)?;
            let report = check_chain(
                gpu,
                &Chain::new(op),
                &shape,
                vec![x.clone()],
                Some(g.clone()),
            )?;
            expect_passed(&report, x.len())?;
        }
    }
    for (shape, axis, across) in [([1, 300_000], 1, false), ([300_000, 1], 0, true)] {
        let (x, g, expected) = rows::<T>(1, 300_000, across);
        for (form, expected) in Form::ALL.into_iter().zip(expected) {
            let chain = Chain::new(Softmax::with_form(form, axis));
            let mut found = x.clone();
            let offload = Offload::new(gpu).memory(1 << 20);
            let done = offload.backward(&chain, &shape, &x, &g, &mut found)?;
            assert!(done.summary.chunks > 1, "{:?}", done.summary);
            near(&format!("{form:?}, streamed"), &found, &expected)?;
        }
    }
    Ok(())
}
