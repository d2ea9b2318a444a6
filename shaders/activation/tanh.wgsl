// Tanh.
fn value(x: Real) -> Real { return tanhf(x); }

// upstream (1 - tanh^2 x), as 4 e / (1 + e)^2 with e = e^-2|x|, where nothing cancels.
fn backward(x: Real, upstream: Real) -> Real {
    let e = exp_negative(2.0 * x);
    return times(upstream, multiple(4.0 / square_of_one_plus(plain(e)), e));
}
