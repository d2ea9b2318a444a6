// Terms of the gradient of the parameter, f32, for a tensor that holds gate and up.
@compute @workgroup_size(WORKGROUP)
fn parameter_terms(place: Place) {
    let vector = thread_index(place);
    if vector * 4u >= arguments.length { return; }
    let both = both_of(vector);
    let g = unpack(upstream[arguments.y_skip / 4u + vector]);
    terms[arguments.terms_skip / 4u + vector] =
        term_vector(gate_in(both), up_in(both), g, parameters_at(vector));
}
