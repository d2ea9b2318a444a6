//! The twin of `shaders/bits.wgsl`, `shaders/math.wgsl` and `shaders/sine.wgsl`.
//!
//! Longer than 500 lines: as they are.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use super::lane::*;

// What both maths share. First what arithmetic cannot be trusted with, by bits: compilers may assume that NaN does not
// occur.

pub(crate) const LARGEST: Real = 3.40282346e38;

#[inline(always)]
pub(crate) fn is_nan(x: Real) -> Bool {
    (bits(x) & Bits(0x7fffffff)) > Bits(0x7f800000)
}

// Whether x is infinite or NaN.
#[inline(always)]
pub(crate) fn is_special(x: Real) -> Bool {
    (bits(x) & Bits(0x7f800000)) == Bits(0x7f800000)
}

// x with infinities replaced by the largest finite values, so that 0 x is 0.
#[inline(always)]
pub(crate) fn finite(x: Real) -> Real {
    clamp(x, -LARGEST, LARGEST)
}

// min(abs(x), limit) for limit > 0; the limit where x is NaN. Two instructions, where the builtin min
// takes more to treat NaN as promised.
#[inline(always)]
pub(crate) fn magnitude(x: Real, limit: Real) -> Real {
    of_bits(min(bits(x) & Bits(0x7fffffff), bits(limit)))
}

// x, and no compiler looks behind it: Mesa 22.3 would merge sums and products with those around them, and round elsewhere;
// NVIDIA's driver 580 multiplies equal factors and constants by each other first, which may leave f32's range.

// value >= 0 with the sign of x.
#[inline(always)]
pub(crate) fn with_sign(value: Real, x: Real) -> Real {
    of_bits(bits(value) | (bits(x) & Bits(0x80000000)))
}

// c and upstream as what an exponential is multiplied by at first and at last: a small c would make it underflow, whose
// upstream may be large.
#[derive(Clone, Copy)]
pub(crate) struct FirstAndLast {
    pub(crate) first: Real,
    pub(crate) last: Real,
}
#[inline(always)]
pub(crate) fn least_first(c: Real, upstream: Real) -> FirstAndLast {
    let small = abs(c) < 1.0;
    FirstAndLast {
        first: select(c, c * upstream, small),
        last: select(upstream, 1.0, small),
    }
}

// c and upstream as what a share is multiplied by at first and at last: a c that enlarges would leave f32's range
// before the share makes it small, unless upstream is small.
#[inline(always)]
pub(crate) fn enlarging_last(c: Real, upstream: Real) -> FirstAndLast {
    let enlarges = min(abs(c), abs(upstream)) > 1.0;
    FirstAndLast {
        first: select(c * upstream, upstream, enlarges),
        last: select(1.0, c, enlarges),
    }
}

// Elementary functions from + - * / and bits: the same on every adapter, but for how it rounds a quotient.
//
// Longer than 500 lines: shaders get all of it, since its functions are made of each other.
//
// WGSL bounds the error of its builtins loosely, and adapters use the room: exp is 60 ULP off near
// -86 on some, tanh returns NaN for large inputs on another. Everything here keeps each activation
// within 2.5 ULP of its definition. Two rules make that portable:
//   - no step relies on fma being fused, or on it not being fused;
//   - no error term is got by subtracting a rounded sum from itself (compilers cancel that): exact
//     pieces are cut off with a bit mask instead.
// Polynomials are summed in pairs (Estrin): software adapters are slow in long chains.
//
// `math_native.wgsl` offers the same names over WGSL's builtins.

// The upper 12 of x's 24 significant bits: products of two such numbers are exact.
#[inline(always)]
pub(crate) fn upper(x: Real) -> Real {
    of_bits(bits(x) & Bits(0xfffff000))
}

// An unevaluated sum.
#[derive(Clone, Copy)]
pub(crate) struct Sum {
    pub(crate) high: Real,
    pub(crate) low: Real,
}

// a b to twice the precision.
#[inline(always)]
pub(crate) fn product(a: Real, b: Real) -> Sum {
    let a1 = upper(a);
    let b1 = upper(b);
    let same = b == 1.0;
    Sum {
        high: select(kept(a1 * b1), a, same),
        low: select(a1 * (b - b1) + (a - a1) * b, 0.0, same),
    }
}

// 2u = 2 sqrt(2/pi) (x + 0.044715 x^3), the argument of tanh-GELU's sigmoid, as a sum of which the first
// two terms are exact, and 2u'. abs(x) <= 16.
#[derive(Clone, Copy)]
pub(crate) struct GeluArgument {
    pub(crate) cubic: Real,
    pub(crate) linear: Real,
    pub(crate) rest: Real,
    pub(crate) slope: Real,
}
#[inline(always)]
pub(crate) fn gelu_argument(x: Real) -> GeluArgument {
    // 2 sqrt(2/pi) and 0.044715 times that, each as an upper half and the rest.
    const A: Real = 1.595703125;
    const A_LOW: Real = 6.599660573e-5;
    const B: Real = 0.07135009765625;
    const B_LOW: Real = 4.71861635e-6;
    let x1 = upper(x);
    let square = x1 * x1;
    let square1 = upper(square);
    // cubic + cubic_low = B x^2
    let cubic = upper(B * square);
    // x^2 - square1
    let rest = (square - square1) + (x - x1) * (x + x1);
    let cubic_low = kept(B * square1 - cubic) + ((B + B_LOW) * rest + B_LOW * square1);
    let slope = (A + 3.0 * cubic) + (A_LOW + 3.0 * cubic_low);
    GeluArgument {
        cubic: x1 * cubic,
        linear: x1 * A,
        rest: (x - x1) * (A + cubic) + x * (A_LOW + cubic_low),
        slope,
    }
}

// value * scale^2: a number whose exponent may lie below f32's range.
#[derive(Clone, Copy)]
pub(crate) struct Scaled {
    pub(crate) value: Real,
    pub(crate) scale: Real,
}

