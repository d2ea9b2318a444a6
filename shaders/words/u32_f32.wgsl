// A vector of four f32 in a buffer: four words of 32 bits.
alias Packed = vec4<u32>;

fn narrow(vector: Packed) -> vec4<u32> { return vector; }
fn wide(words: vec4<u32>) -> Packed { return words; }
