// Scale: factor x; 0 for a factor of 0, also where x is infinite.
fn value(x: Real, factor: Real) -> Real { return factor * select(x, finite(x), factor == Real(0.0)); }

// factor upstream.
fn backward(x: Real, upstream: Real, factor: Real) -> Real { return factor * upstream; }

// With respect to the factor: x upstream.
fn parameter_backward(x: Real, upstream: Real, factor: Real) -> Real { return x * upstream; }
