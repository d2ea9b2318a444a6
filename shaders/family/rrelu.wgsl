// Randomised leaky ReLU: x where it is above 0, else slope x, with a slope for each element. It follows from the seed and the
// element's place alone, so that the backward pass draws it again.
//
// Over tiles. A vector of four lanes takes one block of four random words; its number among the vectors of the
// whole tensor is the counter.
//
// Its arguments are `RreluArguments` of src/family/rrelu/shader.rs.

// Keeps the words of other uses of a seed apart.
const STREAM: u32 = 3u;

// From the lowest slope up, by the upper 24 bits of a word.
fn slopes_at(vector: u32) -> vec4<f32> {
    if arguments.span == 0.0 { return vec4<f32>(arguments.lower); }
    let counter = counter_after(vec2<u32>(arguments.start_low, arguments.start_high), vector);
    let words = threefry(counter, vec4<u32>(arguments.seed_low, arguments.seed_high, STREAM, 0u));
    return arguments.lower + arguments.span * (vec4<f32>(words >> vec4<u32>(8u)) * 5.9604645e-8);
}

// A slope of 0 makes 0 of infinity, too.
fn sloped(factor: f32, slope: f32) -> f32 { return slope * select(factor, finite(factor), slope == 0.0); }

fn lane(x: f32, factor: f32, slope: f32) -> f32 {
    let y = select(sloped(factor, slope), factor, x > 0.0);
    return select(select(y, factor, is_nan(factor)), x, is_nan(x));
}

// Of x itself in the forward pass, of upstream on the way back.
fn vector_of(packed_x: Packed, packed_factor: Packed, vector: u32) -> Packed {
    let x = unpack(packed_x);
    let factor = unpack(packed_factor);
    let slopes = slopes_at(vector);
    return pack(vec4<f32>(
        lane(x.x, factor.x, slopes.x), lane(x.y, factor.y, slopes.y),
        lane(x.z, factor.z, slopes.z), lane(x.w, factor.w, slopes.w),
    ));
}

fn both(x: Two, factor: Two, at: vec2<u32>) -> Two {
    return Two(vector_of(x.a, factor.a, at.x), vector_of(x.b, factor.b, at.y));
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let at = vectors_of(place);
    let x = x_at(at);
    store(at, both(x, x, at));
}

@compute @workgroup_size(WORKGROUP)
fn forward_in_place(place: Place) {
    let at = vectors_of(place);
    let x = output_at(at);
    store(at, both(x, x, at));
}

@compute @workgroup_size(WORKGROUP)
fn backward_pass(place: Place) {
    let at = vectors_of(place);
    store(at, both(x_at(at), upstream_at(at), at));
}

// The output holds the upstream gradient and receives dx.
@compute @workgroup_size(WORKGROUP)
fn backward_in_place(place: Place) {
    let at = vectors_of(place);
    store(at, both(x_at(at), output_at(at), at));
}
