// Softshrink: x moved lambd closer to 0, and 0 where it is closer than that.
fn value(x: Real, lambd: Real) -> Real {
    let size = abs(x) - lambd;
    return select(Real(0.0), with_sign(size, x), size > Real(0.0));
}

// upstream for |x| > lambd, else 0.
fn backward(x: Real, upstream: Real, lambd: Real) -> Real {
    return select(Real(0.0), upstream, abs(x) > lambd);
}

// -upstream for x > lambd, upstream for x < -lambd, else 0.
fn parameter_backward(x: Real, upstream: Real, lambd: Real) -> Real {
    return select(Real(0.0), select(upstream, -upstream, x > Real(0.0)), abs(x) > lambd);
}
