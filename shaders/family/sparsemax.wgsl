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

fn over(start: u32, place: u32, row: Row) -> f32 { return (element(start, place) - row.most) - row.threshold; }

// Over the elements above the threshold: their sum above it, and how many there are.
fn sum_above(start: u32, row: Row, thread: u32) -> vec2<f32> {
    var all = vec2<f32>(0.0);
    for (var block = thread; block < arguments.extent; block += BLOCK * WORKGROUP) {
        var terms = vec2<f32>(0.0);
        for (var i = block; i < min(block + BLOCK * WORKGROUP, arguments.extent); i += WORKGROUP) {
            let above = over(start, i, row);
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
            if over(start, i, row) > 0.0 { terms += vec2<f32>(gradient(start, i), 1.0); }
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

// Writes those lanes of a vector that are among `count` elements behind `skip`: others may be a neighbour's.
fn store(vector: u32, count: u32, lanes: vec4<f32>) {
    let skip = arguments.skip;
    let first = vector * 4u;
    let mask = lane_mask(min(skip + count - first, 4u)) & ~lane_mask(max(skip, first) - first);
    output[vector] = (pack(lanes) & mask) | (output[vector] & ~mask);
}

fn elements_len() -> u32 { return arguments.outer * arguments.extent * arguments.inner; }

fn vector_of(place: Place) -> u32 { return arguments.skip / 4u + workgroup_index(place) * WORKGROUP + place.thread; }

fn is_inside(element: u32) -> bool {
    return element >= arguments.skip && element < arguments.skip + elements_len();
}

// The row of an element behind `skip`, and its place in it.
struct Lies { row: u32, place: u32 }
fn lies(element: u32) -> Lies {
    let slice = arguments.extent * arguments.inner;
    let within = element % slice;
    return Lies(element / slice * arguments.inner + within % arguments.inner, within / arguments.inner);
}

@compute @workgroup_size(WORKGROUP)
fn hard(place: Place) {
    let vector = vector_of(place);
    if vector * 4u >= arguments.skip + elements_len() { return; }
    var y = vec4<f32>(0.0);
    for (var lane = 0u; lane < 4u; lane++) {
        if is_inside(vector * 4u + lane) {
            let at = lies(vector * 4u + lane - arguments.skip);
            let row = rows[at.row];
            y[lane] = select(select(0.0, 1.0, at.place == row.first), row.threshold, is_nan(row.threshold));
        }
    }
    store(vector, elements_len(), y);
}

@compute @workgroup_size(WORKGROUP)
fn hard_backward(place: Place) {
    let vector = vector_of(place);
    if vector * 4u >= arguments.skip + elements_len() { return; }
    var dx = vec4<f32>(0.0);
    for (var lane = 0u; lane < 4u; lane++) {
        if is_inside(vector * 4u + lane) { dx[lane] = rows[lies(vector * 4u + lane - arguments.skip).row].threshold; }
    }
    store(vector, elements_len(), dx);
}

@compute @workgroup_size(WORKGROUP)
fn sparse(place: Place) {
    let vector = vector_of(place);
    if vector * 4u >= arguments.skip + elements_len() { return; }
    let lanes = unpack(x_vectors[vector]);
    var y = vec4<f32>(0.0);
    for (var lane = 0u; lane < 4u; lane++) {
        if is_inside(vector * 4u + lane) {
            let row = rows[lies(vector * 4u + lane - arguments.skip).row];
            let above = max((lanes[lane] - row.most) - row.threshold, 0.0);
            y[lane] = select(above, row.threshold, is_nan(row.threshold));
        }
    }
    store(vector, elements_len(), y);
}

@compute @workgroup_size(WORKGROUP)
fn sparse_backward(place: Place) {
    let vector = vector_of(place);
    if vector * 4u >= arguments.skip + elements_len() { return; }
    let lanes = unpack(x_vectors[vector]);
    let gradients = unpack(upstream_vectors[vector]);
    var dx = vec4<f32>(0.0);
    for (var lane = 0u; lane < 4u; lane++) {
        if is_inside(vector * 4u + lane) {
            let row = rows[lies(vector * 4u + lane - arguments.skip).row];
            let inside = (lanes[lane] - row.most) - row.threshold > 0.0;
            let own = select(0.0, gradients[lane] - row.mean, inside);
            dx[lane] = select(own, row.threshold, is_nan(row.threshold));
        }
    }
    store(vector, elements_len(), dx);
}