// The number itself, beside a 1: near f32's smallest NVIDIA's driver 580 makes it 0 (it seems to square the
// scale first).
#[inline(always)]
pub(crate) fn plain(e: Scaled) -> Real {
    (e.value * e.scale) * e.scale
}

// c e.
#[inline(always)]
pub(crate) fn multiple(c: Real, e: Scaled) -> Scaled {
    Scaled {
        value: c * e.value,
        scale: e.scale,
    }
}

// v e, without losing e to underflow while the product is representable.
#[inline(always)]
pub(crate) fn times(v: Real, e: Scaled) -> Real {
    begun(v, e) * e.scale
}

// v e but for the last scale, which comes when the product has all its factors.
#[inline(always)]
pub(crate) fn begun(v: Real, e: Scaled) -> Real {
    (v * e.scale) * e.value
}

// 1 / (base + part + rest) to twice the precision, however far off the device's quotient is: `high` has 12 bits, so
// that its products with upper halves are exact, and `low` is what is missing. The sum lies between 2^-100 and 2^100,
// `rest` far below it.
#[inline(always)]
pub(crate) fn inverse(base: Real, part: Real, rest: Real) -> Sum {
    let d = upper(base + (part + rest));
    let high = upper(1.0 / d);
    let r = kept(1.0 - high * d) - high * ((part - kept(d - base)) + rest);
    Sum {
        high,
        low: high * (r * (1.0 + r)),
    }
}

// 1 / x for a normal x > 0: its significand's inverse, by which no part leaves f32's range, and the power of two.
#[derive(Clone, Copy)]
pub(crate) struct Inverse {
    pub(crate) significand: Sum,
    pub(crate) power: Real,
}
#[inline(always)]
pub(crate) fn inverse_of_normal(x: Real) -> Inverse {
    let bits = bits(x);
    let significand = of_bits((bits & Bits(0x7fffff)) | Bits(0x3f800000));
    let power = of_bits(Bits(0x7f000000) - (bits & Bits(0x7f800000)));
    Inverse {
        significand: inverse(0.0, significand, 0.0),
        power,
    }
}

// x + (a + b) / d for a normal d > 0 and an a of few bits. Where x and a / d cancel nothing is lost.
#[inline(always)]
pub(crate) fn plus_quotient(x: Real, a: Real, b: Real, d: Real) -> Real {
    let i = inverse_of_normal(d);
    let high = i.significand.high * i.power;
    (x + a * high) + (b * high + ((a + b) * i.significand.low) * i.power)
}

#[inline(always)]
pub(crate) fn reciprocal(x: Real) -> Real {
    let i = inverse_of_normal(x);
    whole_of(i.significand) * i.power
}

pub(crate) const LOG2_E: Real = 1.44269504;
// ln 2 in two parts: products of the first with whole numbers up to 2^15 are exact.
pub(crate) const LN_2: Real = 0.693359375;
pub(crate) const LN_2_LOW: Real = -2.12194440e-4;

// Added to a whole number it leaves that in the last bits of the sum, which spares a conversion.
pub(crate) const WHOLE: Real = 8388608.0;

// 2^n for whole n from -126 to 127; 0 for -127. By a product, which every compiler makes a shift where
// that is faster; SwiftShader shifts lane by lane.
#[inline(always)]
pub(crate) fn power_of_two(n: Real) -> Real {
    of_bits(bits((WHOLE + 127.0) + n) * Bits(0x800000))
}

// e^r - 1 for abs(r) <= ln(2) / 2 (minimax, 6e-9 relative in e^r).
#[inline(always)]
pub(crate) fn exp_series(r: Real) -> Real {
    let s = r * r;
    r + r * (r * 0.5 + s * ((0.16666541 + r * 0.041666456) + s * (0.0083668195 + r * 0.0013935821)))
}

// From here on e^-x is 0: no finite factor brings 500 2^-271 back into range.
pub(crate) const DEEPEST: Real = 187.8;

// (1 + series) power scale^2. The 1 is added where it costs no rounding of its own. `beside` is power scale^2 as far as it
// counts beside a 1.
#[derive(Clone, Copy)]
pub(crate) struct Exponential {
    pub(crate) series: Real,
    pub(crate) power: Real,
    pub(crate) scale: Real,
    pub(crate) beside: Real,
}

// (1 + series) 2^-n for whole n up to 270, and 0 for 271. Above 125 the exponent is raised by 144, and
// the scale, 2^-72, makes up for it.
#[inline(always)]
pub(crate) fn exponential(series: Real, n: Real) -> Exponential {
    let tiny = n > 125.0;
    let power = power_of_two(select(0.0, 144.0, tiny) - n);
    let scale = select(1.0, 2.11758237e-22, tiny);
    Exponential {
        series,
        power,
        scale,
        beside: select(power, 0.0, tiny),
    }
}

#[inline(always)]
pub(crate) fn rounded(e: Exponential) -> Scaled {
    Scaled {
        value: (1.0 + e.series) * e.power,
        scale: e.scale,
    }
}

// v times what of e is no series, without losing it to underflow while the product is representable.
#[inline(always)]
pub(crate) fn times_power(v: Real, e: Exponential) -> Real {
    times(
        v,
        Scaled {
            value: e.power,
            scale: e.scale,
        },
    )
}

// (1 + series) of e times 1 / d, which is a Sum.
#[inline(always)]
pub(crate) fn series_times(e: Exponential, inverse: Sum) -> Sum {
    Sum {
        high: inverse.high,
        low: inverse.low + e.series * (inverse.high + inverse.low),
    }
}

#[inline(always)]
pub(crate) fn whole_of(sum: Sum) -> Real {
    sum.high + sum.low
}

// e^-(a + b) for 0 <= a <= DEEPEST and abs(b) far below a: Cody-Waite reduction by multiples of ln 2,
// its first step exact.
#[inline(always)]
pub(crate) fn exp_minus(a: Real, b: Real) -> Exponential {
    let n = round((a + b) * LOG2_E);
    exponential(exp_series((n * LN_2 - a) + (n * LN_2_LOW - b)), n)
}

