// Dynamic tanh: weight tanh(alpha x) + bias.
fn value(x: Real, alpha: Real, weight: Real, bias: Real) -> Real { return weight * tanhf(alpha * finite(x)) + bias; }

// weight alpha (1 - tanh^2(alpha x)) upstream.
fn backward(x: Real, upstream: Real, alpha: Real, weight: Real, bias: Real) -> Real {
    return bell(4.0, (weight * alpha) * upstream, 2.0 * (alpha * finite(x)));
}

struct Gradients { alpha: Real, weight: Real, bias: Real }
fn parameter_backward(x: Real, upstream: Real, alpha: Real, weight: Real, bias: Real) -> Gradients {
    let z = alpha * finite(x);
    return Gradients(bell(4.0, (weight * finite(x)) * upstream, 2.0 * z), tanhf(z) * upstream, upstream);
}
