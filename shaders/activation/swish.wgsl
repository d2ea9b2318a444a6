// Swish: x s(beta x), s the logistic sigmoid.
fn value(x: Real, beta: Real) -> Real { return sigmoid_gate(x, beta); }

// upstream (s + z s (1 - s)), z = beta x.
fn backward(x: Real, upstream: Real, beta: Real) -> Real {
    let z = finite(x) * beta;
    let e = exp_negative_product(x, beta);
    let c = clamp(z, Real(-256.0), Real(256.0));
    let d = 1.0 + plain(e);
    let positive = d + c * plain(e);
    let negative = times(d + c, e);
    return select(negative, positive, z >= Real(0.0)) / (d * d) * upstream;
}

// With respect to beta: upstream x^2 s (1 - s).
fn parameter_backward(x: Real, upstream: Real, beta: Real) -> Real {
    let e = exp_negative_product(x, beta);
    let d = 1.0 + plain(e);
    return times(finite(x) / (d * d), e) * finite(x) * upstream;
}
