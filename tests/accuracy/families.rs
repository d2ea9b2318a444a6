//! The families' checkers: what is right passes, and each way to be wrong fails.

use wgpu_activations::{
    Math, Result,
    accuracy::{
        Report,
        bound::{self, Bound},
    },
    check::words,
    family::{
        alpha_dropout::{
            bound as alpha_dropout,
            reference::{Mask, Transform},
        },
        dice::{bound as dice, reference::Dice},
        softmax::{
            bound as softmax,
            reference::{Form, MaskedRows, forward},
        },
    },
};

fn numbers(len: usize, seed: u64) -> Vec<f32> {
    words(seed)
        .take(len)
        .map(|word| (word as i32 as f32) / (1 << 29) as f32)
        .collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// `right` passes; one element off, NaN, zeros, another order and a short answer do not.
fn expect_strict(what: &str, right: &[f32], check: impl Fn(&[f32]) -> Result<Report>) {
    let report = check(right).unwrap();
    assert!(report.passed(), "{what}: {report}");
    assert!(report.compared >= right.len() as u64, "{what}");
    for place in [0, right.len() / 2, right.len() - 1] {
        for wrong in [
            right[place] * 1.001 + 1e-3,
            f32::NAN,
            f32::INFINITY,
            -right[place] - 1.0,
        ] {
            let mut results = right.to_vec();
            results[place] = wrong;
            let report = check(&results).unwrap();
            assert_eq!(report.failed, 1, "{what}: {wrong} at {place}");
            assert_eq!(report.worst.unwrap().index, place, "{what}");
        }
    }
    assert!(
        !check(&vec![0.0; right.len()]).unwrap().passed(),
        "{what}: zeros"
    );
    let mut reversed = right.to_vec();
    reversed.reverse();
    assert!(!check(&reversed).unwrap().passed(), "{what}: another order");
    let short = check(&right[1..]);
    assert!(
        short.is_err_and(|error| error.to_string().contains("must match")),
        "{what}: short"
    );
}

#[test]
fn dice_is_held_to_its_definition() {
    let (x, g) = (numbers(300, 1), numbers(300, 2));
    let alpha = vec![0.25, -0.5, 1.0];
    let reference = Dice::of_batch(&wide(&x), alpha, 1e-5, 1).unwrap();
    let forward = dice::Expectation {
        reference: &reference,
        math: Math::Accurate,
        x: &x,
        backward: None,
    };
    let y = wide(&x).into_iter().enumerate();
    let y: Vec<_> = y
        .map(|(index, x)| reference.value(index, x) as f32)
        .collect();
    expect_strict("y", &y, |found| forward.check(found, 0..300));

    let gradients = reference.train_backward(&wide(&x), &wide(&g));
    let backward = dice::Expectation {
        backward: Some((&gradients, &g)),
        ..forward
    };
    let dx: Vec<_> = gradients.dx.iter().map(|&dx| dx as f32).collect();
    expect_strict("dx", &dx, |found| backward.check(found, 0..300));
    // Inference is not training.
    let inferred = reference.infer_backward(&wide(&x), &wide(&g));
    let dx: Vec<_> = inferred.dx.iter().map(|&dx| dx as f32).collect();
    assert!(!backward.check(&dx, 0..300).unwrap().passed());

    let alpha: Vec<_> = gradients.alpha.iter().map(|&alpha| alpha as f32).collect();
    let bounds = backward.alpha();
    assert!(bound::compare(&alpha, &bounds).passed());
    for wrong in [vec![0.0; 3], vec![f32::NAN; 3], alpha[..2].to_vec()] {
        assert!(!bound::compare(&wrong, &bounds).passed(), "{wrong:?}");
    }
    let (mean, variance) = dice::statistics(&reference);
    let narrow =
        |bounds: &[Bound]| -> Vec<_> { bounds.iter().map(|bound| bound.expected as f32).collect() };
    assert!(bound::compare(&narrow(&mean), &mean).passed());
    assert!(!bound::compare(&narrow(&variance), &mean).passed());
    // The unbiased variance is another.
    let unbiased: Vec<_> = narrow(&variance).iter().map(|v| v * 100.0 / 99.0).collect();
    assert!(!bound::compare(&unbiased, &variance).passed());
}

#[test]
fn softmax_is_held_to_its_definition() {
    let x = numbers(60, 3);
    for form in Form::ALL {
        let expectation = softmax::Expectation {
            form,
            masked: MaskedRows::Nan,
            math: Math::Accurate,
            extent: 20,
            inner: 1,
            input: &x,
            upstream: None,
        };
        let rows = x
            .chunks(20)
            .flat_map(|row| forward(form, MaskedRows::Nan, &wide(row)));
        let y: Vec<_> = rows.map(|y| y as f32).collect();
        expect_strict(form.name(), &y, |found| expectation.check(found));
        // Rows along another axis are others.
        let across = softmax::Expectation {
            inner: 3,
            ..expectation
        };
        assert!(!across.check(&y).unwrap().passed());
    }
}

#[test]
fn alpha_dropout_is_held_to_its_mask_and_formula() {
    let x = numbers(200, 4);
    for backward in [false, true] {
        let expectation = alpha_dropout::Expectation {
            transform: Transform::new(0.5),
            mask: Mask::new(0.5, 9),
            backward,
            input: &x,
        };
        let inputs = wide(&x).into_iter().enumerate();
        let found = inputs.map(|(index, x)| expectation.expected(index, x) as f32);
        let found: Vec<_> = found.collect();
        expect_strict("alpha dropout", &found, |found| {
            expectation.check(found, 0..200)
        });
        let other_seed = alpha_dropout::Expectation {
            mask: Mask::new(0.5, 10),
            ..expectation
        };
        assert!(!other_seed.check(&found, 0..200).unwrap().passed());
    }
}
