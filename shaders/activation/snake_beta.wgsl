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
    // A small square and a small upstream each meet a large 1 / beta first: their product would be lost.
    let apart = (abs(upstream) < Real(1.0)) & (abs(i) > Real(1.0));
    let first = square(s) * select(upstream, i, apart);
    let of_beta = kept(first * select(i, upstream * i, apart)) * select(i, Real(1.0), apart);
    return Gradients(product_of_three(upstream * s.of_twice, finite(x), i), -of_beta);
}
