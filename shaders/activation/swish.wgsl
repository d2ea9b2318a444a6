// Swish: x s(beta x), s the logistic sigmoid.
fn value(x: Real, beta: Real) -> Real { return sigmoid_gate(x, beta); }

// upstream (s + z s (1 - s)), z = beta x.
fn backward(x: Real, upstream: Real, beta: Real) -> Real { return sigmoid_gate_backward(x, upstream, beta); }

// With respect to beta: upstream x^2 s (1 - s).
fn parameter_backward(x: Real, upstream: Real, beta: Real) -> Real {
    let e = exp_negative_product(x, beta);
    let d = 1.0 + plain(e);
    let c = select(finite(x), Real(0.0), (abs(x) > Real(LARGEST)) & (beta != Real(0.0)));
    let factors = least_first(c, upstream);
    return begun(factors.first / (d * d), e) * c * factors.last * e.scale;
}
