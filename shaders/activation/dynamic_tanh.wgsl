// Dynamic tanh: weight tanh(alpha x) + bias.
fn value(x: Real, alpha: Real, weight: Real, bias: Real) -> Real { return weight * tanhf(alpha * finite(x)) + bias; }

// factor upstream (1 - tanh^2 z). Where the product leaves f32's range, the factor comes last.
fn slope_times(factor: Real, upstream: Real, z: Real) -> Real {
    let whole = factor * upstream;
    let beyond = abs(whole) > Real(LARGEST);
    return bell(4.0, select(whole, upstream, beyond), 2.0 * z) * select(Real(1.0), factor, beyond);
}

// weight alpha (1 - tanh^2(alpha x)) upstream.
fn backward(x: Real, upstream: Real, alpha: Real, weight: Real, bias: Real) -> Real {
    return slope_times(weight * alpha, upstream, alpha * finite(x));
}

struct Gradients { alpha: Real, weight: Real, bias: Real }
fn parameter_backward(x: Real, upstream: Real, alpha: Real, weight: Real, bias: Real) -> Gradients {
    let z = alpha * finite(x);
    // Far out nothing is left, whatever the product.
    let factor = select(weight * finite(x), Real(0.0), abs(z) > Real(200.0));
    return Gradients(slope_times(factor, upstream, z), tanhf(z) * upstream, upstream);
}
