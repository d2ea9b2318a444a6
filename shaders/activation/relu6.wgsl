// ReLU6: x between 0 and 6, which it does not leave.
fn value(x: Real) -> Real { return clamp(x, Real(0.0), Real(6.0)); }

// upstream for 0 < x < 6, else 0.
fn backward(x: Real, upstream: Real) -> Real {
    return select(Real(0.0), upstream, (x > Real(0.0)) & (x < Real(6.0)));
}
