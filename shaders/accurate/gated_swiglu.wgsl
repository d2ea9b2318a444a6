// gate sigmoid(p.a gate) up, the sigmoid unrounded.
fn gated(gate: Real, up: Real, p: Parameter) -> Real {
    return gate_times(stopped(gate, p.a), same_side(gate, p.a), exp_minus_product(gate, p.a), up);
}
