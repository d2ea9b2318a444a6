// Snake: x + sin^2(alpha x) / alpha.
fn value(x: Real, alpha: Real) -> Real {
    let s = sines(x, alpha);
    return plus_quotient(x, s.base, s.half, alpha);
}

// upstream (1 + sin(2 alpha x)).
fn backward(x: Real, upstream: Real, alpha: Real) -> Real { return upstream * (1.0 + sines(x, alpha).of_twice); }

// upstream (x sin(2z) - sin^2(z) / alpha) / alpha, z = alpha x, which is upstream x^2 where z is small.
fn parameter_backward(x: Real, upstream: Real, alpha: Real) -> Real {
    let s = sines(x, alpha);
    let i = reciprocal(alpha);
    let c = finite(x);
    let slope = c * s.of_twice - square(s) * i;
    let near = abs(c * alpha) < Real(1e-6);
    return product_of_three(upstream, select(slope, c, near), select(i, c, near));
}
