// A vector of four elements of 16 bits in a buffer: a word of 64 bits.
alias Packed = u64;

fn narrow(vector: Packed) -> vec2<u32> { return vec2<u32>(u32(vector), u32(vector >> 32u)); }
fn wide(words: vec2<u32>) -> Packed { return u64(words.x) | (u64(words.y) << 32u); }

// Two vectors that lie side by side.
alias Pair = vec2<u64>;

fn pair(first: Packed, second: Packed) -> Pair { return vec2<u64>(first, second); }
fn first(vectors: Pair) -> Packed { return vectors.x; }
fn second(vectors: Pair) -> Packed { return vectors.y; }
