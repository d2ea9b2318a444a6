// Squareplus: (x + sqrt(x^2 + b)) / 2, without cancellation for x < 0.
fn value(x: Real, b: Real) -> Real { return squareplus(x, b); }

// upstream (1 + x / sqrt(x^2 + b)) / 2.
fn backward(x: Real, upstream: Real, b: Real) -> Real { return squareplus_backward(x, upstream, b); }

// With respect to b: upstream / (4 sqrt(x^2 + b)).
fn parameter_backward(x: Real, upstream: Real, b: Real) -> Real { return squareplus_parameter(x, upstream, b); }
