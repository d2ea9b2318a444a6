// Sigmoid: s = 1 / (1 + e^-x). With e = e^-|x| nothing overflows: s = 1 / (1 + e) or e / (1 + e).
fn value(x: f32) -> f32 {
    let e = plain(exp_negative(x));
    return select(1.0, e, x < 0.0) / (1.0 + e);
}

// upstream s (1 - s), as e / (1 + e)^2.
fn backward(x: f32, upstream: f32) -> f32 {
    let e = exp_negative(x);
    return times(upstream / square_of_one_plus(plain(e)), e);
}
