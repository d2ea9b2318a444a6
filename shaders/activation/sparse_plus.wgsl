// Sparse plus: (x + 1)^2 / 4 for -1 < x < 1, 0 below and x above.
fn value(x: Real) -> Real {
    let half = 0.5 * (x + 1.0);
    let sides = select(Real(0.0), x, x > Real(0.0));
    return select(sides, half * half, abs(x) < Real(1.0));
}

// upstream (x + 1) / 2 for -1 < x < 1, 0 below and upstream above.
fn backward(x: Real, upstream: Real) -> Real {
    let sides = select(Real(0.0), upstream, x > Real(0.0));
    return select(sides, (0.5 * (x + 1.0)) * upstream, abs(x) < Real(1.0));
}
