// Swish: x s(beta x), s the logistic sigmoid.
fn value(x: Real, beta: Real) -> Real { return sigmoid_gate(x, beta); }

// upstream (s + z s (1 - s)), z = beta x.
fn backward(x: Real, upstream: Real, beta: Real) -> Real {
    let z = finite(x) * beta;
    let e = exp_negative_product(x, beta);
    let c = clamp(z, Real(-256.0), Real(256.0));
    let d = 1.0 + plain(e);
    let share = select(d + c, d + c * plain(e), z >= Real(0.0)) / (d * d);
    return select(times_both(share, e, upstream), share * upstream, z >= Real(0.0));
}

// With respect to beta: upstream x^2 s (1 - s).
fn parameter_backward(x: Real, upstream: Real, beta: Real) -> Real {
    let e = exp_negative_product(x, beta);
    let d = 1.0 + plain(e);
    return begun(finite(x) / (d * d), e) * finite(x) * upstream * e.scale;
}
