//! Cases that nobody thought of, the same in every run: see [`RandomCase`].

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{Activation, activation::Definition, check::RandomCase, family::families};

use crate::common::Device;

/// The first seeds of each adapter's trials, and cases of each.
const SEEDS: [u64; 1] = [0];
const CASES: u64 = 500;

pub(super) fn trials(device: &Device) -> Vec<Trial> {
    if !device.trusted() {
        return Vec::new();
    }
    let trials = SEEDS.into_iter().map(|first| {
        let name = format!("random/{first}");
        device.trial(&name, move |device| right(device, first))
    });
    let fails = device.trial("random/finds-what-is-wrong", finds_what_is_wrong);
    trials.chain([fails]).collect()
}

fn right(device: &Device, first: u64) -> Result<(), Failed> {
    let families: Vec<_> = families().collect();
    let mut refused = 0;
    for seed in first..first + CASES {
        let case = RandomCase::new(seed, &families);
        let report = case.check(&device.gpu);
        match report.map_err(|error| format!("seed {seed}: {error}"))? {
            None => refused += 1,
            Some(report) if report.failed == 0 => {}
            Some(report) => {
                let chain = case.chain()?;
                return Err(format!("seed {seed}: {chain} {:?}: {report}", case.shape).into());
            }
        }
    }
    // Most cases are some that operations take.
    match refused < CASES / 8 {
        true => Ok(()),
        false => Err(format!("{refused} of {CASES} cases were refused").into()),
    }
}

/// The identity, but for numbers beyond 100.
static WRONG: Definition = Definition::new(
    "wrong",
    "fn value(x: Real) -> Real { return min(x, Real(100.0)); }
     fn backward(x: Real, upstream: Real) -> Real { return upstream; }",
    |x, _| x,
    |_, _| 1.0,
);

/// And what is left of it is one number.
fn finds_what_is_wrong(device: &Device) -> Result<(), Failed> {
    let wrong = Activation::new(&WRONG);
    let fails = |case: &RandomCase<'_>| {
        let report = case.check(&device.gpu);
        report.is_ok_and(|report| report.is_some_and(|report| report.failed > 0))
    };
    let mut cases = (0..100).map(|seed| RandomCase::new(seed, &[&wrong]));
    let found = cases.find(fails).ok_or("it was not found")?;
    let least = found.smallest(fails);
    match least.inputs[0][..] {
        [x] if x > 100.0 && least.operations.len() == 1 && least.memory.is_none() => Ok(()),
        _ => Err(format!("{:?} of {:?} is left", least.inputs, least.shape).into()),
    }
}
