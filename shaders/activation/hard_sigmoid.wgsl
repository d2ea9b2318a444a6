// Hard sigmoid: slope x + offset between 0 and 1, which it does not leave.
fn value(x: Real, slope: Real, offset: Real) -> Real {
    return clamp(product_sum(x, slope, offset), Real(0.0), Real(1.0));
}

fn is_inside(x: Real, slope: Real, offset: Real) -> Bool {
    return (product_sum(x, slope, offset) > Real(0.0)) & (product_sum(x, slope, offset - 1.0) < Real(0.0));
}

// slope upstream where the line is, else 0.
fn backward(x: Real, upstream: Real, slope: Real, offset: Real) -> Real {
    return select(Real(0.0), slope * upstream, is_inside(x, slope, offset));
}

// x upstream with respect to the slope, upstream to the offset, where the line is, else 0.
struct Gradients { slope: Real, offset: Real }
fn parameter_backward(x: Real, upstream: Real, slope: Real, offset: Real) -> Gradients {
    let inside = is_inside(x, slope, offset);
    return Gradients(select(Real(0.0), x * upstream, inside), select(Real(0.0), upstream, inside));
}
