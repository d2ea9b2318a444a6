// Quick GELU: x s(1.702 x), s the logistic sigmoid.
const BETA: f32 = 1.702;

fn value(x: Real) -> Real { return sigmoid_gate(x, Real(BETA)); }

// upstream (s + z s (1 - s)), z = 1.702 x.
fn backward(x: Real, upstream: Real) -> Real { return sigmoid_gate_backward(x, upstream, Real(BETA)); }
