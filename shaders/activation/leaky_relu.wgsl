// Leaky ReLU: x for x > 0, else slope x. With slope 0 it is ReLU, also at -inf.
fn value(x: f32, slope: f32) -> f32 {
    return select(select(slope * x, 0.0, slope == 0.0), x, x > 0.0);
}

// upstream for x > 0, else slope upstream.
fn backward(x: f32, upstream: f32, slope: f32) -> f32 {
    return select(slope * upstream, upstream, x > 0.0);
}

// With respect to the slope: 0 for x > 0, else x upstream.
fn parameter_backward(x: f32, upstream: f32, slope: f32) -> f32 {
    return select(x * upstream, 0.0, x > 0.0);
}
