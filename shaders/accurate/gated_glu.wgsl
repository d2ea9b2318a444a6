// sigmoid(gate) up, the sigmoid unrounded: where it leaves f32's range the product need not.
fn gated(gate: Real, up: Real, p: Parameter) -> Real {
    return times_sigmoid(up, gate >= Real(0.0), exp_minus(magnitude(gate, Real(DEEPEST)), Real(0.0)));
}
