// ReLU: x for x > 0, else 0.
fn value(x: f32) -> f32 { return select(0.0, x, x > 0.0); }

// upstream for x > 0, else 0.
fn backward(x: f32, upstream: f32) -> f32 { return select(0.0, upstream, x > 0.0); }
