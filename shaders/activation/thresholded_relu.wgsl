// Thresholded ReLU: x for x > alpha, else 0.
fn value(x: Real, alpha: Real) -> Real { return select(Real(0.0), x, x > alpha); }

// upstream for x > alpha, else 0.
fn backward(x: Real, upstream: Real, alpha: Real) -> Real { return select(Real(0.0), upstream, x > alpha); }

// 0: where it jumps it has no slope.
fn parameter_backward(x: Real, upstream: Real, alpha: Real) -> Real { return Real(0.0); }
