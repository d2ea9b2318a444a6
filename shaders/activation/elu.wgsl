// ELU: x for x > 0, else alpha (e^x - 1).
fn value(x: f32, alpha: f32) -> f32 {
    return select(alpha * expm1f(x), x, x > 0.0);
}

// upstream for x > 0, else alpha e^x upstream.
fn backward(x: f32, upstream: f32, alpha: f32) -> f32 {
    // Whichever factor alpha can shrink or grow without leaving f32's range before the product does.
    let e = multiple(max(alpha, 1.0), exp_negative(x));
    return select(times(upstream * min(alpha, 1.0), e), upstream, x > 0.0);
}

// With respect to alpha: 0 for x > 0, else (e^x - 1) upstream.
fn parameter_backward(x: f32, upstream: f32, alpha: f32) -> f32 {
    return select(expm1f(x) * upstream, 0.0, x > 0.0);
}
