// Both gradients of a vector of y, where gate and up lie in two whole vectors.
@compute @workgroup_size(WORKGROUP)
fn backward_pass(place: Place) {
    let vector = thread_index(place);
    if vector * 4u >= arguments.length { return; }
    let both = both_of(vector);
    let gate = gate_in(both);
    let up = up_in(both);
    let g = unpack(upstream[arguments.y_skip / 4u + vector]);
    let p = parameters_at(vector);
    let of_gate = gate_gradient_vector(gate, up, g, p);
    let of_up = up_gradient_vector(gate, up, g, p);
    store_both(vector, Both(select(of_gate, of_up, UP_FIRST), select(of_up, of_gate, UP_FIRST)));
}