// e^-abs(x).
#[inline(always)]
pub(crate) fn exp_negative(x: Real) -> Scaled {
    rounded(exp_minus(magnitude(x, DEEPEST), 0.0))
}

// The abs(x) beyond which e^-abs(beta x) is 0.
#[inline(always)]
pub(crate) fn deepest(beta: Real) -> Real {
    min(DEEPEST / abs(beta), LARGEST)
}

// e^-abs(beta x), 0 for an infinite x, however small beta is, but for a beta of 0.
#[inline(always)]
pub(crate) fn exp_minus_product(x: Real, beta: Real) -> Exponential {
    let z = product(magnitude(x, deepest(beta)), abs(beta));
    let beyond = (abs(x) > LARGEST) & (beta != 0.0);
    exp_minus(select(z.high, DEEPEST, beyond), z.low)
}

#[inline(always)]
pub(crate) fn exp_negative_product(x: Real, beta: Real) -> Scaled {
    rounded(exp_minus_product(x, beta))
}

// The argument of an exponential, as r - n ln 2.
#[derive(Clone, Copy)]
pub(crate) struct Reduced {
    pub(crate) r: Real,
    pub(crate) n: Real,
}

// That of e^(-t^2 / 2) for 0 <= t <= 19.38, where it is 0.
#[inline(always)]
pub(crate) fn half_square(t: Real) -> Reduced {
    let t1 = upper(t);
    // Everything is twice as large as in exp_minus, which spares halving the squares.
    let a = kept(t1 * t1);
    let b = (t - t1) * (t + t1);
    let n = round((a + b) * (0.5 * LOG2_E));
    Reduced {
        r: 0.5 * ((n * (2.0 * LN_2) - a) + (n * (2.0 * LN_2_LOW) - b)),
        n,
    }
}

// From this abs(x) on the next function is 0.
pub(crate) const GELU_DEEPEST: Real = 13.27;

// e^-abs(2u), 2u the argument of tanh-GELU's sigmoid.
#[inline(always)]
pub(crate) fn exp_minus_gelu(x: Real) -> Exponential {
    let z = gelu_argument(magnitude(x, GELU_DEEPEST));
    let a = of_bits(max(bits(z.cubic), bits(z.linear)));
    let b = of_bits(min(bits(z.cubic), bits(z.linear)));
    let n = round((a + b + z.rest) * LOG2_E);
    exponential(
        exp_series(((n * LN_2 - a) - b) + (n * LN_2_LOW - z.rest)),
        n,
    )
}

// 2u' x, as far as e^-abs(2u) is not 0.
#[inline(always)]
pub(crate) fn gelu_slope_argument(x: Real) -> Real {
    x * gelu_argument(magnitude(x, GELU_DEEPEST)).slope
}

// The square of an inverse.
#[inline(always)]
pub(crate) fn squared(i: Sum) -> Sum {
    Sum {
        high: i.high * i.high,
        low: i.low * (2.0 * i.high + i.low),
    }
}

// factor v e / (1 + e)^2 for e = e^-abs(x).
#[inline(always)]
pub(crate) fn bell(factor: Real, v: Real, x: Real) -> Real {
    let e = exp_minus(magnitude(x, DEEPEST), 0.0);
    let i = squared(inverse(1.0, e.beside, e.beside * e.series));
    times(
        v,
        Scaled {
            value: whole_of(series_times(e, i)) * (factor * e.power),
            scale: e.scale,
        },
    )
}

// (1 + series) power = e^-t for 0 <= t <= 88, at whose end it is 0.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    pub(crate) series: Real,
    pub(crate) power: Real,
}
#[inline(always)]
pub(crate) fn exp_minus_plain(t: Real) -> Plain {
    let n = round(t * LOG2_E);
    Plain {
        series: exp_series((n * LN_2 - t) + n * LN_2_LOW),
        power: power_of_two(-n),
    }
}

// base - less, a number of which the quotient `less` is but a small part, so that what a device's quotients are off by
// counts little.
#[derive(Clone, Copy)]
pub(crate) struct Share {
    pub(crate) base: Real,
    pub(crate) less: Real,
}

// 1 / (1 + e) for 0 <= e <= 1: `less` is at most 1/4.
#[inline(always)]
pub(crate) fn sigmoid_share(e: Real) -> Share {
    let near = e > 0.33333333;
    Share {
        base: select(1.0, 0.5, near),
        less: select(e, 0.5 * e - 0.5, near) / (1.0 + e),
    }
}

#[inline(always)]
pub(crate) fn whole_share(share: Share) -> Real {
    share.base - share.less
}

// (1 + series) share.
#[inline(always)]
pub(crate) fn series_share(series: Real, share: Share) -> Real {
    share.base - (share.less - series * (share.base - share.less))
}

// The sigmoids of x and of -x: 1 / (1 + e) and e / (1 + e), e = e^-abs(x).
#[derive(Clone, Copy)]
pub(crate) struct Sigmoids {
    pub(crate) plus: Real,
    pub(crate) minus: Real,
}
#[inline(always)]
pub(crate) fn sigmoids(x: Real) -> Sigmoids {
    let e = exp_minus_plain(magnitude(x, 88.0));
    let s = sigmoid_share(e.power + e.power * e.series);
    let large = whole_share(s);
    let small = series_share(e.series, s) * e.power;
    let negative = x < 0.0;
    Sigmoids {
        plus: select(large, small, negative),
        minus: select(small, large, negative),
    }
}

// Logistic sigmoid.
#[inline(always)]
pub(crate) fn sigmoid(x: Real) -> Real {
    sigmoids(x).plus
}

// v k share, or v k share e where not `positive`. Operands are chosen, not results: LLVM 15 would else do lane after lane.
#[inline(always)]
pub(crate) fn times_share(v: Real, k: Real, share: Share, positive: Bool, e: Exponential) -> Real {
    let series = select(e.series, 0.0, positive);
    let power = select(e.power, 1.0, positive);
    let scale = select(e.scale, 1.0, positive);
    times(
        v,
        Scaled {
            value: k * series_share(series, share) * power,
            scale,
        },
    )
}

