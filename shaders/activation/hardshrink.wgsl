// Hardshrink: x for |x| > lambda, else 0.
fn value(x: Real, lambda: Real) -> Real { return select(Real(0.0), x, abs(x) > lambda); }

// upstream for |x| > lambda, else 0.
fn backward(x: Real, upstream: Real, lambda: Real) -> Real {
    return select(Real(0.0), upstream, abs(x) > lambda);
}

// 0: where it jumps it has no slope.
fn parameter_backward(x: Real, upstream: Real, lambda: Real) -> Real { return Real(0.0); }
