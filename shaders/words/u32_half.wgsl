// A vector of four elements of 16 bits in a buffer: two words of 32 bits.
alias Packed = vec2<u32>;

fn narrow(vector: Packed) -> vec2<u32> { return vector; }
fn wide(words: vec2<u32>) -> Packed { return words; }
