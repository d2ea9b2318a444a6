//! Every operation on every adapter, against its definition in f64.
//!
//! All families are one program: what takes longest is building pipelines, and those that several
//! families use are built once. `cargo test --test adapters '[dice]'` runs the trials of one.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod alpha_dropout;
#[path = "../common/mod.rs"]
mod common;
mod conformance;
mod cpu;
mod dice;
mod encode;
mod gated;
mod logsumexp;
mod maxout;
mod moments;
mod offload;
mod once_wrong;
mod parameter_gradient;
mod pointwise;
mod quotient;
mod rrelu;
mod softmax;
mod sparsemax;
mod tuning;

use std::process::ExitCode;

use common::Device;
use libtest_mimic::Trial;

type Family = (&'static str, fn(&Device) -> Vec<Trial>);

const FAMILIES: [Family; 18] = [
    ("conformance", conformance::trials),
    ("pointwise", pointwise::trials),
    ("cpu", cpu::trials),
    ("parameter-gradient", parameter_gradient::trials),
    ("moments", moments::trials),
    ("alpha-dropout", alpha_dropout::trials),
    ("dice", dice::trials),
    ("softmax", softmax::trials),
    ("logsumexp", logsumexp::trials),
    ("sparsemax", sparsemax::trials),
    ("rrelu", rrelu::trials),
    ("gated", gated::trials),
    ("maxout", maxout::trials),
    ("offload", offload::trials),
    ("encode", encode::trials),
    ("once-wrong", once_wrong::trials),
    ("tuning", tuning::trials),
    ("quotient", quotient::trials),
];

fn main() -> ExitCode {
    common::run(|devices| {
        let mut trials = of_kind("conformance", conformance::once(devices));
        trials.extend(of_kind("softmax", softmax::once(devices)));
        trials.extend(of_kind("maxout", maxout::once(devices)));
        trials.extend(in_turn(devices));
        trials.extend(of_kind("offload", offload::together(devices)));
        trials
    })
    .exit_code()
}

fn of_kind(kind: &str, trials: Vec<Trial>) -> Vec<Trial> {
    let trials = trials.into_iter();
    trials.map(|trial| trial.with_kind(kind)).collect()
}

/// The trials of each device. Neighbours are of different adapters, so that drivers which build on one core run beside
/// each other.
fn in_turn(devices: &[Device]) -> Vec<Trial> {
    let mut adapters: Vec<_> = devices
        .chunk_by(|a, b| a.adapter.name() == b.adapter.name())
        .map(|devices| {
            let of_family = move |(name, trials): Family| {
                let trials = devices.iter().flat_map(trials);
                of_kind(name, trials.collect())
            };
            FAMILIES.into_iter().flat_map(of_family)
        })
        .collect();
    let mut trials = Vec::new();
    loop {
        let before = trials.len();
        trials.extend(adapters.iter_mut().filter_map(Iterator::next));
        if trials.len() == before {
            return trials;
        }
    }
}
