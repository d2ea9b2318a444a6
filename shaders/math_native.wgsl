// The names of `math.wgsl` over WGSL's builtins, as fast and as accurate as the adapter makes them.

struct Scaled { value: Real, scale: Real } // the scale is 1
fn plain(e: Scaled) -> Real { return e.value; }
fn multiple(c: Real, e: Scaled) -> Scaled { return Scaled(c * e.value, Real(1.0)); }
fn times(v: Real, e: Scaled) -> Real { return v * e.value; }
fn begun(v: Real, e: Scaled) -> Real { return v * e.value; }

fn plus_quotient(x: Real, a: Real, b: Real, d: Real) -> Real { return x + (a + b) / d; }
fn reciprocal(x: Real) -> Real { return 1.0 / x; }
fn exp_negative(x: Real) -> Scaled { return Scaled(exp(-abs(x)), Real(1.0)); }
fn exp_negative_product(x: Real, beta: Real) -> Scaled { return exp_negative(finite(x) * beta); }
fn bell(factor: f32, v: Real, x: Real) -> Real {
    let e = exp(-abs(x));
    return v * (factor * e / ((1.0 + e) * (1.0 + e)));
}
struct Exponential { value: Real }
fn exp_minus_product(x: Real, beta: Real) -> Exponential { return Exponential(exp(-abs(finite(x) * beta))); }
fn times_sigmoid(v: Real, positive: Bool, e: Exponential) -> Real {
    return v * select(e.value, Real(1.0), positive) / (1.0 + e.value);
}
fn times_sigmoids(v: Real, e: Exponential) -> Real { return v / (1.0 + e.value) * (e.value / (1.0 + e.value)); }
fn exp_minus_gelu(x: Real) -> Exponential {
    return Exponential(exp(-abs(x * (1.5957691 + 0.071354816 * x * x))));
}
fn gelu_slope_argument(x: Real) -> Real { return x * (1.5957691 + 0.21406445 * x * x); }
fn times_gate_slope(v: Real, p: Real, positive: Bool, e: Exponential) -> Real {
    let d = 1.0 + e.value;
    return v * (select((d + p) * e.value, d + p * e.value, positive) / (d * d));
}

fn sigmoid(x: Real) -> Real { return 1.0 / (1.0 + exp(-x)); }
struct Sigmoids { plus: Real, minus: Real }
fn sigmoids(x: Real) -> Sigmoids {
    let e = exp(-abs(x));
    let large = 1.0 / (1.0 + e);
    let negative = x < Real(0.0);
    return Sigmoids(select(large, e * large, negative), select(e * large, large, negative));
}
// exp2 is what adapters have, and log2(e) joins beta, which is the same for all. Where the sigmoid is
// 0, an infinite x is replaced, so that the quotient is 0; elsewhere it stays.
fn sigmoid_gate(x: Real, beta: Real) -> Real {
    let z = finite(x) * finite(beta * -1.442695);
    return select(finite(x), x, z <= Real(0.0)) / (1.0 + exp2(z));
}
// Only -infinity needs replacing here.
fn gelu_tanh_gate(x: Real) -> Real {
    let c = max(x, Real(-LARGEST));
    return c / (1.0 + exp2(c * (-2.3022082 - 0.10294324 * (c * c))));
}
// The polynomial is minimax for ln(1 + e) / e, 7e-5 relative, since beta may magnify it. beta > 0, so
// that an infinite x needs no replacing.
fn softplus(x: Real, beta: Real) -> Real {
    let e = exp2(abs(x) * finite(beta * -1.442695));
    let s = e * e;
    let ratio = (1.0 + e * -0.49776129) + s * ((0.30916654 + e * -0.1612902) + s * 0.043079988);
    return max(x, Real(0.0)) + (1.0 / beta) * e * ratio;
}
fn tanh_softplus_gate(x: Real) -> Real {
    let e = exp(min(x, Real(20.0)));
    let n = e * (e + 2.0);
    return max(x, Real(-LARGEST)) * (n / (n + 2.0));
}
fn times_tanh_softplus_slope(upstream: Real, x: Real) -> Real {
    let e = exp(-abs(x));
    let c = 4.0 * clamp(x, Real(-256.0), Real(256.0)) * (1.0 + e);
    let d = select(2.0 + e * (2.0 + e), 1.0 + 2.0 * e * (1.0 + e), x >= Real(0.0));
    let n = select(e * (2.0 + e + c / d), 1.0 + 2.0 * e + c * e * e / d, x >= Real(0.0));
    return upstream * (n / d);
}
// Phi(-t) as 1 / (1 + p^16), which takes no exponential; p is minimax for what is allowed in x Phi(x),
// and grows for all t.
fn normal_gate(x: Real) -> Real {
    let t = magnitude(x, Real(100.0));
    let s = t * t;
    let p = (1.0 + t * 0.09972467) + s * ((0.004990666 + t * 0.004679804) + s * 5.0386414e-4);
    let p2 = p * p;
    let p4 = p2 * p2;
    let p8 = p4 * p4;
    return select(Real(-0.0), x, x >= Real(0.0)) - t / (1.0 + p8 * p8); // -0, so that the sum is -0 at -infinity
}

