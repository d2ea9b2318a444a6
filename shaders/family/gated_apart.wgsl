// Gated units whose gate and up are two tensors, over tiles: x is the gate, second is up.
//
// Its arguments are `GatedArguments` of src/family/gated/shader.rs.

fn product_two(gate: Two, up: Two, at: vec2<u32>) -> Two {
    return Two(
        pack(product_vector(unpack(gate.a), unpack(up.a), parameters_at(at.x))),
        pack(product_vector(unpack(gate.b), unpack(up.b), parameters_at(at.y))),
    );
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let at = vectors_of(place);
    let gate = x_at(at);
    store(at, product_two(gate, upstream_at(at), at));
}

// The output holds the gate and receives y.
@compute @workgroup_size(WORKGROUP)
fn forward_in_place(place: Place) {
    let at = vectors_of(place);
    let gate = output_at(at);
    store(at, product_two(gate, upstream_at(at), at));
}

fn store_gradients(at: vec2<u32>, gate: Two, up: Two, g: Two) {
    let first = array<vec4<f32>, 3>(unpack(gate.a), unpack(up.a), unpack(g.a));
    let last = array<vec4<f32>, 3>(unpack(gate.b), unpack(up.b), unpack(g.b));
    let p = parameters_at(at.x);
    let q = parameters_at(at.y);
    store(at, Two(
        pack(gate_gradient_vector(first[0], first[1], first[2], p)),
        pack(gate_gradient_vector(last[0], last[1], last[2], q)),
    ));
    store_second(at, Two(
        pack(up_gradient_vector(first[0], first[1], first[2], p)),
        pack(up_gradient_vector(last[0], last[1], last[2], q)),
    ));
}

@compute @workgroup_size(WORKGROUP)
fn backward_pass(place: Place) {
    let at = vectors_of(place);
    let gate = x_at(at);
    let up = upstream_at(at);
    store_gradients(at, gate, up, third_at(at));
}

// The output holds the upstream gradient and receives the gate's.
@compute @workgroup_size(WORKGROUP)
fn backward_in_place(place: Place) {
    let at = vectors_of(place);
    let gate = x_at(at);
    let up = upstream_at(at);
    store_gradients(at, gate, up, output_at(at));
}
