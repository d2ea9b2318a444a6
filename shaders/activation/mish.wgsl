// Mish: x tanh(softplus(x)).
fn value(x: Real) -> Real { return tanh_softplus_gate(x); }

// upstream (tanh + x sech^2 s), tanh and sech of softplus(x), s the logistic sigmoid.
fn backward(x: Real, upstream: Real) -> Real { return times_tanh_softplus_slope(upstream, x); }