// v sigmoid(z) with e = e^-abs(z).
#[inline(always)]
pub(crate) fn times_sigmoid(v: Real, positive: Bool, e: Exponential) -> Real {
    times_share(
        v,
        1.0,
        sigmoid_share(e.beside + e.beside * e.series),
        positive,
        e,
    )
}

// v sigmoid(z) sigmoid(-z) with e = e^-abs(z).
#[inline(always)]
pub(crate) fn times_sigmoids(v: Real, e: Exponential) -> Real {
    let s = sigmoid_share(e.beside + e.beside * e.series);
    times(
        v * whole_share(s),
        Scaled {
            value: series_share(e.series, s) * e.power,
            scale: e.scale,
        },
    )
}

// v (s + p s (1 - s)), s = sigmoid(z), with e = e^-abs(z): s times 1 + p (1 - s).
#[inline(always)]
pub(crate) fn times_gate_slope(v: Real, p: Real, positive: Bool, e: Exponential) -> Real {
    let value = e.beside + e.beside * e.series;
    let s = sigmoid_share(value);
    times_share(
        v,
        1.0 + p * (select(1.0, value, positive) * whole_share(s)),
        s,
        positive,
        e,
    )
}

// x, or -limit where x is below. By bits: those of negative numbers grow with the magnitude.
#[inline(always)]
pub(crate) fn above(limit: Real, x: Real) -> Real {
    of_bits(min(bits(x), bits(-limit)))
}

// Whether beta x is no negative number.
#[inline(always)]
pub(crate) fn same_side(x: Real, beta: Real) -> Bool {
    ((x >= 0.0) == (beta >= 0.0)) | (beta == 0.0)
}

// If beta x is negative, x no further than where e^-abs(beta x) is 0, and 0 for an infinite x.
#[inline(always)]
pub(crate) fn stopped(x: Real, beta: Real) -> Real {
    let t = select(magnitude(x, deepest(beta)), 0.0, abs(x) > LARGEST);
    select(with_sign(t, x), x, same_side(x, beta))
}

// v sigmoid(beta x), v no further than where e^-abs(beta x) is 0 if beta x is negative.
#[inline(always)]
pub(crate) fn times_gate(v: Real, x: Real, beta: Real) -> Real {
    times_sigmoid(v, same_side(x, beta), exp_minus_product(x, beta))
}

// x sigmoid(beta x).
#[inline(always)]
pub(crate) fn sigmoid_gate(x: Real, beta: Real) -> Real {
    times_gate(stopped(x, beta), x, beta)
}

// x sigmoid(2u), 2u the argument of tanh-GELU's sigmoid.
#[inline(always)]
pub(crate) fn gelu_tanh_gate(x: Real) -> Real {
    times_sigmoid(above(GELU_DEEPEST, x), x >= 0.0, exp_minus_gelu(x))
}

// ln(1 + e) / e for 0 <= e <= 1, the logarithm being 2 atanh(u), u = e / (2 + e) (minimax in u^2, 5e-9 relative). The
// quotient is what u is from 1/4.
#[inline(always)]
pub(crate) fn log1p_share(e: Real) -> Share {
    let q = (0.75 * e - 0.5) / (2.0 + e);
    let u = 0.25 + q;
    let z = u * u;
    let more = z * ((0.33333202 + z * 0.20010896) + (z * z) * (0.14000465 + z * 0.14003343));
    Share {
        base: 0.75,
        less: q - (1.0 - u) * more,
    }
}

// ln(1 + e^(beta x)) / beta, as max(x, 0) + ln(1 + e) / beta with e = e^-|beta x|.
#[inline(always)]
pub(crate) fn softplus(x: Real, beta: Real) -> Real {
    let e = exp_minus_product(x, beta);
    let s = log1p_share(e.beside + e.beside * e.series);
    let less = s.less - e.series * whole_share(s);
    let i = inverse_of_normal(beta);
    let ratio =
        s.base * i.significand.high + (s.base * i.significand.low - whole_of(i.significand) * less);
    select(0.0, x, x > 0.0) + times_power(ratio * i.power, e)
}

// x tanh(ln(1 + e^x)), which in e = e^-abs(x) needs one exponential and no logarithm: x (1 + 2e) / (1 + 2e + 2e^2) for
// x >= 0, x e (2 + e) / (2 + 2e + e^2) for x < 0. With f = 2e and f = e the fractions are (2 + 2f) / d and (2 + f) / d,
// d = 2 + 2f + f^2, both between 3/5 and 1; `less` is what they lack of 1, or of 41/64 near 0.
#[inline(always)]
pub(crate) fn tanh_softplus_gate(x: Real) -> Real {
    let e = exp_minus(magnitude(x, DEEPEST), 0.0);
    let positive = x >= 0.0;
    times_share(
        above(DEEPEST, x),
        1.0,
        tanh_softplus_share(x, e, positive),
        positive,
        e,
    )
}

#[inline(always)]
pub(crate) fn tanh_softplus_share(x: Real, e: Exponential, positive: Bool) -> Share {
    let near = abs(x) < 0.7;
    let base = select(1.0, 0.640625, near);
    // 2 - 2 base
    let a = select(0.0, 0.71875, near);
    let f = (e.beside + e.beside * e.series) * select(1.0, 2.0, positive);
    let n = f * ((select(1.0, 0.0, positive) - a) + base * f) - a;
    Share {
        base,
        less: n / (2.0 + f * (2.0 + f)),
    }
}

// upstream times its slope. With T = tanh(ln(1 + e^x)) that is T + x (1 - T^2) sigmoid(x): T times
// 1 + x T (1 + e) (2e / (1 + 2e))^2 for x >= 0, 1 + x T / e (1 - (e / (2 + e))^2) for x < 0.
#[inline(always)]
pub(crate) fn times_tanh_softplus_slope(upstream: Real, x: Real) -> Real {
    let c = clamp(x, -DEEPEST, DEEPEST);
    let e = exp_minus(abs(c), 0.0);
    let positive = x >= 0.0;
    let s = tanh_softplus_share(c, e, positive);
    let value = e.beside + e.beside * e.series;
    let q = select(value, 2.0 * value, positive) / select(2.0 + value, 1.0 + 2.0 * value, positive);
    let m = whole_share(s) * select(1.0 - q * q, (1.0 + value) * (q * q), positive);
    times_share(upstream, 1.0 + c * m, s, positive, e)
}

