// ReLU: x for x > 0, else 0.
fn value(x: Real) -> Real { return select(Real(0.0), x, x > Real(0.0)); }

// upstream for x > 0, else 0.
fn backward(x: Real, upstream: Real) -> Real { return select(Real(0.0), upstream, x > Real(0.0)); }
