// CELU: x for x > 0, else alpha (e^(x / alpha) - 1), which is x where x / alpha is small.
fn value(x: Real, alpha: Real) -> Real {
    let same = (x > Real(0.0)) | (abs(x) < 1e-8 * alpha);
    return select(alpha * expm1_quotient(x, alpha), x, same);
}

// upstream for x > 0, else e^(x / alpha) upstream.
fn backward(x: Real, upstream: Real, alpha: Real) -> Real {
    return select(times(upstream, exp_negative_quotient(x, alpha)), upstream, x > Real(0.0));
}

// With respect to alpha: 0 for x > 0, else (e^z - 1 - z e^z) upstream, z = x / alpha.
fn parameter_backward(x: Real, upstream: Real, alpha: Real) -> Real {
    let z = max(finite(x) / alpha, Real(-178.0));
    let slope = expm1_quotient(x, alpha) - z * plain(exp_negative_quotient(x, alpha));
    return select(slope * upstream, Real(0.0), x > Real(0.0));
}
