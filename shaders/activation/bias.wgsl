// Bias: x + b.
fn value(x: Real, b: Real) -> Real { return x + b; }

// upstream.
fn backward(x: Real, upstream: Real, b: Real) -> Real { return upstream; }

// With respect to b: upstream.
fn parameter_backward(x: Real, upstream: Real, b: Real) -> Real { return upstream; }
