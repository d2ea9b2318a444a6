// v sigmoid(z) up with e = e^-abs(z), v no further than where e is 0 if z is negative. The larger of the two factors
// meets the sigmoid first, and what is left of its scale goes where it does no harm: nothing is lost to
// underflow or overflow while the product is representable.
fn gate_times(v: Real, positive: Bool, e: Exponential, up: Real) -> Real {
    let share = sigmoid_share(e.beside + e.beside * e.series);
    let s = series_share(select(e.series, Real(0.0), positive), share);
    let power_of_s = select(e.power, Real(1.0), positive);
    let scale = select(e.scale, Real(1.0), positive);
    let up_is_larger = abs(up) > abs(v);
    let smaller = select(up, v, up_is_larger);
    let beyond_one = abs(smaller) > Real(1.0);
    let rest = select(smaller, smaller * scale, beyond_one);
    let larger = ((select(v, up, up_is_larger) * scale) * power_of_s) * s;
    return (larger * rest) * select(scale, Real(1.0), beyond_one);
}
