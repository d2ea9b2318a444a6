// ELU: x for x > 0, else alpha (e^x - 1).
fn value(x: f32, alpha: f32) -> f32 {
    return select(alpha * expm1f(min(x, 0.0)), x, x > 0.0);
}

// upstream for x > 0, else alpha e^x upstream.
fn backward(x: f32, upstream: f32, alpha: f32) -> f32 {
    return select(times(upstream, multiple(alpha, exp_negative(min(x, 0.0)))), upstream, x > 0.0);
}

// With respect to alpha: 0 for x > 0, else (e^x - 1) upstream.
fn parameter_backward(x: f32, upstream: f32, alpha: f32) -> f32 {
    return select(expm1f(min(x, 0.0)) * upstream, 0.0, x > 0.0);
}
