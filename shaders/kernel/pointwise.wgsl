// Pointwise family: y = value(x) and dx = backward(x, upstream), element by element, over tiles.
//
// Its arguments are `TileArguments` of src/wgsl.rs.

fn forward_two(x: Two, at: vec2<u32>) -> Two {
    return Two(forward_vector(x.a, parameters_at(at.x)), forward_vector(x.b, parameters_at(at.y)));
}

fn backward_two(x: Two, upstream: Two, at: vec2<u32>) -> Two {
    return Two(
        backward_vector(x.a, upstream.a, parameters_at(at.x)),
        backward_vector(x.b, upstream.b, parameters_at(at.y)),
    );
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let at = vectors_of(place);
    store(at, forward_two(x_at(at), at));
}

@compute @workgroup_size(WORKGROUP)
fn forward_in_place(place: Place) {
    let at = vectors_of(place);
    store(at, forward_two(output_at(at), at));
}

@compute @workgroup_size(WORKGROUP)
fn backward_pass(place: Place) {
    let at = vectors_of(place);
    let x = x_at(at);
    store(at, backward_two(x, upstream_at(at), at));
}

// The output holds the upstream gradient and receives dx.
@compute @workgroup_size(WORKGROUP)
fn backward_in_place(place: Place) {
    let at = vectors_of(place);
    let x = x_at(at);
    store(at, backward_two(x, output_at(at), at));
}
