// Softmax backward: upstream gradients, shaped like x, element by element and as vectors.

@group(0) @binding(1) var<storage, read> upstream: array<u32>;            // packed
@group(0) @binding(5) var<storage, read> upstream_vectors: array<Packed>;

fn upstream_lane(element: u32) -> f32 { return lane_of(upstream[word_of(element)], element); }
fn upstream_vector(vector: u32) -> vec4<f32> { return unpack(upstream_vectors[vector]); }
