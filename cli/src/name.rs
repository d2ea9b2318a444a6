//! Names of activations as the user gives them.

use super::Result;
use wgpu_activations::{Activation, CATALOGUE, Error, FAMILIES, activation};

/// The activation of one element called `name`.
pub(super) fn parsed(name: &str) -> Result<Activation> {
    name.parse().map_err(|error| match error {
        Error::UnknownActivation { name, .. } => unknown(&name).into(),
        error => error.into(),
    })
}

/// The error for a name that is neither the catalogue's nor a family's.
pub(super) fn unknown(name: &str) -> Error {
    let pointwise = CATALOGUE.iter().map(|entry| (entry.name, entry.aliases));
    let families = FAMILIES.iter().map(|entry| (entry.name, entry.aliases));
    activation::unknown(name, pointwise.chain(families))
}
