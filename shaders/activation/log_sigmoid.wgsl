// Log-sigmoid: -ln(1 + e^-x).
fn value(x: Real) -> Real { return -softplus(-x, Real(1.0)); }

// upstream s(-x), s the logistic sigmoid.
fn backward(x: Real, upstream: Real) -> Real {
    return times_sigmoid(upstream, x <= Real(0.0), exp_minus_product(x, Real(1.0)));
}
