// gate sigmoid(p gate) up, the sigmoid unrounded.
fn gated(gate: Real, up: Real, p: Parameter) -> Real {
    let positive = ((gate >= Real(0.0)) == (p >= Real(0.0))) | (p == Real(0.0));
    return gate_times(gate, deepest(p), positive, exp_minus_product(gate, p), up);
}
