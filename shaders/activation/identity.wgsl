// Identity: x.
fn value(x: Real) -> Real { return x; }

// upstream.
fn backward(x: Real, upstream: Real) -> Real { return upstream; }
