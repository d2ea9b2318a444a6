// GELU, tanh form: x s(2u), u = sqrt(2 / pi) (x + 0.044715 x^3), s the logistic sigmoid. Written
// with e = e^-|2u|; beyond |x| = 16 e is 0.
fn value(x: f32) -> f32 {
    return gate(x, exp_negative_sum3(gelu_argument(clamp(x, -16.0, 16.0))), x >= 0.0);
}

// upstream (s + x s (1 - s) 2u').
fn backward(x: f32, upstream: f32) -> f32 {
    let c = clamp(x, -16.0, 16.0);
    let e = exp_negative_sum3(gelu_argument(c));
    let p = c * (1.5957691 + 0.21406445 * c * c);
    let d = 1.0 + plain(e);
    let positive = d + p * plain(e);
    let negative = times(d + p, e);
    return select(negative, positive, x >= 0.0) / (d * d) * upstream;
}
