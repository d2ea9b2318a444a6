// Softsign: x / (1 + |x|).
fn value(x: Real) -> Real {
    let t = finite(x);
    return t / (1.0 + abs(t));
}

// upstream / (1 + |x|)^2.
fn backward(x: Real, upstream: Real) -> Real {
    let d = 1.0 + abs(finite(x));
    return upstream / d / d;
}
