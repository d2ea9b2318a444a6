// A term of the gradient of a parameter of f: upstream up df/dparameter.
fn term_at(gate: Real, up: Real, upstream: Real, p: Parameter) -> Real {
    let g = factors(upstream, up_of(up, limit_of(p)));
    let d = select(restored(parameter_term(gate_of(gate, limit_of(p)), g.first, p), g), up, is_nan(up));
    return select(select(d, upstream, is_nan(upstream)), gate, is_nan(gate));
}
