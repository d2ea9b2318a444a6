// Terms of the gradient of the parameter, f32, for a gate and an up that are two tensors.
@group(0) @binding(6) var<storage, read_write> terms: array<vec4<f32>>; // [length]

fn store_term(vector: u32, gate: Packed, up: Packed, g: Packed) {
    if vector * 4u < arguments.length {
        terms[vector] = term_vector(unpack(gate), unpack(up), unpack(g), parameters_at(vector));
    }
}

@compute @workgroup_size(WORKGROUP)
fn parameter_terms(place: Place) {
    let at = vectors_of(place);
    let gate = x_at(at);
    let up = upstream_at(at);
    let g = third_at(at);
    store_term(at.x, gate.a, up.a, g.a);
    store_term(at.y, gate.b, up.b, g.b);
}
