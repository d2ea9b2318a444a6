// Hardtanh: x between min and max, which it does not leave. Where min is larger, it is max.
fn value(x: Real, least: Real, most: Real) -> Real {
    let raised = select(x, least, x < least);
    return select(raised, most, raised > most);
}

// upstream for min < x < max, else 0.
fn backward(x: Real, upstream: Real, least: Real, most: Real) -> Real {
    return select(Real(0.0), upstream, (x > least) & (x < most));
}

// upstream for the bound that x meets.
struct Gradients { min: Real, max: Real }
fn parameter_backward(x: Real, upstream: Real, least: Real, most: Real) -> Gradients {
    return Gradients(
        select(Real(0.0), upstream, (x <= least) & (least < most)),
        select(Real(0.0), upstream, (x >= most) | (least >= most)),
    );
}
