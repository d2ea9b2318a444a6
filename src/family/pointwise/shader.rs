//! The shaders of the pointwise family.

use crate::{
    activation::Definition,
    wgsl::{self, Fused, Math, ParameterSource, Reduction, Shader, Vectors},
};

/// All shaders that an activation is part of, by name.
pub(super) fn shaders(
    definition: &'static Definition,
    vectors: Vectors,
    math: Math,
) -> Vec<(String, Shader)> {
    let name = definition.name;
    let mut shaders = Vec::new();
    for &parameter in ParameterSource::of(definition) {
        let shader = wgsl::pointwise(definition, vectors, parameter, math);
        shaders.push((format!("pointwise/{name}/{parameter:?}"), shader));
    }
    if !definition.parameters.is_empty() {
        let columns = wgsl::columns(definition, vectors, math);
        shaders.push((format!("columns/{name}"), columns));
        let sums = Reduction::terms(definition, math);
        for (dx, kind) in [(false, "sums"), (true, "dx")] {
            let shader = wgsl::reduce(&sums, dx, vectors);
            shaders.push((format!("reduce/{name}/{kind}"), shader));
        }
    }
    // Twice one after another, so that it is not in its own way.
    for run in Fused::runs(&[definition, definition]) {
        let shader = wgsl::fused(&run, vectors, math);
        shaders.push((format!("fused/{name}"), shader));
    }
    shaders
}
