// GELU: x Phi(x), Phi the standard normal distribution.
fn value(x: Real) -> Real { return normal_gate(x); }

// upstream (Phi(x) + x phi(x)).
fn backward(x: Real, upstream: Real) -> Real { return times_normal_slope(upstream, x); }
