//! Maxout on every adapter, against the f64 definition.

mod affine;
mod operation;
mod pooling;
mod reference;
mod refused;

use libtest_mimic::Trial;
use wgpu_activations::Element;

use crate::common::{Device, same_bits, upstream};

/// Those of a device.
pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let mut trials = pooling::trials(device);
    trials.extend(affine::trials(device));
    trials.extend(operation::trials(device));
    trials.push(device.trial("wrong-use", refused::wrong_use));
    trials
}

/// Those of the first device, and of none.
pub(crate) fn once(devices: &[Device]) -> Vec<Trial> {
    let mut trials = reference::trials();
    trials.extend(operation::once());
    // One device will do for the largest.
    if let Some(device) = devices.iter().find(|device| device.trusted()) {
        trials.push(device.trial("pooling/many-workgroups", pooling::many_workgroups));
    }
    trials
}

/// In f64, which is exact.
fn wide<T: Element>(elements: &[T]) -> Vec<f64> {
    elements.iter().map(|x| f64::from(x.to_f32())).collect()
}
