// Snake with two parameters: x + sin^2(alpha x) / beta.
fn value(x: Real, alpha: Real, beta: Real) -> Real {
    let s = sines(x, alpha);
    return plus_quotient(x, s.base, s.half, beta);
}

// upstream (1 + alpha sin(2 alpha x) / beta).
fn backward(x: Real, upstream: Real, alpha: Real, beta: Real) -> Real {
    return upstream * (1.0 + (alpha * reciprocal(beta)) * sines(x, alpha).of_twice);
}

// upstream x sin(2 alpha x) / beta and -upstream sin^2(alpha x) / beta^2.
struct Gradients { alpha: Real, beta: Real }
fn parameter_backward(x: Real, upstream: Real, alpha: Real, beta: Real) -> Gradients {
    let s = sines(x, alpha);
    let i = reciprocal(beta);
    return Gradients(product_of_three(upstream * s.of_twice, finite(x), i), kept((-upstream * square(s)) * i) * i);
}
