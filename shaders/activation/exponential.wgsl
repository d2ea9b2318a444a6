// Exponential: e^x.
fn value(x: Real) -> Real { return exp_times(x, Real(1.0)); }

// upstream e^x.
fn backward(x: Real, upstream: Real) -> Real {
    return select(exp_times(x, upstream), x * upstream, x > Real(LARGEST));
}