fn expm1f(x: Real) -> Real { return exp(x) - 1.0; }
// WGSL has no log1p, and ln(1 + x) / x is 0 / 0 for small x: the polynomial serves here too.
fn log1p_ratio(x: Real) -> Real {
    return 1.0 + x * (-0.49990374 + x * (0.33135921 + x * (-0.23592617 + x * (0.15067747
        + x * (-0.067548379 + x * 0.014489737)))));
}
// Not the builtin, which is NaN for large inputs on SwiftShader, loses the sign of -0 there and on
// llvmpipe-gl, and costs llvmpipe twice as much.
fn tanhf(x: Real) -> Real {
    let e = exp2(-2.88539 * abs(x));
    return with_sign((1.0 - e) / (1.0 + e), x);
}
// WGSL asks nothing of quotients by more than 2^126, and NVIDIA's are 0.
fn softsign(t: Real) -> Real {
    let large = t > Real(1.0);
    let q = select(t, Real(1.0), large) / (1.0 + t);
    return select(q, 1.0 - q, large);
}
fn over_square_of_one_plus(v: Real, t: Real) -> Real { return v / (1.0 + t) / (1.0 + t); }
// WGSL has no erf: Abramowitz and Stegun 26.2.17, 7.5e-8 absolute in Phi.
fn normal_tail(t: Real) -> Real {
    let w = 1.0 / (1.0 + 0.2316419 * t);
    return t * w * (0.12741479 + w * (-0.14224837 + w * (0.71070687 + w * (-0.72657602 + w * 0.53070272))));
}
fn normal_series(s: Real) -> Real { return 0.39894226 + s * (-0.066454 + s * 0.00954); }
fn times_normal_slope(upstream: Real, x: Real) -> Real {
    let t = magnitude(x, Real(18.873));
    let e = exp(-0.5 * t * t);
    let ek = e * (normal_tail(t) / max(t, Real(0.5)) - 0.39894228 * t);
    let middle = 0.5 + x * (normal_series(t * t) + 0.39894228 * e);
    return upstream * select(select(ek, 1.0 - ek, x > Real(0.0)), middle, t < Real(0.5));
}

struct Shift { offset: Real, exponent: Real } // the exponent is 0
fn shift_for(most: Real) -> Shift { return Shift(finite(most), Real(0.0)); }
const TO_ONE: f32 = 1.0;
fn exp_shifted(x: Real, shift: Shift, factor: Real) -> Real {
    return factor * exp(max(x - shift.offset, Real(-200.0)));
}
fn log1pf(x: Real) -> Real {
    let fraction = min(x, Real(1.0));
    return select(log(1.0 + x), fraction * log1p_ratio(fraction), x < Real(1.0));
}
// In thirds, since the exponential alone may leave f32's range.
fn exp_times(x: Real, v: Real) -> Real {
    let third = exp(0.33333333 * clamp(x, Real(-210.0), Real(200.0)));
    return kept(kept(v * third) * third) * third;
}
fn tanh_rest(x: Real) -> Real {
    let t = magnitude(x, Real(1.0));
    let s = t * t;
    let near = t * s / (3.0 + s * (1.2 - s * 0.0055));
    return with_sign(select(near, (abs(x) - 1.0) + 2.0 * sigmoid(-2.0 * abs(x)), abs(x) > Real(1.0)), x);
}
fn sigmoid_gate_backward(x: Real, upstream: Real, beta: Real) -> Real {
    let z = finite(x) * beta;
    let e = exp(-abs(z));
    let c = clamp(z, Real(-256.0), Real(256.0));
    let d = 1.0 + e;
    return select((d + c) * e, d + c * e, z >= Real(0.0)) / (d * d) * upstream;
}
fn exp_negative_quotient(x: Real, d: Real) -> Scaled { return exp_negative(finite(x) / d); }
fn expm1_quotient(x: Real, d: Real) -> Real { return exp(-abs(finite(x) / d)) - 1.0; }
// sqrt(x^2 + b) by the larger, since squares may leave f32's range; what is FAR is so beside any root of b.
const FAR: f32 = 1e30;
fn root(x: Real, b: Real) -> Real {
    let most = min(max(abs(x), sqrt(b)), Real(FAR));
    let u = x / most;
    let v = sqrt(b) / most;
    return select(most * sqrt(u * u + v * v), abs(x), abs(x) > Real(FAR));
}
fn times_gate(v: Real, x: Real, beta: Real) -> Real { return v * sigmoid(finite(x) * beta); }
fn squareplus(x: Real, b: Real) -> Real {
    let c = finite(x);
    let r = root(c, b);
    return select(0.5 * b / (r - c), select(c + 0.5 * (r - c), x, x > Real(LARGEST)), x >= Real(0.0));
}
fn squareplus_backward(x: Real, upstream: Real, b: Real) -> Real {
    let c = clamp(x, Real(-FAR), Real(FAR));
    let r = root(c, b);
    return upstream * select(0.5 * (b / r) / (r - c), 0.5 + 0.5 * (c / r), x >= Real(0.0));
}
fn squareplus_parameter(x: Real, upstream: Real, b: Real) -> Real { return 0.25 * upstream / root(finite(x), b); }
fn product_sum(x: Real, slope: Real, height: Real) -> Real { return finite(x) * slope + height; }
