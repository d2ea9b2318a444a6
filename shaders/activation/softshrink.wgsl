// Softshrink: x moved lambda closer to 0, and 0 where it is closer than that.
fn value(x: Real, lambda: Real) -> Real {
    let size = abs(x) - lambda;
    return select(Real(0.0), with_sign(size, x), size > Real(0.0));
}

// upstream for |x| > lambda, else 0.
fn backward(x: Real, upstream: Real, lambda: Real) -> Real {
    return select(Real(0.0), upstream, abs(x) > lambda);
}

// -upstream for x > lambda, upstream for x < -lambda, else 0.
fn parameter_backward(x: Real, upstream: Real, lambda: Real) -> Real {
    return select(Real(0.0), select(upstream, -upstream, x > Real(0.0)), abs(x) > lambda);
}
