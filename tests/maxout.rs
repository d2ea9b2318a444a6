//! Maxout on every adapter, against the f64 definition.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "maxout/affine.rs"]
mod affine;
mod common;
#[path = "maxout/pooling.rs"]
mod pooling;
#[path = "maxout/reference.rs"]
mod reference;
#[path = "maxout/refused.rs"]
mod refused;

use std::process::ExitCode;

use common::{Device, same_bits, upstream};
use wgpu_activations::Element;

fn main() -> ExitCode {
    common::run(|devices| {
        let mut trials = reference::trials();
        for device in devices {
            trials.extend(pooling::trials(device));
            trials.extend(affine::trials(device));
            trials.push(device.trial("wrong-use", refused::wrong_use));
        }
        // One device will do for the largest.
        if let Some(device) = devices.iter().find(|device| device.trusted()) {
            trials.push(device.trial("pooling/many-workgroups", pooling::many_workgroups));
        }
        trials
    })
    .exit_code()
}

/// In f64, which is exact.
fn wide<T: Element>(elements: &[T]) -> Vec<f64> {
    elements.iter().map(|x| f64::from(x.to_f32())).collect()
}
