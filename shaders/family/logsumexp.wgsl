// Log-sum-exp along an axis: y = m + ln(1 + s), s the sum of e^(x - m) over all elements but one of the largest, m.
// dx = g e^(x - m) / (1 + s). The tensor is seen as [outer, extent, inner], each row lying along the middle.
//
// `sum` cuts each row into splits that interleave, so that neighbouring threads read neighbouring elements, and
// `sum_vectors` does so where rows are whole vectors; `finish` merges a row's parts and finds what its results need;
// `forward` and `backward` write whole vectors of four results.
//
// Its arguments are `LogSumExpArguments` of src/family/logsumexp/shader.rs.

const BLOCK: u32 = 32u; // terms summed at a time, so that rounding errors stay few

override WORKGROUP: u32 = 64u;

// The largest element of a row's part, and the sum of the exponentials of all but one of the largest, under the shift
// for it.
struct Part { most: f32, rest: f32, nan: u32 }

// A row's largest element and result, and what turns exponentials under its shift into shares, NaN where there are none.
struct Row { most: f32, y: f32, scale: f32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;             // [outer, extent, inner], packed
@group(0) @binding(1) var<storage, read_write> parts: array<Part>;  // [outer, splits, inner]
@group(0) @binding(2) var<storage, read_write> rows: array<Row>;    // [outer, inner]
@group(0) @binding(3) var<storage, read> upstream: array<u32>;      // [outer, inner], packed
@group(0) @binding(4) var<storage, read> x_vectors: array<Packed>;  // [outer, extent, inner]
@group(0) @binding(5) var<storage, read_write> output: array<Packed>; // as upstream, or as x

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn thread_index(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
}

// What the largest element adds to such a sum.
fn top_of(most: f32) -> f32 { return exp_shifted(most, shift_for(most), 1.0); }

@compute @workgroup_size(WORKGROUP)
fn sum(place: Place) {
    let index = thread_index(place);
    if index >= arguments.outer * arguments.splits * arguments.inner { return; }
    let split = index / arguments.inner % arguments.splits;
    let outer = index / arguments.inner / arguments.splits;
    let start = arguments.skip + outer * arguments.extent * arguments.inner + index % arguments.inner;

    let first = start + split * arguments.inner;
    var most = lane_of(x[word_of(first)], first);
    var equal = 0.0; // elements that equal the largest
    var nan = 0u;
    for (var i = split; i < arguments.extent; i += arguments.splits) {
        let at = start + i * arguments.inner;
        let element = lane_of(x[word_of(at)], at);
        nan |= select(0u, 1u, is_nan(element));
        equal = select(equal, 0.0, element > most) + select(0.0, 1.0, element >= most);
        most = max(most, element);
    }
    let shift = shift_for(most);
    var rest = (equal - 1.0) * top_of(most);
    for (var block = split; block < arguments.extent; block += BLOCK * arguments.splits) {
        var terms = 0.0;
        for (var i = block; i < min(block + BLOCK * arguments.splits, arguments.extent); i += arguments.splits) {
            let at = start + i * arguments.inner;
            let element = lane_of(x[word_of(at)], at);
            terms += select(0.0, exp_shifted(element, shift, 1.0), element != most);
        }
        rest += terms;
    }
    parts[index] = Part(most, rest, nan);
}

@compute @workgroup_size(WORKGROUP)
fn sum_vectors(place: Place) {
    let index = thread_index(place);
    if index >= arguments.outer * arguments.splits { return; }
    let outer = index / arguments.splits;
    let split = index - outer * arguments.splits;
    let vectors = arguments.extent / 4u;
    let start = arguments.skip / 4u + outer * vectors;

    var most_of_lanes = unpack(x_vectors[start + split]);
    var equal_of_lanes = vec4<f32>(0.0);
    var nan = 0u;
    for (var i = split; i < vectors; i += arguments.splits) {
        let lanes = unpack(x_vectors[start + i]);
        nan |= select(0u, 1u, is_nan(lanes.x) || is_nan(lanes.y) || is_nan(lanes.z) || is_nan(lanes.w));
        let counted = select(equal_of_lanes, vec4<f32>(0.0), lanes > most_of_lanes);
        equal_of_lanes = counted + select(vec4<f32>(0.0), vec4<f32>(1.0), lanes >= most_of_lanes);
        most_of_lanes = max(most_of_lanes, lanes);
    }
    let most = max(max(most_of_lanes.x, most_of_lanes.y), max(most_of_lanes.z, most_of_lanes.w));
    let equal = dot(equal_of_lanes, select(vec4<f32>(0.0), vec4<f32>(1.0), most_of_lanes == vec4<f32>(most)));
    let shift = shift_for(most);
    var rest = (equal - 1.0) * top_of(most);
    for (var block = split; block < vectors; block += BLOCK * arguments.splits) {
        var terms = vec4<f32>(0.0);
        for (var i = block; i < min(block + BLOCK * arguments.splits, vectors); i += arguments.splits) {
            let lanes = unpack(x_vectors[start + i]);
            let exponentials = vec4<f32>(
                exp_shifted(lanes.x, shift, 1.0), exp_shifted(lanes.y, shift, 1.0),
                exp_shifted(lanes.z, shift, 1.0), exp_shifted(lanes.w, shift, 1.0),
            );
            terms += select(vec4<f32>(0.0), exponentials, lanes != vec4<f32>(most));
        }
        rest += (terms.x + terms.y) + (terms.z + terms.w);
    }
    parts[index] = Part(most, rest, nan);
}

// What turns a sum under one shift into one under another.
fn rescaling(before: Shift, after: Shift) -> f32 {
    return exp_shifted(before.offset, Shift(after.offset, after.exponent - before.exponent), 1.0);
}

fn merged(a: Part, b: Part) -> Part {
    let a_first = a.most >= b.most;
    let most = select(b.most, a.most, a_first);
    let low = select(a.most, b.most, a_first);
    let rest = select(vec2<f32>(b.rest, a.rest), vec2<f32>(a.rest, b.rest), a_first);
    let factor = rescaling(shift_for(low), shift_for(most));
    return Part(most, rest.x + factor * (rest.y + top_of(low)), a.nan | b.nan);
}

// NaN by bits, which compilers may assume does not occur.
fn row_of(part: Part) -> Row {
    let top = top_of(part.most);
    let special = is_special(part.most);
    let nan = bitcast<f32>(0x7fc00000u | part.nan);
    return Row(
        part.most,
        select(select(part.most + log1pf(part.rest / top), part.most, special), nan, part.nan != 0u),
        select(1.0 / (part.rest + top), nan, part.nan != 0u || special),
    );
}

@compute @workgroup_size(WORKGROUP)
fn finish(place: Place) {
    let index = thread_index(place);
    if index >= arguments.outer * arguments.inner { return; }
    let first = index / arguments.inner * arguments.splits * arguments.inner + index % arguments.inner;
    var all = parts[first];
    for (var split = 1u; split < arguments.splits; split++) {
        all = merged(all, parts[first + split * arguments.inner]);
    }
    rows[index] = row_of(all);
}

fn backward_lane(x: f32, g: f32, row: Row) -> f32 {
    return select(exp_shifted(x, shift_for(row.most), row.scale) * g, row.scale, is_nan(row.scale));
}

fn backward_at(x: f32, lies: Lies) -> f32 {
    let row = row_at(lies);
    let at = arguments.row_skip + row;
    return backward_lane(x, lane_of(upstream[word_of(at)], at), rows[row]);
}

// Writes those lanes of a vector that are among `count` elements behind `skip`: others may be a neighbour's.
fn store(vector: u32, skip: u32, count: u32, lanes: vec4<f32>) {
    let first = vector * 4u;
    let mask = lane_mask(min(skip + count - first, 4u)) & ~lane_mask(max(skip, first) - first);
    output[vector] = (pack(lanes) & mask) | (output[vector] & ~mask);
}

@compute @workgroup_size(WORKGROUP)
fn forward(place: Place) {
    let skip = arguments.row_skip;
    let count = arguments.outer * arguments.inner;
    let vector = skip / 4u + thread_index(place);
    if vector * 4u >= skip + count { return; }
    var y = vec4<f32>(0.0);
    for (var lane = 0u; lane < 4u; lane++) {
        let row = vector * 4u + lane;
        if row >= skip && row < skip + count { y[lane] = rows[row - skip].y; }
    }
    store(vector, skip, count, y);
}

@compute @workgroup_size(WORKGROUP)
fn backward(place: Place) {
    let skip = arguments.skip;
    let count = arguments.outer * arguments.extent * arguments.inner;
    let vector = skip / 4u + thread_index(place);
    if vector * 4u >= skip + count { return; }
    let lanes = unpack(x_vectors[vector]);
    let at = lies_of(vector);
    let dx = vec4<f32>(
        backward_at(lanes.x, at.x), backward_at(lanes.y, at.y), backward_at(lanes.z, at.z), backward_at(lanes.w, at.w),
    );
    store(vector, skip, count, dx);
}