// x Phi(x), Phi the standard normal distribution. With e = e^(-x^2 / 2) and
// q = abs(x) Phi(-abs(x)) / e it is -e q for x < 0, where 1 + erf would cancel, and x - e q for
// x > 0; within 0.5 of 0 the series of Phi is closer. q < 0.4, so that where e leaves f32's range, which is
// before 13.29, e q has left it too.
#[inline(always)]
pub(crate) fn normal_gate(x: Real) -> Real {
    let t = magnitude(x, 13.29);
    // The series is chosen before the exponential and not at the end: LLVM 15 would else do lane after lane.
    let near = t < 0.5;
    let sides = select(-0.0, x, x > 0.0);
    let whole = select(sides, x * (0.5 + x * normal_series(t * t)), near);
    let tail = normal_tail_parts(t);
    let argument = half_square(t);
    let series = exp_series(argument.r);
    let q = series_share(series, tail);
    whole - select(q, 0.0, near) * power_of_two(-argument.n)
}

// e^-a - 1 for 0 <= a <= 80.
#[inline(always)]
pub(crate) fn expm1_minus(a: Real) -> Real {
    let n = round(a * LOG2_E);
    let r = (n * LN_2 - a) + n * LN_2_LOW;
    let power = power_of_two(-n);
    power * exp_series(r) + (power - 1.0)
}

// e^x - 1 for x <= 0, anything for x > 0.
#[inline(always)]
pub(crate) fn expm1f(x: Real) -> Real {
    expm1_minus(magnitude(x, 40.0))
}

// ln(1 + x) / x for 0 <= x <= 1: 2 atanh(u) / x, u = x / (2 + x), which a division and four terms in
// u^2 give (minimax, 5e-9 relative) where a polynomial in x takes nine. w = 2 / (2 + x), s = 4 u^2.
#[inline(always)]
pub(crate) fn log1p_ratio(x: Real) -> Real {
    let w = 2.0 / (2.0 + x);
    let s = (x * w) * (x * w);
    w + (w * s) * ((0.083333005 + s * 0.01250681) + (s * s) * (0.0021875726 + s * 5.4700560e-4))
}

// (ln(1 + x) / x - 1) / x for 0 <= x <= 1 (minimax, 3.5e-8 relative in ln(1 + x)).
#[inline(always)]
pub(crate) fn log1p_tail(x: Real) -> Real {
    -0.49999633
        + x * (0.33321014
            + x * (-0.24854803
                + x * (0.19144797
                    + x * (-0.13735655
                        + x * (0.078997388 + x * (-0.029942067 + x * 0.0053346827))))))
}

// tanh, as n / (1 + e), n = 1 - e, e = e^-2|x|, so that nothing cancels near 0; odd to the last bit. It is
// n - n e / (1 + e), and for large e n / 2 + n (n / 2) / (1 + e), where the second terms are small.
#[inline(always)]
pub(crate) fn tanhf(x: Real) -> Real {
    let e = exp_minus_plain(2.0 * magnitude(x, 20.0));
    let rest = e.power * e.series;
    let n = (1.0 - e.power) - rest;
    let value = e.power + rest;
    let far = value < 0.33333333;
    let less = select(-0.5 * n, value, far) / (1.0 + value);
    with_sign(select(0.5 * n, n, far) - n * less, x)
}

// t / (1 + t) for t >= 0.
#[inline(always)]
pub(crate) fn softsign(t: Real) -> Real {
    // From 2^30 on it is 1.
    let c = min(t, 1073741824.0);
    let c1 = upper(c);
    let i = inverse_of_one_plus(c, 1.0);
    // Small ones are themselves, and their parts might leave the normal numbers.
    select(c, c1 * i.high + ((c - c1) * i.high + c * i.low), c > 1e-20)
}

// 1 / (scale (1 + t)) for t >= 0: the larger of the two is the one whose difference from the sum has few bits.
#[inline(always)]
pub(crate) fn inverse_of_one_plus(t: Real, scale: Real) -> Sum {
    let large = t > 4096.0;
    inverse(select(1.0, t * scale, large), select(t, scale, large), 0.0)
}

// v / (1 + t)^2 for t >= 0.
#[inline(always)]
pub(crate) fn over_square_of_one_plus(v: Real, t: Real) -> Real {
    // From 2^42 on squares approach the end of f32, and the scale, 2^-80, makes up for it.
    let scale = select(1.0, 8.27180613e-25, t > 4.39804651e12);
    times(
        v,
        Scaled {
            value: whole_of(squared(inverse_of_one_plus(t, scale))),
            scale,
        },
    )
}

// t Phi(-t) / e^(-t^2 / 2) for t >= 0.5, Phi the standard normal distribution, as base and less: a polynomial in
// (t - 1) / (t + 2.75), whose quotient is small where the function is steep (minimax up to t = 14.6, where gelu leaves
// f32's range, 1e-8 relative, and moved by so much that rounding errors lie on both sides).
#[inline(always)]
pub(crate) fn normal_tail_parts(t: Real) -> Share {
    let u = (t - 1.0) / (t + 2.75);
    let s = u * u;
    let high = (-0.30150804 + u * -0.017347751)
        + s * ((0.059648916 + u * 0.011659785)
            + s * ((-0.012394871 + u * -0.010523761) + s * 0.0064274236));
    Share {
        base: 0.2615783,
        less: u * ((-0.46580368 + u * 0.5924956) + s * high),
    }
}

#[inline(always)]
pub(crate) fn normal_tail(t: Real) -> Real {
    whole_share(normal_tail_parts(t))
}

