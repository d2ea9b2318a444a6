// The pointwise kernel with nothing to compute: what the speed of the others is measured against.
fn value(x: f32) -> f32 { return x; }
fn backward(x: f32, upstream: f32) -> f32 { return upstream; }
