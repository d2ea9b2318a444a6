// Sparsemax and hardmax along an axis. Sparsemax is the point of the simplex that is nearest to the row: y = max(x - m - t, 0),
// m the largest element and t the threshold below it that makes the sum 1. Hardmax is 1 at the first of the largest.
//
// The tensor is seen as [outer, extent, inner], each row lying along the middle. A workgroup finds what is known of a row;
// then whole vectors of four results are written.
//
// Its arguments are `SparsemaxArguments` of src/family/sparsemax/shader.rs.

const BLOCK: u32 = 32u; // terms summed at a time, so that rounding errors stay few

override WORKGROUP: u32 = 64u;

// The largest element, the first place that has it, the threshold below it and the mean of the upstream gradients
// above that. The threshold is NaN where all results are, the mean where no gradient is a number.
struct Row { most: f32, first: u32, threshold: f32, mean: f32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;               // [outer, extent, inner], packed
@group(0) @binding(1) var<storage, read> upstream: array<u32>;        // as x
@group(0) @binding(2) var<storage, read_write> rows: array<Row>;      // [outer, inner]
@group(0) @binding(3) var<storage, read> x_vectors: array<Packed>;    // as x
@group(0) @binding(4) var<storage, read> upstream_vectors: array<Packed>;
@group(0) @binding(5) var<storage, read_write> output: array<Packed>;

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// What threads know, one after another.
struct Known { most: f32, first: u32, nan: u32 }

var<workgroup> largest: array<Known, 256>;
var<workgroup> sums: array<vec2<f32>, 256>;
var<workgroup> decided: Row;
var<workgroup> goes_on: u32;

// Workgroups fold into two dimensions past 65,535.
fn workgroup_index(place: Place) -> u32 {
    return place.workgroup.y * place.workgroups.x + place.workgroup.x;
}

fn rows_len() -> u32 { return arguments.outer * arguments.inner; }

fn start_of(row: u32) -> u32 {
    return arguments.skip + row / arguments.inner * arguments.extent * arguments.inner + row % arguments.inner;
}

fn element(start: u32, place: u32) -> f32 {
    let at = start + place * arguments.inner;
    return lane_of(x[word_of(at)], at);
}

fn gradient(start: u32, place: u32) -> f32 {
    let at = start + place * arguments.inner;
    return lane_of(upstream[word_of(at)], at);
}

fn larger(a: Known, b: Known) -> Known {
    let b_first = b.most > a.most || (b.most == a.most && b.first < a.first);
    return Known(select(a.most, b.most, b_first), select(a.first, b.first, b_first), a.nan | b.nan);
}

// What is known of the largest element of a row, in all threads.
fn largest_of(start: u32, thread: u32) -> Known {
    var own = Known(-LARGEST, 0xffffffffu, 0u);
    for (var i = thread; i < arguments.extent; i += WORKGROUP) {
        let value = element(start, i);
        own = larger(own, Known(value, i, select(0u, 1u, is_nan(value))));
        // -infinity is the largest where there is nothing else.
        if own.first == 0xffffffffu { own = Known(value, i, own.nan); }
    }
    largest[thread] = own;
    workgroupBarrier();
    for (var apart = WORKGROUP / 2u; apart > 0u; apart /= 2u) {
        if thread < apart && largest[thread + apart].first != 0xffffffffu {
            largest[thread] = larger(largest[thread], largest[thread + apart]);
        }
        workgroupBarrier();
    }
    return largest[0];
}

// The sums of two numbers over all threads, for the first.
fn summed(own: vec2<f32>, thread: u32) -> vec2<f32> {
    workgroupBarrier();
    sums[thread] = own;
    workgroupBarrier();
    for (var apart = WORKGROUP / 2u; apart > 0u; apart /= 2u) {
        if thread < apart { sums[thread] += sums[thread + apart]; }
        workgroupBarrier();
    }
    return sums[0];
}

fn above_threshold(x: f32, row: Row) -> f32 { return (x - row.most) - row.threshold; }

// Over the elements above the threshold: their sum above it, and how many there are.
fn sum_above(start: u32, row: Row, thread: u32) -> vec2<f32> {
    var all = vec2<f32>(0.0);
    for (var block = thread; block < arguments.extent; block += BLOCK * WORKGROUP) {
        var terms = vec2<f32>(0.0);
        for (var i = block; i < min(block + BLOCK * WORKGROUP, arguments.extent); i += WORKGROUP) {
            let above = above_threshold(element(start, i), row);
            if above > 0.0 { terms += vec2<f32>(above, 1.0); }
        }
        all += terms;
    }
    return summed(all, thread);
}

// The same with the sum of their gradients.
fn gradients_above(start: u32, row: Row, thread: u32) -> vec2<f32> {
    var all = vec2<f32>(0.0);
    for (var block = thread; block < arguments.extent; block += BLOCK * WORKGROUP) {
        var terms = vec2<f32>(0.0);
        for (var i = block; i < min(block + BLOCK * WORKGROUP, arguments.extent); i += WORKGROUP) {
            if above_threshold(element(start, i), row) > 0.0 { terms += vec2<f32>(gradient(start, i), 1.0); }
        }
        all += terms;
    }
    return summed(all, thread);
}

// The threshold from below, where too much is above it: raised by what is too much, until none falls below. What a
// quotient is off by the next step makes up for.
fn sparse_row(start: u32, thread: u32) -> Row {
    let known = largest_of(start, thread);
    if thread == 0u {
        let special = known.nan != 0u || is_special(known.most);
        decided = Row(known.most, known.first, select(-1.0, bitcast<f32>(0x7fc00000u | known.nan), special), 0.0);
        goes_on = select(1u, 0u, special);
    }
    var before = 4e9;
    for (;;) {
        if workgroupUniformLoad(&goes_on) == 0u { break; }
        let row = workgroupUniformLoad(&decided);
        let sum = sum_above(start, row, thread);
        if thread == 0u {
            decided.threshold += (sum.x - 1.0) / sum.y;
            goes_on = select(0u, 1u, sum.y < before);
            before = sum.y;
        }
    }
    return workgroupUniformLoad(&decided);
}

@compute @workgroup_size(WORKGROUP)
fn hard_rows(place: Place) {
    let index = workgroup_index(place);
    if index >= rows_len() { return; }
    let known = largest_of(start_of(index), place.thread);
    if place.thread == 0u {
        let nan = bitcast<f32>(0x7fc00000u | known.nan);
        rows[index] = Row(known.most, known.first, select(0.0, nan, known.nan != 0u), 0.0);
    }
}

@compute @workgroup_size(WORKGROUP)
fn sparse_rows(place: Place) {
    let index = workgroup_index(place);
    if index >= rows_len() { return; }
    let row = sparse_row(start_of(index), place.thread);
    if place.thread == 0u { rows[index] = row; }
}

@compute @workgroup_size(WORKGROUP)
fn sparse_rows_backward(place: Place) {
    let index = workgroup_index(place);
    if index >= rows_len() { return; }
    let start = start_of(index);
    var row = sparse_row(start, place.thread);
    let sum = gradients_above(start, row, place.thread);
    if place.thread == 0u {
        row.mean = sum.x / max(sum.y, 1.0);
        rows[index] = row;
    }
}

fn elements_len() -> u32 { return arguments.outer * arguments.extent * arguments.inner; }

// The vector that a thread writes; beyond the last one where there is none for it.
fn vector_of(place: Place) -> u32 { return arguments.skip / 4u + workgroup_index(place) * WORKGROUP + place.thread; }

fn is_beyond(vector: u32) -> bool { return vector * 4u >= arguments.skip + elements_len(); }

// Writes those lanes of a vector that are among the elements: others may be a neighbour's.
fn store(vector: u32, lanes: vec4<f32>) {
    let first = vector * 4u;
    let end = arguments.skip + elements_len();
    let mask = lane_mask(min(end - first, 4u)) & ~lane_mask(max(arguments.skip, first) - first);
    output[vector] = (pack(lanes) & mask) | (output[vector] & ~mask);
}

// What is NaN throughout the row, else a number.
fn unless_nan(value: f32, row: Row) -> f32 { return select(value, row.threshold, is_nan(row.threshold)); }

fn hard_lane(lies: Lies) -> f32 {
    let row = rows[row_at(lies)];
    return unless_nan(select(0.0, 1.0, lies.place == row.first), row);
}

fn hard_gradient_lane(lies: Lies) -> f32 { return unless_nan(0.0, rows[row_at(lies)]); }

fn sparse_lane(x: f32, lies: Lies) -> f32 {
    let row = rows[row_at(lies)];
    return unless_nan(max(above_threshold(x, row), 0.0), row);
}

fn sparse_gradient_lane(x: f32, upstream: f32, lies: Lies) -> f32 {
    let row = rows[row_at(lies)];
    return unless_nan(select(0.0, upstream - row.mean, above_threshold(x, row) > 0.0), row);
}

@compute @workgroup_size(WORKGROUP)
fn hard(place: Place) {
    let vector = vector_of(place);
    if is_beyond(vector) { return; }
    let at = lies_of(vector);
    store(vector, vec4<f32>(hard_lane(at.x), hard_lane(at.y), hard_lane(at.z), hard_lane(at.w)));
}

@compute @workgroup_size(WORKGROUP)
fn hard_backward(place: Place) {
    let vector = vector_of(place);
    if is_beyond(vector) { return; }
    let at = lies_of(vector);
    store(vector, vec4<f32>(
        hard_gradient_lane(at.x), hard_gradient_lane(at.y), hard_gradient_lane(at.z), hard_gradient_lane(at.w),
    ));
}

@compute @workgroup_size(WORKGROUP)
fn sparse(place: Place) {
    let vector = vector_of(place);
    if is_beyond(vector) { return; }
    let lanes = unpack(x_vectors[vector]);
    let at = lies_of(vector);
    store(vector, vec4<f32>(
        sparse_lane(lanes.x, at.x), sparse_lane(lanes.y, at.y), sparse_lane(lanes.z, at.z), sparse_lane(lanes.w, at.w),
    ));
}

@compute @workgroup_size(WORKGROUP)
fn sparse_backward(place: Place) {
    let vector = vector_of(place);
    if is_beyond(vector) { return; }
    let lanes = unpack(x_vectors[vector]);
    let g = unpack(upstream_vectors[vector]);
    let at = lies_of(vector);
    store(vector, vec4<f32>(
        sparse_gradient_lane(lanes.x, g.x, at.x), sparse_gradient_lane(lanes.y, g.y, at.y),
        sparse_gradient_lane(lanes.z, g.z, at.z), sparse_gradient_lane(lanes.w, g.w, at.w),
    ));
}
