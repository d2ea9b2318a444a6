// gate sigmoid(2u) up, 2u the argument of tanh-GELU's sigmoid, the sigmoid unrounded.
fn gated(gate: Real, up: Real, p: Parameter) -> Real {
    return gate_times(above(Real(GELU_DEEPEST), gate), gate >= Real(0.0), exp_minus_gelu(gate), up);
}
