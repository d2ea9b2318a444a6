// GELU, tanh form: x s(2u), u = sqrt(2 / pi) (x + 0.044715 x^3), s the logistic sigmoid.
fn value(x: Real) -> Real { return gelu_tanh_gate(x); }

// upstream (s + x s (1 - s) 2u'), from e = e^-|2u|, which is 0 beyond |x| = 16.
fn backward(x: Real, upstream: Real) -> Real {
    let c = clamp(x, Real(-16.0), Real(16.0));
    let e = exp_negative_gelu(c);
    let p = c * (1.5957691 + 0.21406445 * c * c);
    let d = 1.0 + plain(e);
    let share = select(d + p, d + p * plain(e), x >= Real(0.0)) / (d * d);
    return select(times_both(share, e, upstream), share * upstream, x >= Real(0.0));
}
