// GELU: x Phi(x), Phi the standard normal distribution.
fn value(x: Real) -> Real { return normal_gate(x); }

// upstream (Phi(x) + x phi(x)); with e = e^(-x^2 / 2) and
// k = Phi(-|x|) / e - |x| / sqrt(2 pi) that is e k for x < 0, else 1 - e k.
fn backward(x: Real, upstream: Real) -> Real {
    const INV_SQRT_TAU = 0.398942280;
    let t = magnitude(x, Real(18.873));
    let e = multiple(normal_ratio(t) - INV_SQRT_TAU * t, exp_negative_half_square(t));
    return select(times(upstream, e), (1.0 - plain(e)) * upstream, x > Real(0.0));
}
