// Elementary functions from + - * / and bits: the same results on every adapter.
//
// WGSL bounds the error of its builtins loosely, and adapters use the room: exp is 60 ULP off near
// -86 on some, tanh returns NaN for large inputs on another. Everything here keeps each activation
// within 4 ULP of its definition. Two rules make that portable:
//   - no step relies on fma being fused, or on it not being fused;
//   - no error term is got by subtracting a rounded sum from itself (compilers cancel that): exact
//     pieces are cut off with a bit mask instead.
// `math_native.wgsl` offers the same names over WGSL's builtins.

// The upper 12 of x's 24 significant bits: products of two such numbers are exact.
fn upper(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }

// a b to twice the precision, as an unevaluated sum, for a <= 0 <= b: both terms are negative, so
// that a product beyond f32's range is -infinity and never NaN.
fn product(a: f32, b: f32) -> vec2<f32> {
    let a1 = upper(a);
    let b1 = upper(b);
    return vec2<f32>(a1 * b1, a1 * (b - b1) + (a - a1) * b);
}

// 2u = 2 sqrt(2/pi) (x + 0.044715 x^3), the argument of tanh-GELU's sigmoid, likewise, as three
// terms of which the first two are exact. abs(x) <= 16.
fn gelu_argument(x: f32) -> vec3<f32> {
    // 2 sqrt(2/pi) and 0.044715 times that, each as an upper half and the rest.
    const A = 1.595703125;
    const A_LOW = 6.599660573e-5;
    const B = 0.07135009765625;
    const B_LOW = 4.71861635e-6;
    let x1 = upper(x);
    let square = x1 * x1;
    let square1 = upper(square);
    // cubic + cubic_low = B x^2
    let cubic = upper(B * square);
    // x^2 - square1
    let rest = (square - square1) + (x - x1) * (x + x1);
    // Exact in 16 bits, and kept: Mesa 22.3 would subtract the cubic last, after rounding.
    let difference = bitcast<f32>(bitcast<u32>(B * square1 - cubic) & 0xffffff00u);
    let cubic_low = difference + ((B + B_LOW) * rest + B_LOW * square1);
    return vec3<f32>(x1 * cubic, x1 * A, (x - x1) * (A + cubic) + x * (A_LOW + cubic_low));
}

// value * scale^2: a number whose exponent may lie below f32's range.
struct Scaled { value: f32, scale: f32 }

// The number itself; 0 where it is too small.
fn plain(e: Scaled) -> f32 { return (e.value * e.scale) * e.scale; }

// c e.
fn multiple(c: f32, e: Scaled) -> Scaled { return Scaled(c * e.value, e.scale); }

// v e, without losing e to underflow while the product is representable.
fn times(v: f32, e: Scaled) -> f32 { return ((v * e.scale) * e.value) * e.scale; }

// e^(a + b + c) for a <= b <= 0; abs(c) < 1 unless a < -256, where it is 0. Cody-Waite reduction by multiples of ln 2, its
// first step exact, then a polynomial for (e^r - 1) / r (minimax, 1.1e-8 relative in e^r).
const LOG2_E: f32 = 1.44269504;
const LN_2: f32 = 0.693359375;
const LN_2_LOW: f32 = -2.12194440e-4;

fn exp_series(r: f32) -> f32 {
    return 1.0 + r * (0.5 + r * (0.16666576 + r * (0.041666463 + r * (0.0083632783 + r * 0.0013935341))));
}

fn exp_sum(a: f32, b: f32, c: f32) -> Scaled {
    // By bits, though the sign is known: Mesa 22.3 would merge the product behind a with the others.
    let a1 = bitcast<f32>(bitcast<u32>(a) | 0x80000000u);
    let n = round((a1 + b + c) * LOG2_E);
    let r = ((a1 - n * LN_2) + b) + (c - n * LN_2_LOW);
    let power = 1.0 + r * exp_series(r);
    // Below 2^-125 the exponent is raised by 130, and the scale, 2^-65, makes up for it. Below
    // 2^-256 no finite factor brings the product back into range.
    let tiny = n < -125.0;
    let exponent = i32(max(n, -256.0)) + select(127, 257, tiny);
    let value = power * bitcast<f32>(u32(exponent) << 23u);
    return Scaled(select(value, 0.0, n < -256.0), select(1.0, 2.71050543e-20, tiny));
}

