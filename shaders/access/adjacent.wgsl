// A thread's two vectors lie side by side, and are loaded and stored as one, whole tiles alone: on llvmpipe,
// where a load is a loop over threads, relu takes 0.6 of the time (Mesa 22.3).
@group(0) @binding(0) var<storage, read> x: array<Pair>;             // [length]
@group(0) @binding(1) var<storage, read> upstream: array<Pair>;      // [length]
@group(0) @binding(2) var<storage, read_write> output: array<Pair>;  // [length]

fn vectors_of(place: Place) -> vec2<u32> {
    let first = 2u * (tile_of(place) * WORKGROUP + place.thread);
    return vec2<u32>(first, first + 1u);
}

fn two(vectors: Pair) -> Two { return Two(first(vectors), second(vectors)); }

fn x_at(at: vec2<u32>) -> Two { return two(x[at.x / 2u]); }
fn upstream_at(at: vec2<u32>) -> Two { return two(upstream[at.x / 2u]); }
fn output_at(at: vec2<u32>) -> Two { return two(output[at.x / 2u]); }

fn store(at: vec2<u32>, lanes: Two) { output[at.x / 2u] = pair(lanes.a, lanes.b); }
