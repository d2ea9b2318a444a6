// gate Phi(gate) up, Phi the standard normal distribution, unrounded. With e = e^(-t^2 / 2), t = abs(gate), and
// q = t Phi(-t) / e that is -e q up for gate < 0 and (gate - e q) up for gate > 0; within 0.5 of 0 the series of Phi.
fn gated(gate: Real, up: Real, p: Parameter) -> Real {
    let t = magnitude(gate, Real(19.38));
    let argument = half_square(t);
    let e = exponential(exp_series(argument.r), argument.n);
    // The tail's polynomial ends where gelu alone leaves f32's range; from there on it misses this.
    let beyond = max(t - 14.5, Real(0.0));
    let more = e.series + beyond * beyond * 1.2e-8;
    let q = series_share(more, normal_tail_parts(t));
    // The power of two first: q times it may leave f32's range.
    let left = (((-up * e.scale) * e.power) * q) * e.scale;
    let right = (gate - q * e.beside) * up;
    let middle = (gate * up) * (0.5 + gate * normal_series(t * t));
    return select(select(left, right, gate > Real(0.0)), middle, t < Real(0.5));
}