// upstream times the slope of x Phi(x), Phi(x) + x phi(x): with e = e^(-x^2 / 2) and k = Phi(-|x|) / e - |x| / sqrt(2 pi)
// e k for x < 0, else 1 - e k.
#[inline(always)]
pub(crate) fn times_normal_slope(upstream: Real, x: Real) -> Real {
    const INV_SQRT_TAU: Real = 0.398942280;
    let t = magnitude(x, 19.38);
    let argument = half_square(t);
    let e = exponential(exp_series(argument.r), argument.n);
    let k = normal_tail(t) / max(t, 0.5) - INV_SQRT_TAU * t;
    let ek = k + k * e.series;
    let near = t < 0.5;
    let middle = 0.5 + x * (normal_series(t * t) + INV_SQRT_TAU * (e.beside + e.beside * e.series));
    let positive = select(1.0 - e.beside * ek, middle, near);
    select(
        times(
            upstream,
            Scaled {
                value: ek * e.power,
                scale: e.scale,
            },
        ),
        positive * upstream,
        near | (x > 0.0),
    )
}

// (Phi(x) - 1/2) / x for abs(x) <= 0.5, in s = x^2 (minimax, 3e-8 relative).
#[inline(always)]
pub(crate) fn normal_series(s: Real) -> Real {
    (0.39894229 + s * -0.066490412) + (s * s) * (0.0099685546 + s * -0.0011395974)
}

// What a sum of exponentials is divided by to stay in range: e^offset 2^exponent.
#[derive(Clone, Copy)]
pub(crate) struct Shift {
    pub(crate) offset: Real,
    pub(crate) exponent: Real,
}

// The shift for exponentials of which e^most is the largest. Up to 200 it is a power of two, so that
// dividing by it, and changing from one to another, is exact; subtracting `most` would cost 60 ULP
// where x - most is -80. Beyond 200 the reduction by ln 2 loses digits, but x - most is exact there
// wherever the exponential is not 0. The largest exponential comes out near 2^64, which leaves the
// small ones room: log-softmax of a row that one element dominates is all theirs.
#[inline(always)]
pub(crate) fn shift_for(most: Real) -> Shift {
    let offset = select(0.0, finite(most), abs(most) > 200.0);
    Shift {
        offset,
        exponent: round((finite(most) - offset) * LOG2_E) - 64.0,
    }
}

// Makes the largest exponential under its shift about 1, which is exact.
pub(crate) const TO_ONE: Real = 5.42101086e-20;

// factor e^x / (e^offset 2^exponent) for x up to 16 beyond the shift's `most`; 0 for -infinity. The
// factor meets e^r while that is 1 and a smaller part, which costs one rounding less, and before the
// power of two, so that nothing underflows before its time.
#[inline(always)]
pub(crate) fn exp_shifted(x: Real, shift: Shift, factor: Real) -> Real {
    // Clamped also to keep Mesa 22.3 from merging the subtractions.
    let t = clamp(x - shift.offset, -1000.0, 217.0);
    let n = round(t * LOG2_E);
    let r = (t - n * LN_2) - n * LN_2_LOW;
    let power = factor + factor * exp_series(r);
    power * power_of_two(max(n - shift.exponent, -127.0))
}

// ln(1 + x) for x >= 0.
#[inline(always)]
pub(crate) fn log1pf(x: Real) -> Real {
    // 1 + x = (1 + fraction) 2^n.
    let sum = bits(1.0 + x);
    let small = x < 1.0;
    let n = select(real(sum >> Bits(23)) - 127.0, 0.0, small);
    let whole = of_bits((sum & Bits(0x7fffff)) | Bits(0x3f800000));
    let fraction = select(whole - 1.0, x, small);
    // Not fraction * log1p_ratio(fraction), which rounds once more.
    let part = fraction + fraction * (fraction * log1p_tail(fraction));
    n * LN_2 + (n * LN_2_LOW + part)
}

// v e^x, without losing a factor to underflow or overflow while the product is representable.
#[inline(always)]
pub(crate) fn exp_times(x: Real, v: Real) -> Real {
    let t = clamp(x, -210.0, 200.0);
    let whole = round(t * LOG2_E);
    let series = exp_series((t - whole * LN_2) - whole * LN_2_LOW);
    // A small v borrows from the power, since its product with the series may underflow.
    let tiny = abs(v) < 8.6736174e-19;
    let u = select(v, v * 1.8446744e19, tiny);
    let n = whole - select(0.0, 64.0, tiny);
    let third = round(n * 0.33333333);
    let step = power_of_two(third);
    let last = power_of_two(n - 2.0 * third);
    // What makes it smaller comes before the series, what makes it larger behind.
    let small = n < 0.0;
    // Finite, since the series may be negative: infinity less infinity is NaN.
    let w = finite(u * step * select(1.0, last, small));
    (w + w * series) * step * select(last, 1.0, small)
}

// x - tanh x: near 0 by the continued fraction x s / (3 + s + s / (5 + s / (7 + ..)), s = x^2, whose terms all add up; far
// from it |x| - 1 and twice a sigmoid.
#[inline(always)]
pub(crate) fn tanh_rest(x: Real) -> Real {
    let t = magnitude(x, 1.0);
    let square = product(t, t);
    let s = whole_of(square);
    let r = (0.199999963 + s * -0.005713925) + (s * s) * (2.52864026e-4 + s * -1.08538846e-5);
    let i = inverse(3.0, s + s * r, 0.0);
    // Upper halves have an exact product.
    let most = upper(s);
    let near =
        t * (kept(most * i.high) + (((square.high - most) + square.low) * i.high + s * i.low));
    let far = (abs(x) - 1.0) + 2.0 * sigmoids(2.0 * abs(x)).minus;
    with_sign(select(near, far, abs(x) > 1.0), x)
}

// upstream times the slope of x sigmoid(z), z = beta x: s + z s (1 - s).
#[inline(always)]
pub(crate) fn sigmoid_gate_backward(x: Real, upstream: Real, beta: Real) -> Real {
    let z = clamp(finite(x) * beta, -256.0, 256.0);
    times_gate_slope(upstream, z, z >= 0.0, exp_minus_product(x, beta))
}

