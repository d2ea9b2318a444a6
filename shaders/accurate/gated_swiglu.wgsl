// gate sigmoid(p.a gate) up, the sigmoid unrounded.
fn gated(gate: Real, up: Real, p: Parameter) -> Real {
    let positive = ((gate >= Real(0.0)) == (p.a >= Real(0.0))) | (p.a == Real(0.0));
    return gate_times(stopped(gate, p.a, positive), positive, exp_minus_product(gate, p.a), up);
}
