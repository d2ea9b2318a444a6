// Leaky ReLU: x for x > 0, else slope x. With slope 0 it is ReLU, also at -inf.
fn value(x: Real, slope: Real) -> Real {
    return select(select(slope * x, Real(0.0), slope == Real(0.0)), x, x > Real(0.0));
}

// upstream for x > 0, else slope upstream.
fn backward(x: Real, upstream: Real, slope: Real) -> Real {
    return select(slope * upstream, upstream, x > Real(0.0));
}

// With respect to the slope: 0 for x > 0, else x upstream.
fn parameter_backward(x: Real, upstream: Real, slope: Real) -> Real {
    return select(x * upstream, Real(0.0), x > Real(0.0));
}