// |x| / d for a normal d > 0, no further than where e^-that is 0.
#[inline(always)]
pub(crate) fn quotient_of_normal(x: Real, d: Real) -> Sum {
    let i = inverse_of_normal(d);
    let m = of_bits((bits(d) & Bits(0x7fffff)) | Bits(0x3f800000));
    let t = magnitude(abs(x) * i.power, real(2.0 * DEEPEST));
    let whole = whole_of(i.significand);
    let q = min(t * whole, DEEPEST);
    let p = product(q, m);
    // What is missing underflows where q is small, and does not count there; nor does it where q has stopped.
    let counts = (q > 1e-8) & (q < DEEPEST);
    Sum {
        high: q,
        low: select(0.0, (kept(t - p.high) - p.low) * whole, counts),
    }
}

// e^-|x / d|.
#[inline(always)]
pub(crate) fn exp_negative_quotient(x: Real, d: Real) -> Scaled {
    let q = quotient_of_normal(x, d);
    rounded(exp_minus(q.high, q.low))
}

// e^-|x / d| - 1.
#[inline(always)]
pub(crate) fn expm1_quotient(x: Real, d: Real) -> Real {
    let q = quotient_of_normal(x, d);
    let a = min(q.high, 40.0);
    let n = round(a * LOG2_E);
    let power = power_of_two(-n);
    power * exp_series((n * LN_2 - a) + (n * LN_2_LOW - q.low)) + (power - 1.0)
}

// What the functions of sqrt(x^2 + b) are made of, multiplied by a power of two that leaves the larger of |x| and sqrt(b)
// between 1 and 4: |x|, b and the root.
#[derive(Clone, Copy)]
pub(crate) struct Hyperbola {
    pub(crate) x: Real,
    pub(crate) b: Real,
    pub(crate) root: Sum,
    pub(crate) power: Real,
}
#[inline(always)]
pub(crate) fn hyperbola(x: Real, b: Real) -> Hyperbola {
    let most = min(max(abs(finite(x)), sqrt(b)), 8.5e37);
    let power = of_bits(Bits(0x7f000000) - (bits(most) & Bits(0x7f800000)));
    let u = kept(abs(finite(x)) * power);
    let c = kept(b * power) * power;
    let s = u * u + c;
    let r = sqrt(s);
    let p = product(r, r);
    Hyperbola {
        x: u,
        b: c,
        root: Sum {
            high: r,
            low: 0.5 * ((kept(s - p.high) - p.low) / r),
        },
        power,
    }
}

// 1 / (root + |x|).
#[inline(always)]
pub(crate) fn inverse_of_both(h: Hyperbola) -> Sum {
    inverse(h.root.high, h.x, h.root.low)
}

// (x + sqrt(x^2 + b)) / 2, which is b / 2 / (sqrt(x^2 + b) - x) where that does not cancel.
#[inline(always)]
pub(crate) fn squareplus(x: Real, b: Real) -> Real {
    let h = hyperbola(x, b);
    let back = of_bits(Bits(0x7f000000) - bits(h.power));
    let right = (0.5 * (h.x + h.root.high) + 0.5 * h.root.low) * back;
    let left = (0.5 * b * h.power) * whole_of(inverse_of_both(h));
    let limit = select(0.0, x, x > 0.0);
    select(select(left, right, x >= 0.0), limit, abs(x) > LARGEST)
}

// upstream (1 + x / sqrt(x^2 + b)) / 2.
#[inline(always)]
pub(crate) fn squareplus_backward(x: Real, upstream: Real, b: Real) -> Real {
    let h = hyperbola(x, b);
    let i = inverse(0.0, h.root.high, h.root.low);
    let j = inverse_of_both(h);
    let v = 0.5 * (i.high * j.high + (i.high * j.low + i.low * whole_of(j)));
    // Of three factors the two that are furthest apart come first.
    let t = b * h.power;
    let tiny = t < 1e-10;
    let far = ((t * select(v, upstream, tiny)) * select(upstream, v, tiny)) * h.power;
    let left = select(far, h.b * v * upstream, h.b > 1e-18);
    select(left, (0.5 + (0.5 * h.x) * whole_of(i)) * upstream, x >= 0.0)
}

// upstream / (4 sqrt(x^2 + b)).
#[inline(always)]
pub(crate) fn squareplus_parameter(x: Real, upstream: Real, b: Real) -> Real {
    let h = hyperbola(x, b);
    (0.25 * upstream * whole_of(inverse(0.0, h.root.high, h.root.low))) * h.power
}

// x slope + height. Where they cancel the product is the exact sum of four, of which the first three are summed without
// an error.
#[inline(always)]
pub(crate) fn product_sum(x: Real, slope: Real, height: Real) -> Real {
    let c = finite(x);
    let plain = c * slope + height;
    let a = upper(c);
    let b = upper(slope);
    let u = a * (slope - b);
    let v = (c - a) * b;
    let t = kept(u + v);
    let v_in_t = kept(t - u);
    let lost = (u - kept(t - v_in_t)) + (v - v_in_t);
    let whole = (kept(a * b + height) + t) + (lost + (c - a) * (slope - b));
    select(whole, plain, abs(plain) > min(4.0 * abs(height), LARGEST))
}

// The sine of any number, by whole numbers alone: no argument is too large, and the quadrant is exact.

// sin(2z), and sin^2(z) = base + half, the base being 0, 1/2 or 1.
#[derive(Clone, Copy)]
pub(crate) struct Sines {
    pub(crate) of_twice: Real,
    pub(crate) base: Real,
    pub(crate) half: Real,
}

#[inline(always)]
pub(crate) fn square(s: Sines) -> Real {
    s.base + s.half
}

// Three words of 1 / pi, from some bit on.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) first: Bits,
    pub(crate) second: Bits,
    pub(crate) third: Bits,
}

