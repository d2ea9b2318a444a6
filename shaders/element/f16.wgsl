// f16: four lanes are two words, the lower half first.

// By bits, since adapters need not have unpack2x16float.
fn unpack(vector: Packed) -> vec4<f32> { return unpack_words(narrow(vector)); }

fn unpack_words(word: vec2<u32>) -> vec4<f32> {
    let half = vec4<u32>(word.x & 0xffffu, word.x >> 16u, word.y & 0xffffu, word.y >> 16u);
    let magnitude = (half & vec4<u32>(0x7fffu)) << vec4<u32>(13u);
    // Move the exponent's bias from 15 to 127; infinity and NaN have all bits set in either.
    let special = magnitude >= vec4<u32>(0x0f800000u);
    let normal = magnitude + select(vec4<u32>(0x38000000u), vec4<u32>(0x70000000u), special);
    // Subnormal: a multiple of 2^-24, on top of 2^-14.
    let subnormal = bitcast<vec4<u32>>(bitcast<vec4<f32>>(magnitude + 0x38800000u) - 6.103515625e-5);
    let bits = select(normal, subnormal, magnitude < vec4<u32>(0x00800000u));
    return bitcast<vec4<f32>>(bits | ((half & vec4<u32>(0x8000u)) << vec4<u32>(16u)));
}
// To nearest, ties to even. By bits, since what pack2x16float gives beyond 65504 is left open, and
// SwiftShader (5.0) gives NaN there, for infinity too.
fn pack(lanes: vec4<f32>) -> Packed {
    let bits = bitcast<vec4<u32>>(lanes);
    let magnitude = bits & vec4<u32>(0x7fffffffu);
    let sign = (bits >> vec4<u32>(16u)) & vec4<u32>(0x8000u);
    // Normal: move the exponent's bias from 127 to 15 and round; carries reach infinity by itself.
    let odd = (magnitude >> vec4<u32>(13u)) & vec4<u32>(1u);
    let normal = (magnitude - 0x38000000u + 0xfffu + odd) >> vec4<u32>(13u);
    // Subnormal: adding 0.5 rounds to multiples of 2^-24.
    let subnormal = bitcast<vec4<u32>>(bitcast<vec4<f32>>(magnitude) + 0.5) - 0x3f000000u;
    let number = select(normal, subnormal, magnitude < vec4<u32>(0x38800000u));
    let special = select(vec4<u32>(0x7c00u), vec4<u32>(0x7e00u), magnitude > vec4<u32>(0x7f800000u));
    let half = sign | select(number, special, magnitude >= vec4<u32>(0x47800000u));
    return wide(half.xz | (half.yw << vec2<u32>(16u)));
}

// The bits of the first `count` lanes.
fn lane_mask(count: u32) -> Packed {
    let low = select(vec2<u32>(0u), vec2<u32>(0xffffu), vec2<u32>(0u, 2u) < vec2<u32>(count));
    let high = select(vec2<u32>(0u), vec2<u32>(0xffff0000u), vec2<u32>(1u, 3u) < vec2<u32>(count));
    return wide(low | high);
}

// For access by the element: the word that holds it, and its value.
fn word_of(element: u32) -> u32 { return element / 2u; }
fn lane_of(word: u32, element: u32) -> f32 {
    let lanes = unpack_words(vec2<u32>(word, 0u));
    return select(lanes.x, lanes.y, (element & 1u) == 1u);
}

// Elements as they are stored, each at the top of a word: to be moved, and compared by bits.
const INFINITY: u32 = 0x7c000000u;
fn stored(vector: Packed) -> vec4<u32> {
    let word = narrow(vector);
    return vec4<u32>(word.x << 16u, word.x & 0xffff0000u, word.y << 16u, word.y & 0xffff0000u);
}
fn from_stored(lanes: vec4<u32>) -> Packed {
    return wide((lanes.xz >> vec2<u32>(16u)) | (lanes.yw & vec2<u32>(0xffff0000u)));
}
fn stored_at(word: u32, element: u32) -> u32 { return select(word << 16u, word & 0xffff0000u, (element & 1u) == 1u); }
