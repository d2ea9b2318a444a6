// SELU: lambda x for x > 0, else lambda alpha (e^x - 1), the constants such that mean 0 and
// variance 1 are a fixed point of a layer.
const LAMBDA = 1.0507009873554804934193349852946;
const LAMBDA_ALPHA = 1.7580993408473768599402175208123;

fn value(x: Real) -> Real {
    return select(LAMBDA_ALPHA * expm1f(x), LAMBDA * x, x > Real(0.0));
}

// lambda upstream for x > 0, else lambda alpha e^x upstream.
fn backward(x: Real, upstream: Real) -> Real {
    let e = exp_negative(x);
    return select(times(upstream, multiple(Real(LAMBDA_ALPHA), e)), LAMBDA * upstream, x > Real(0.0));
}
