// Threshold: x where it is more than the threshold, else the other value.
fn value(x: Real, threshold: Real, other: Real) -> Real { return select(other, x, x > threshold); }

// upstream for x > threshold, else 0.
fn backward(x: Real, upstream: Real, threshold: Real, other: Real) -> Real {
    return select(Real(0.0), upstream, x > threshold);
}

// With respect to the threshold, where it jumps, 0; to the other value upstream where that is the result.
struct Gradients { threshold: Real, value: Real }
fn parameter_backward(x: Real, upstream: Real, threshold: Real, other: Real) -> Gradients {
    return Gradients(Real(0.0), select(upstream, Real(0.0), x > threshold));
}
