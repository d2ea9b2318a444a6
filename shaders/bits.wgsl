// What arithmetic cannot be trusted with, by bits: compilers may assume that NaN does not occur.

const LARGEST: f32 = 3.40282346e38;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// Whether x is infinite or NaN.
fn is_special(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u; }

// x with infinities replaced by the largest finite values, so that 0 x is 0.
fn finite(x: f32) -> f32 { return clamp(x, -LARGEST, LARGEST); }

// min(abs(x), limit) for limit > 0; the limit where x is NaN. Two instructions, where the builtin min
// takes more to treat NaN as promised.
fn magnitude(x: f32, limit: f32) -> f32 {
    return bitcast<f32>(min(bitcast<u32>(x) & 0x7fffffffu, bitcast<u32>(limit)));
}

// value >= 0 with the sign of x.
fn with_sign(value: f32, x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(value) | (bitcast<u32>(x) & 0x80000000u));
}
