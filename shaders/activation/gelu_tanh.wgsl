// GELU, tanh form: x s(2u), u = sqrt(2 / pi) (x + 0.044715 x^3), s the logistic sigmoid.
fn value(x: Real) -> Real { return gelu_tanh_gate(x); }

// upstream (s + x s (1 - s) 2u'), from e = e^-|2u|, which is 0 beyond |x| = 16.
fn backward(x: Real, upstream: Real) -> Real {
    let c = clamp(x, Real(-16.0), Real(16.0));
    return times_gate_slope(upstream, gelu_slope_argument(c), x >= Real(0.0), exp_minus_gelu(c));
}