// 1 / pi in 320 bits, behind 64 zeros. `start` is at most 287, so that eight words, four, two and one are left out in turn.
#[inline(always)]
pub(crate) fn window(start: Bits) -> Window {
    let words = start >> Bits(5);
    let by_8 = words > Bits(7);
    let a0 = select(Bits(0), Bits(0xff28b1d5), by_8);
    let a1 = select(Bits(0), Bits(0xef5de2b0), by_8);
    let a2 = select(Bits(0x517cc1b7), Bits(0xdb92371d), by_8);
    let a3 = select(Bits(0x27220a94), Bits(0x2126e970), by_8);
    let by_4 = (words & Bits(4)) > Bits(0);
    let b0 = select(a0, Bits(0xfe13abe8), by_4);
    let b1 = select(a1, Bits(0xfa9a6ee0), by_4);
    let b2 = select(a2, Bits(0x6db14acc), by_4);
    let b3 = select(a3, Bits(0x9e21c820), by_4);
    let b4 = select(Bits(0xfe13abe8), Bits(0xff28b1d5), by_4);
    let b5 = select(Bits(0xfa9a6ee0), Bits(0xef5de2b0), by_4);
    let b6 = select(Bits(0x6db14acc), Bits(0xdb92371d), by_4);
    let by_2 = (words & Bits(2)) > Bits(0);
    let c0 = select(b0, b2, by_2);
    let c1 = select(b1, b3, by_2);
    let c2 = select(b2, b4, by_2);
    let c3 = select(b3, b5, by_2);
    let c4 = select(b4, b6, by_2);
    let by_1 = (words & Bits(1)) > Bits(0);
    let d0 = select(c0, c1, by_1);
    let d1 = select(c1, c2, by_1);
    let d2 = select(c2, c3, by_1);
    let d3 = select(c3, c4, by_1);
    let left = start & Bits(31);
    let right = Bits(31) - left;
    Window {
        first: (d0 << left) | ((d1 >> Bits(1)) >> right),
        second: (d1 << left) | ((d2 >> Bits(1)) >> right),
        third: (d2 << left) | ((d3 >> Bits(1)) >> right),
    }
}

// a's `index`th byte from the top.
#[inline(always)]
pub(crate) fn byte(a: Bits, index: Bits) -> Bits {
    (a >> (Bits(24) - (index << Bits(3)))) & Bits(0xff)
}

// |a b| / pi less its whole part, times 2^32. The product has 48 bits, upper * 2^24 + lower, times 2^(exponents - 300).
#[inline(always)]
pub(crate) fn turns(a: Bits, b: Bits) -> Bits {
    let p = (a & Bits(0x7fffff)) | Bits(0x800000);
    let q = (b & Bits(0x7fffff)) | Bits(0x800000);
    let p1 = p >> Bits(12);
    let p0 = p & Bits(0xfff);
    let q1 = q >> Bits(12);
    let q0 = q & Bits(0xfff);
    let low = p0 * q0;
    let middle = p1 * q0 + p0 * q1 + (low >> Bits(12));
    let upper_part = p1 * q1 + (middle >> Bits(12));
    let lower_part = ((middle & Bits(0xfff)) << Bits(12)) | (low & Bits(0xfff));
    let exponents = ((a >> Bits(23)) & Bits(0xff)) + ((b >> Bits(23)) & Bits(0xff));
    let w = window(exponents - Bits(236));
    // What is above the point falls off by itself. Of what is below 2^-32 bytes are enough, whose products fit.
    let lower_terms = ((lower_part * byte(w.second, Bits(0))) >> Bits(8))
        + ((lower_part * byte(w.second, Bits(1))) >> Bits(16))
        + ((lower_part * byte(w.second, Bits(2))) >> Bits(24));
    let upper_terms = ((upper_part * byte(w.second, Bits(3))) >> Bits(8))
        + ((upper_part * byte(w.third, Bits(0))) >> Bits(16))
        + ((upper_part * byte(w.third, Bits(1))) >> Bits(24));
    let shifted = (w.first << Bits(24)) | (w.second >> Bits(8));
    lower_part * w.first + lower_terms + upper_part * shifted + upper_terms
}

// Those of z = a b, within 1.1e-7 for any a and b; 0 and 1/2, their means, for an infinite a.
#[inline(always)]
pub(crate) fn sines(a: Real, b: Real) -> Sines {
    let near = abs(a * b) < 0.39;
    let all = turns(bits(a), bits(b));
    let nearest = (all + Bits(0x20000000)) >> Bits(30);
    let rest = all - (nearest << Bits(30));
    let negative = rest > Bits(0x7fffffff);
    let far = real(select(rest, Bits(0) - rest, negative)) * 1.46291808e-9;
    // 2z is v and so many quarters of a turn.
    let v = select(select(far, -far, negative), 2.0 * abs(a * b), near);
    let quarters = select(nearest, Bits(0), near);
    // sin v and cos v - 1 (minimax, 4e-9 and 4e-10).
    let w = v * v;
    let s = v + (v * w) * (-0.16666655 + w * (0.008332176 - w * 1.9516978e-4));
    let c = w * (-0.5 + w * (0.041666657 + w * (-0.001388773 + w * 2.447687e-5)));
    let odd = (quarters & Bits(1)) > Bits(0);
    let second_half = quarters > Bits(1);
    let twice = select(s, 1.0 + c, odd);
    let bend = select(-c, s, odd);
    let base = select(select(0.0, 1.0, second_half), 0.5, odd);
    let backwards = second_half != (((bits(a) ^ bits(b)) >> Bits(31)) > Bits(0));
    let infinite = abs(a) > LARGEST;
    Sines {
        of_twice: select(select(twice, -twice, backwards), 0.0, infinite),
        base: select(base, 0.5, infinite),
        half: select(0.5 * select(bend, -bend, second_half), 0.0, infinite),
    }
}

// a b c, of which no product leaves f32's range on the way while that of all is within.
#[inline(always)]
pub(crate) fn product_of_three(a: Real, b: Real, c: Real) -> Real {
    let apart = (abs(b) < 1.0) != (abs(c) < 1.0);
    (b * select(a, c, apart)) * select(c, a, apart)
}
