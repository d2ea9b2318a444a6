// Two more tensors of the vectors that `adjacent.wgsl` gives a thread.
@group(0) @binding(4) var<storage, read> third: array<Pair>;                // [length]
@group(0) @binding(5) var<storage, read_write> second_output: array<Pair>;  // [length]

fn third_at(at: vec2<u32>) -> Two { return two(third[at.x / 2u]); }
fn store_second(at: vec2<u32>, lanes: Two) { second_output[at.x / 2u] = pair(lanes.a, lanes.b); }
