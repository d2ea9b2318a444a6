// Sigmoid: s = 1 / (1 + e^-x).
fn value(x: Real) -> Real { return sigmoid(x); }

// upstream s (1 - s), as e / (1 + e)^2 with e = e^-|x|, where nothing overflows or cancels.
fn backward(x: Real, upstream: Real) -> Real { return bell(1.0, upstream, x); }
