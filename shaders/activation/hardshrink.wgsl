// Hardshrink: x for |x| > lambd, else 0.
fn value(x: Real, lambd: Real) -> Real { return select(Real(0.0), x, abs(x) > lambd); }

// upstream for |x| > lambd, else 0.
fn backward(x: Real, upstream: Real, lambd: Real) -> Real {
    return select(Real(0.0), upstream, abs(x) > lambd);
}

// 0: where it jumps it has no slope.
fn parameter_backward(x: Real, upstream: Real, lambd: Real) -> Real { return Real(0.0); }
