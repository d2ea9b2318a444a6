// ELU: x for x > 0, else alpha (e^x - 1).
fn value(x: Real, alpha: Real) -> Real {
    return select(alpha * expm1f(x), x, x > Real(0.0));
}

// upstream for x > 0, else alpha e^x upstream.
fn backward(x: Real, upstream: Real, alpha: Real) -> Real {
    // Whichever factor alpha can shrink or grow without leaving f32's range before the product does.
    let e = multiple(max(alpha, Real(1.0)), exp_negative(x));
    return select(times(upstream * min(alpha, Real(1.0)), e), upstream, x > Real(0.0));
}

// With respect to alpha: 0 for x > 0, else (e^x - 1) upstream.
fn parameter_backward(x: Real, upstream: Real, alpha: Real) -> Real {
    return select(expm1f(x) * upstream, Real(0.0), x > Real(0.0));
}
