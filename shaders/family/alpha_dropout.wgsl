// Alpha dropout: y = a x + b where an element is kept and one value where it is dropped;
// dx = a upstream where it is kept and 0 where it is dropped. Which elements are dropped follows from
// the seed and the element's place alone, so that the backward pass draws them again.
//
// Over tiles. A vector of four lanes takes one block of four random words; its number among the vectors of the
// whole tensor is the counter.
//
// Its arguments are `DropoutArguments` of src/family/alpha_dropout/shader.rs.

// Keeps the words of other uses of a seed apart.
const STREAM: u32 = 1u;

fn words_at(vector: u32) -> vec4<u32> {
    let counter = counter_after(vec2<u32>(arguments.start_low, arguments.start_high), vector);
    return threefry(counter, vec4<u32>(arguments.seed_low, arguments.seed_high, STREAM, 0u));
}

// Infinities and NaN stay what they are: a > 0.
fn kept_lane(x: f32) -> f32 { return select(arguments.a * x + arguments.b, x, is_special(x)); }

fn forward_lane(x: f32, word: u32) -> f32 {
    return select(kept_lane(x), arguments.dropped, word < arguments.threshold);
}

fn forward_vector(packed_x: Packed, vector: u32) -> Packed {
    if arguments.threshold == 0u { return packed_x; }
    let x = unpack(packed_x);
    let words = words_at(vector);
    return pack(vec4<f32>(
        forward_lane(x.x, words.x), forward_lane(x.y, words.y),
        forward_lane(x.z, words.z), forward_lane(x.w, words.w),
    ));
}

fn backward_lane(upstream: f32, word: u32) -> f32 {
    let kept = select(arguments.a * upstream, upstream, is_special(upstream));
    return select(kept, 0.0, word < arguments.threshold);
}

fn backward_vector(packed_upstream: Packed, vector: u32) -> Packed {
    if arguments.threshold == 0u { return packed_upstream; }
    let g = unpack(packed_upstream);
    let words = words_at(vector);
    return pack(vec4<f32>(
        backward_lane(g.x, words.x), backward_lane(g.y, words.y),
        backward_lane(g.z, words.z), backward_lane(g.w, words.w),
    ));
}

fn forward_two(x: Two, at: vec2<u32>) -> Two { return Two(forward_vector(x.a, at.x), forward_vector(x.b, at.y)); }

fn backward_two(upstream: Two, at: vec2<u32>) -> Two {
    return Two(backward_vector(upstream.a, at.x), backward_vector(upstream.b, at.y));
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let at = vectors_of(place);
    store(at, forward_two(x_at(at), at));
}

@compute @workgroup_size(WORKGROUP)
fn forward_in_place(place: Place) {
    let at = vectors_of(place);
    store(at, forward_two(output_at(at), at));
}

@compute @workgroup_size(WORKGROUP)
fn backward_pass(place: Place) {
    let at = vectors_of(place);
    store(at, backward_two(upstream_at(at), at));
}

// The output holds the upstream gradient and receives dx.
@compute @workgroup_size(WORKGROUP)
fn backward_in_place(place: Place) {
    let at = vectors_of(place);
    store(at, backward_two(output_at(at), at));
}
