// gate Phi(gate) up, Phi the standard normal distribution, unrounded. With e = e^(-t^2 / 2), t = abs(gate), and
// q = t Phi(-t) / e that is -e q up for gate < 0 and (gate - e q) up for gate > 0; within 0.5 of 0 the series of Phi.
fn product(gate: Real, up: Real, p: Parameter) -> Real {
    let t = magnitude(gate, Real(18.873));
    let argument = half_square(t);
    let e = exponential(exp_series(argument.r), argument.n);
    let tail = normal_tail_parts(t);
    let q = tail.middle + kept(tail.most + (tail.rest + e.series * tail.about));
    let left = times(-up, Scaled(q * e.power, e.scale));
    let right = (gate - q * power(e)) * up;
    let middle = (gate * up) * (0.5 + gate * normal_series(t * t));
    return select(select(left, right, gate > Real(0.0)), middle, t < Real(0.5));
}
