// Softplus: ln(1 + e^(beta x)) / beta.
fn value(x: f32, beta: f32) -> f32 { return softplus(x, beta); }

// upstream s(beta x).
fn backward(x: f32, upstream: f32, beta: f32) -> f32 {
    let e = exp_negative_product(x, beta);
    let share = upstream / (1.0 + plain(e));
    return select(times(share, e), share, x >= 0.0);
}

// With respect to beta: -upstream (|z| e / (1 + e) + ln(1 + e)) / beta^2, z = beta x.
fn parameter_backward(x: f32, upstream: f32, beta: f32) -> f32 {
    let e = exp_negative_product(x, beta);
    let sum = min(abs(beta * finite(x)), 256.0) / (1.0 + plain(e)) + log1p_ratio(plain(e));
    return -times(sum / beta, e) / beta * upstream;
}
