// GELU: x Phi(x), Phi the standard normal distribution. With e = e^(-x^2 / 2) and
// q = Phi(-|x|) / e it is x e q for x < 0, where 1 + erf would cancel, and x (1 - e q) for x > 0.
fn value(x: f32) -> f32 {
    let t = min(abs(x), 30.0);
    let e = exp_negative_sum(half_square(t));
    let q = normal_tail(t);
    return select(times(finite(x) * q, e), x * (1.0 - plain(e) * q), x > 0.0);
}

// upstream (Phi(x) + x phi(x)); with k = q - |x| / sqrt(2 pi) that is e k for x < 0, else 1 - e k.
fn backward(x: f32, upstream: f32) -> f32 {
    let t = min(abs(x), 30.0);
    let e = exp_negative_sum(half_square(t));
    let k = normal_tail(t) - 0.398942280 * t;
    return select(times(upstream, multiple(k, e)), (1.0 - plain(e) * k) * upstream, x > 0.0);
}
