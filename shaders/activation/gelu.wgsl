// GELU: x Phi(x), Phi the standard normal distribution.
fn value(x: Real) -> Real { return normal_gate(x); }

// upstream (Phi(x) + x phi(x)); with e = e^(-x^2 / 2) and
// k = Phi(-|x|) / e - |x| / sqrt(2 pi) that is e k for x < 0, else 1 - e k.
fn backward(x: Real, upstream: Real) -> Real {
    const INV_SQRT_TAU = 0.398942280;
    let t = magnitude(x, Real(18.873));
    let e = exp_negative_half_square(t);
    let k = normal_tail(t) / max(t, Real(0.5)) - INV_SQRT_TAU * t;
    let sides = select(times(upstream, multiple(k, e)), (1.0 - plain(e) * k) * upstream, x > Real(0.0));
    let middle = 0.5 + x * (normal_series(t * t) + INV_SQRT_TAU * plain(e));
    return select(sides, middle * upstream, t < Real(0.5));
}
