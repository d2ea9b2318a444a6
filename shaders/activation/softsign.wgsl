// Softsign: x / (1 + |x|).
fn value(x: Real) -> Real { return with_sign(softsign(abs(finite(x))), x); }

// upstream / (1 + |x|)^2.
fn backward(x: Real, upstream: Real) -> Real { return over_square_of_one_plus(upstream, abs(finite(x))); }