// e^-abs(x).
fn exp_negative(x: f32) -> Scaled { return exp_sum(-abs(x), 0.0, 0.0); }

// e^-abs(a b).
fn exp_negative_product(a: f32, b: f32) -> Scaled {
    let z = product(max(-abs(a), -LARGEST), abs(b));
    return exp_sum(z.x, 0.0, z.y);
}

// e^(-t^2 / 2) for 0 <= t <= 256.
fn exp_negative_half_square(t: f32) -> Scaled {
    let t1 = upper(t);
    return exp_sum(-0.5 * t1 * t1, 0.0, -0.5 * (t - t1) * (t + t1));
}

// e^-abs(2u), 2u the argument of tanh-GELU's sigmoid; 0 beyond abs(x) = 16.
fn exp_negative_gelu(x: f32) -> Scaled {
    let z = gelu_argument(max(-abs(x), -16.0));
    return exp_sum(min(z.x, z.y), max(z.x, z.y), z.z);
}

// (1 + e)^2 for 0 <= e <= 1, rounded once: the square of 12 exact bits and the rest.
fn square_of_one_plus(e: f32) -> f32 {
    let d = upper(1.0 + e);
    let rest = e - (d - 1.0);
    return d * d + rest * (2.0 * d + rest);
}

// Logistic sigmoid.
fn sigmoid(x: f32) -> f32 {
    let e = plain(exp_negative(x));
    return select(1.0, e, x < 0.0) / (1.0 + e);
}

// x sigmoid(z), with e = e^-abs(z).
fn gate_with(x: f32, z: f32, e: Scaled) -> f32 {
    return select(times(finite(x), e), x, z >= 0.0) / (1.0 + plain(e));
}

// x sigmoid(beta x).
fn sigmoid_gate(x: f32, beta: f32) -> f32 {
    return gate_with(x, finite(x) * beta, exp_negative_product(x, beta));
}

// x sigmoid(2u), 2u the argument of tanh-GELU's sigmoid.
fn gelu_tanh_gate(x: f32) -> f32 { return gate_with(x, x, exp_negative_gelu(x)); }

// ln(1 + e^(beta x)) / beta, as max(x, 0) + ln(1 + e) / beta with e = e^-|beta x|.
fn softplus(x: f32, beta: f32) -> f32 {
    let e = exp_negative_product(x, beta);
    return max(x, 0.0) + times(log1p_ratio(plain(e)) / beta, e);
}

// x tanh(ln(1 + e^x)), which in e = e^-abs(x) needs one exponential and no logarithm:
// x (1 + 2e) / (1 + 2e + 2e^2) for x >= 0, x e (e + 2) / (e (e + 2) + 2) = x e (1 - c) for x < 0.
fn tanh_softplus_gate(x: f32) -> f32 {
    let e = exp_negative(x);
    let p = plain(e);
    let c = (p + p * p) / (2.0 + (2.0 * p + p * p));
    let negative = times(finite(x) * (1.0 - c), e);
    let positive = x * ((1.0 + 2.0 * p) / (1.0 + 2.0 * p + 2.0 * p * p));
    return select(negative, positive, x >= 0.0);
}

// x Phi(x), Phi the standard normal distribution. With e = e^(-x^2 / 2) and
// q = abs(x) Phi(-abs(x)) / e it is -e q for x < 0, where 1 + erf would cancel, and x - e q for
// x > 0; within 0.5 of 0 the series of Phi is closer.
fn normal_gate(x: f32) -> f32 {
    let t = min(abs(x), 30.0);
    let e = exp_negative_half_square(t);
    let q = normal_tail(t);
    let sides = select(-times(q, e), x - plain(e) * q, x > 0.0);
    return select(sides, x * (0.5 + x * normal_series(t * t)), t < 0.5);
}

// e^x - 1 for x <= 0, anything for x > 0.
fn expm1f(x: f32) -> f32 {
    let a = max(x, -40.0);
    let n = round(a * LOG2_E);
    let r = (a - n * LN_2) - n * LN_2_LOW;
    let power = bitcast<f32>(u32(i32(n) + 127) << 23u);
    return power * (r * exp_series(r)) + (power - 1.0);
}

