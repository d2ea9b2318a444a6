// Shrink: x moved bias closer to 0 for |x| > lambd, else 0.
fn value(x: Real, bias: Real, lambd: Real) -> Real {
    return select(Real(0.0), select(x + bias, x - bias, x > Real(0.0)), abs(x) > lambd);
}

// upstream for |x| > lambd, else 0.
fn backward(x: Real, upstream: Real, bias: Real, lambd: Real) -> Real {
    return select(Real(0.0), upstream, abs(x) > lambd);
}

// With respect to the bias -upstream for x > lambd, upstream for x < -lambd, else 0; to lambd, where it jumps, 0.
struct Gradients { bias: Real, lambd: Real }
fn parameter_backward(x: Real, upstream: Real, bias: Real, lambd: Real) -> Gradients {
    let moved = select(upstream, -upstream, x > Real(0.0));
    return Gradients(select(Real(0.0), moved, abs(x) > lambd), Real(0.0));
}
