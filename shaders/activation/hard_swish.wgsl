// Hard swish: x (x + 3) / 6 for -3 < x < 3, 0 below and x above.
const SIXTH = 0.16666667;

fn value(x: Real) -> Real {
    let sides = select(Real(-0.0), x, x > Real(0.0));
    return select(sides, (x * (x + 3.0)) * SIXTH, abs(x) < Real(3.0));
}

// upstream (2 x + 3) / 6 for -3 < x < 3, 0 below and upstream above.
fn backward(x: Real, upstream: Real) -> Real {
    let sides = select(Real(0.0), upstream, x > Real(0.0));
    return select(sides, ((2.0 * x + 3.0) * SIXTH) * upstream, abs(x) < Real(3.0));
}
