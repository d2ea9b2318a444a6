// Softplus: ln(1 + e^(beta x)) / beta.
fn value(x: Real, beta: Real) -> Real { return softplus(x, beta); }

// upstream s(beta x).
fn backward(x: Real, upstream: Real, beta: Real) -> Real {
    return times_sigmoid(upstream, x >= Real(0.0), exp_minus_product(x, beta));
}

// With respect to beta: -upstream (|z| e / (1 + e) + ln(1 + e)) / beta^2, z = beta x.
fn parameter_backward(x: Real, upstream: Real, beta: Real) -> Real {
    let e = exp_negative_product(x, beta);
    let sum = min(abs(beta * finite(x)), Real(256.0)) / (1.0 + plain(e)) + log1p_ratio(plain(e));
    let terms = select(sum, Real(0.0), abs(x) > Real(LARGEST));
    let factors = least_first(terms / beta, upstream);
    return -begun(factors.first, e) * factors.last / beta * e.scale;
}