// ln(1 + x) / x for 0 <= x <= 1: 2 atanh(u) / x, u = x / (2 + x), which a division and four terms in
// u^2 give (minimax, 5e-9 relative) where a polynomial in x takes nine. w = 2 / (2 + x), s = 4 u^2.
fn log1p_ratio(x: f32) -> f32 {
    let w = 2.0 / (2.0 + x);
    let s = (x * w) * (x * w);
    return w + w * (s * (0.083333005 + s * (0.01250681 + s * (0.0021875726 + s * 5.4700560e-4))));
}

// (ln(1 + x) / x - 1) / x for 0 <= x <= 1 (minimax, 3.5e-8 relative in ln(1 + x)).
fn log1p_tail(x: f32) -> f32 {
    return -0.49999633 + x * (0.33321014 + x * (-0.24854803 + x * (0.19144797
        + x * (-0.13735655 + x * (0.078997388 + x * (-0.029942067 + x * 0.0053346827))))));
}

// tanh, from expm1 so that nothing cancels near 0; odd to the last bit.
fn tanhf(x: f32) -> f32 {
    let t = expm1f(-2.0 * min(abs(x), 20.0));
    let magnitude = bitcast<u32>(-t / (2.0 + t)) & 0x7fffffffu;
    return bitcast<f32>(magnitude | (bitcast<u32>(x) & 0x80000000u));
}

// t Phi(-t) / e^(-t^2 / 2) for t >= 0.5, Phi the standard normal distribution: a polynomial in
// u = (t - 2.75) / (t + 2.75) (minimax up to t = 14.6, where gelu leaves f32's range; 1e-8 relative).
fn normal_tail(t: f32) -> f32 {
    let u = 2.0 * t / (t + 2.75) - 1.0;
    return 0.359493017 + u * (0.122315973 + u * (-0.146009877 + u * (0.0828836411
        + u * (-0.0165051278 + u * (-0.00661190646 + u * (0.00285360659 + u * (0.00107938901
        + u * (-0.000369687128 + u * -0.00020489491))))))));
}

// (Phi(x) - 1/2) / x for abs(x) <= 0.5, in s = x^2 (minimax, 3e-8 relative).
fn normal_series(s: f32) -> f32 {
    return 0.39894229 + s * (-0.066490412 + s * (0.0099685546 + s * -0.0011395974));
}

// What a sum of exponentials is divided by to stay in range: e^offset 2^exponent.
struct Shift { offset: f32, exponent: f32 }

// The shift for exponentials of which e^most is the largest. Up to 200 it is a power of two, so that
// dividing by it, and changing from one to another, is exact; subtracting `most` would cost 60 ULP
// where x - most is -80. Beyond 200 the reduction by ln 2 loses digits, but x - most is exact there
// wherever the exponential is not 0. The largest exponential comes out near 2^64, which leaves the
// small ones room: log-softmax of a row that one element dominates is all theirs.
fn shift_for(most: f32) -> Shift {
    let offset = select(0.0, finite(most), abs(most) > 200.0);
    return Shift(offset, round((finite(most) - offset) * LOG2_E) - 64.0);
}

// factor e^x / (e^offset 2^exponent) for x up to 16 beyond the shift's `most`; 0 for -infinity. The
// factor meets e^r while that is 1 and a smaller part, which costs one rounding less, and before the
// power of two, so that nothing underflows before its time.
fn exp_shifted(x: f32, shift: Shift, factor: f32) -> f32 {
    // Clamped also to keep Mesa 22.3 from merging the subtractions.
    let t = clamp(x - shift.offset, -1000.0, 217.0);
    let n = round(t * LOG2_E);
    let r = (t - n * LN_2) - n * LN_2_LOW;
    let power = factor + factor * (r * exp_series(r));
    let exponent = u32(max(n - shift.exponent + 127.0, 0.0));
    return power * bitcast<f32>(exponent << 23u);
}

// ln(1 + x) for x >= 0.
fn log1pf(x: f32) -> f32 {
    // 1 + x = (1 + fraction) 2^n.
    let sum = bitcast<u32>(1.0 + x);
    let small = x < 1.0;
    let n = select(f32(sum >> 23u) - 127.0, 0.0, small);
    let fraction = select(bitcast<f32>((sum & 0x7fffffu) | 0x3f800000u) - 1.0, x, small);
    // Not fraction * log1p_ratio(fraction), which rounds once more.
    let part = fraction + fraction * (fraction * log1p_tail(fraction));
    return n * LN_2 + (n * LN_2_LOW + part);
}
