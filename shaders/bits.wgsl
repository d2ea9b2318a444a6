// What both maths share. First what arithmetic cannot be trusted with, by bits: compilers may assume that NaN does not
// occur.

const LARGEST: f32 = 3.40282346e38;

fn is_nan(x: Real) -> Bool { return (bitcast<Bits>(x) & Bits(0x7fffffffu)) > Bits(0x7f800000u); }

// Whether x is infinite or NaN.
fn is_special(x: Real) -> Bool { return (bitcast<Bits>(x) & Bits(0x7f800000u)) == Bits(0x7f800000u); }

// x with infinities replaced by the largest finite values, so that 0 x is 0.
fn finite(x: Real) -> Real { return clamp(x, Real(-LARGEST), Real(LARGEST)); }

// min(abs(x), limit) for limit > 0; the limit where x is NaN. Two instructions, where the builtin min
// takes more to treat NaN as promised.
fn magnitude(x: Real, limit: Real) -> Real {
    return bitcast<Real>(min(bitcast<Bits>(x) & Bits(0x7fffffffu), bitcast<Bits>(limit)));
}

// x, and no compiler looks behind it: Mesa 22.3 would merge sums and products with those around them, and round elsewhere;
// NVIDIA's driver 580 multiplies equal factors and constants by each other first, which may leave f32's range.
fn kept(x: Real) -> Real { return bitcast<Real>(min(bitcast<Bits>(x), Bits(0xfffffffeu))); }

// value >= 0 with the sign of x.
fn with_sign(value: Real, x: Real) -> Real {
    return bitcast<Real>(bitcast<Bits>(value) | (bitcast<Bits>(x) & Bits(0x80000000u)));
}

// c and upstream as what an exponential is multiplied by at first and at last: a small c would make it underflow, whose
// upstream may be large.
struct FirstAndLast { first: Real, last: Real }
fn least_first(c: Real, upstream: Real) -> FirstAndLast {
    let small = abs(c) < Real(1.0);
    return FirstAndLast(select(c, c * upstream, small), select(upstream, Real(1.0), small));
}

// c and upstream as what a share is multiplied by at first and at last: a c that enlarges would leave f32's range
// before the share makes it small, unless upstream is small.
fn enlarging_last(c: Real, upstream: Real) -> FirstAndLast {
    let enlarges = min(abs(c), abs(upstream)) > Real(1.0);
    return FirstAndLast(select(c * upstream, upstream, enlarges), select(Real(1.0), c, enlarges));
}
