// f16: four lanes are two words, the lower half first.
alias Packed = vec2<u32>;

fn unpack(word: Packed) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(word.x), unpack2x16float(word.y));
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
    let finite = select(normal, subnormal, magnitude < vec4<u32>(0x38800000u));
    let special = select(vec4<u32>(0x7c00u), vec4<u32>(0x7e00u), magnitude > vec4<u32>(0x7f800000u));
    let half = sign | select(finite, special, magnitude >= vec4<u32>(0x47800000u));
    return half.xz | (half.yw << vec2<u32>(16u));
}

// The bits of the first `count` lanes.
fn lane_mask(count: u32) -> Packed {
    let low = select(vec2<u32>(0u), vec2<u32>(0xffffu), vec2<u32>(0u, 2u) < vec2<u32>(count));
    let high = select(vec2<u32>(0u), vec2<u32>(0xffff0000u), vec2<u32>(1u, 3u) < vec2<u32>(count));
    return low | high;
}

// For access by the element: the word that holds it, and its value.
fn word_of(element: u32) -> u32 { return element / 2u; }
fn lane_of(word: u32, element: u32) -> f32 {
    let lanes = unpack2x16float(word);
    return select(lanes.x, lanes.y, (element & 1u) == 1u);
}
