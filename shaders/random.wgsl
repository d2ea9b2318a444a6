// Random words from a counter: Threefry-4x32 with 20 rounds (Salmon et al. 2011). It adds, rotates
// and takes exclusive ors, so that every adapter gives the same words.

// The four words of a block: (x0, x2) and the partners they are mixed with.
struct Pairs { a: vec2<u32>, b: vec2<u32> }

fn rotated(word: vec2<u32>, left: vec2<u32>) -> vec2<u32> {
    return (word << left) | (word >> (vec2<u32>(32u) - left));
}

// One round. The partners swap places for the next.
fn mixed(pairs: Pairs, left: vec2<u32>) -> Pairs {
    let a = pairs.a + pairs.b;
    return Pairs(a, (rotated(pairs.b, left) ^ a).yx);
}

// Rounds 1 to 4 of 8.
fn mixed_by_first_four(pairs: Pairs) -> Pairs {
    let one = mixed(pairs, vec2<u32>(10u, 26u));
    let two = mixed(one, vec2<u32>(11u, 21u));
    let three = mixed(two, vec2<u32>(13u, 27u));
    return mixed(three, vec2<u32>(23u, 5u));
}

// Rounds 5 to 8 of 8.
fn mixed_by_last_four(pairs: Pairs) -> Pairs {
    let one = mixed(pairs, vec2<u32>(6u, 20u));
    let two = mixed(one, vec2<u32>(17u, 11u));
    let three = mixed(two, vec2<u32>(25u, 10u));
    return mixed(three, vec2<u32>(18u, 20u));
}

// Adds four words of the key, the last of them with the number of the addition.
fn keyed(pairs: Pairs, key: vec4<u32>, count: u32) -> Pairs {
    return Pairs(pairs.a + key.xz, pairs.b + key.yw + vec2<u32>(0u, count));
}

// The block of `counter` under `key`. Four rounds at a time, then the key, turned by one word.
fn threefry(counter: vec4<u32>, key: vec4<u32>) -> vec4<u32> {
    let parity = 0x1bd11bdau ^ key.x ^ key.y ^ key.z ^ key.w;
    var pairs = keyed(Pairs(counter.xz, counter.yw), key, 0u);
    pairs = keyed(mixed_by_first_four(pairs), vec4<u32>(key.yzw, parity), 1u);
    pairs = keyed(mixed_by_last_four(pairs), vec4<u32>(key.zw, parity, key.x), 2u);
    pairs = keyed(mixed_by_first_four(pairs), vec4<u32>(key.w, parity, key.xy), 3u);
    pairs = keyed(mixed_by_last_four(pairs), vec4<u32>(parity, key.xyz), 4u);
    pairs = keyed(mixed_by_first_four(pairs), key, 5u);
    return vec4<u32>(pairs.a.x, pairs.b.x, pairs.a.y, pairs.b.y);
}

// The counter `vectors` after `start`, a number of 64 bits with its low word first.
fn counter_after(start: vec2<u32>, vectors: u32) -> vec4<u32> {
    let low = start.x + vectors;
    return vec4<u32>(low, start.y + select(0u, 1u, low < vectors), 0u, 0u);
}
