// Softmax along any axis and over rows of any length. The tensor is seen as [outer, count, inner],
// each row lying along the middle. A row is cut into splits, each summed by one thread; the parts
// are merged RUN at a time until one per row is left; then a pass over whole vectors of four lanes
// writes the result, finding the row of each lane.
//
// Where inner is 1, WIDTH splits interleave, so that neighbouring threads read neighbouring
// elements; where it is not, the rows themselves are neighbours.

struct Arguments {
    outer: u32,
    slice: u32,     // elements from one outer place to the next
    inner: u32,     // elements from one place along the axis to the next
    rows: u32,      // rows per outer place: inner, or fewer where only some are worked on
    count: u32,     // elements of a row; splits of a row when merging; elements to write
    per_split: u32, // elements of a split at most, a multiple of BLOCK
    skip: u32,      // elements of the bindings before the first
    add: u32,       // 1 to add to the statistics that are there
}

const BLOCK: u32 = 32u; // terms summed at a time, in fours, so that rounding errors stay few
const RUN: u32 = 32u;   // parts merged by one thread

override WORKGROUP: u32 = 64u;
override WIDTH: u32 = 1u;

// Shapes are those of the whole tensor where no window is needed.
@group(0) @binding(0) var<storage, read> x: array<u32>;                       // [outer, count, inner], packed; y in a backward pass
@group(0) @binding(1) var<storage, read> upstream: array<u32>;                // [outer, count, inner], packed
@group(0) @binding(2) var<storage, read_write> statistics: array<Statistics>; // [outer, splits, rows]
@group(0) @binding(3) var<storage, read> parts: array<Statistics>;            // [outer, splits, rows]
@group(0) @binding(4) var<storage, read> x_vectors: array<Packed>;            // [outer, count, inner]
@group(0) @binding(5) var<storage, read> upstream_vectors: array<Packed>;     // [outer, count, inner]
@group(0) @binding(6) var<storage, read_write> output: array<Packed>;         // [outer, count, inner]
@group(1) @binding(0) var<uniform> arguments: Arguments;

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn thread_index(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
}

// The elements of a split: `count` of them, `stride` apart.
struct Split { first: u32, count: u32, stride: u32 }

// Splits of a row: whole groups of WIDTH, and of the last group those that have an element.
fn splits() -> u32 {
    let group = WIDTH * arguments.per_split;
    let groups = (arguments.count - 1u) / group;
    return groups * WIDTH + min(WIDTH, arguments.count - groups * group);
}

// The split that a thread sums, threads being numbered as [outer, splits, rows].
fn split_of(index: u32, splits: u32) -> Split {
    let place = index / arguments.rows;
    let outer = place / splits;
    let split = place - outer * splits;
    let start = split / WIDTH * WIDTH * arguments.per_split + split % WIDTH;
    return Split(
        arguments.skip + outer * arguments.slice + start * arguments.inner + index % arguments.rows,
        min(arguments.per_split, (arguments.count - start + WIDTH - 1u) / WIDTH),
        WIDTH * arguments.inner,
    );
}

fn x_at(element: u32) -> f32 { return lane_of(x[word_of(element)], element); }
fn upstream_at(element: u32) -> f32 { return lane_of(upstream[word_of(element)], element); }

// The terms of elements `first` to `first + 3` of a split, 0 for those that it does not have.
fn forward_terms(split: Split, first: u32, most: f32, shift: Shift) -> vec4<f32> {
    return vec4<f32>(
        forward_term(split, first, most, shift), forward_term(split, first + 1u, most, shift),
        forward_term(split, first + 2u, most, shift), forward_term(split, first + 3u, most, shift),
    );
}

// 0 also for the largest elements, which are counted.
fn forward_term(split: Split, place: u32, most: f32, shift: Shift) -> f32 {
    let element = x_at(split.first + min(place, split.count - 1u) * split.stride);
    return select(exp_shifted(element, shift, 1.0), 0.0, element == most || place >= split.count);
}

fn backward_terms(split: Split, first: u32) -> vec4<f32> {
    return vec4<f32>(
        backward_term_at(split, first), backward_term_at(split, first + 1u),
        backward_term_at(split, first + 2u), backward_term_at(split, first + 3u),
    );
}

fn backward_term_at(split: Split, place: u32) -> f32 {
    let element = split.first + min(place, split.count - 1u) * split.stride;
    return select(backward_term(x_at(element), upstream_at(element)), 0.0, place >= split.count);
}

fn keep(index: u32, part: Statistics) {
    if arguments.add == 0u {
        statistics[index] = part;
    } else {
        statistics[index] = merged(statistics[index], part);
    }
}

@compute @workgroup_size(WORKGROUP)
fn forward_splits(place: Place) {
    let index = thread_index(place);
    let splits = splits();
    if index >= arguments.outer * splits * arguments.rows { return; }
    let split = split_of(index, splits);

    var most = x_at(split.first);
    var magnitude = 0u;
    var equal = 0.0; // elements that equal the largest
    for (var i = 0u; i < split.count; i++) {
        let element = x_at(split.first + i * split.stride);
        equal = select(equal, 0.0, element > most) + select(0.0, 1.0, element >= most);
        most = max(most, element);
        magnitude = max(magnitude, bitcast<u32>(element) & 0x7fffffffu);
    }
    let shift = shift_for(most);

    var sum = 0.0;
    for (var block = 0u; block < split.count; block += BLOCK) {
        var part = 0.0;
        for (var i = block; i < min(block + BLOCK, split.count); i += 4u) {
            let terms = forward_terms(split, i, most, shift);
            part += (terms.x + terms.y) + (terms.z + terms.w);
        }
        sum += part;
    }
    sum += (equal - 1.0) * exp_shifted(most, shift, 1.0);
    keep(index, Statistics(largest(most, magnitude), sum));
}

@compute @workgroup_size(WORKGROUP)
fn backward_splits(place: Place) {
    let index = thread_index(place);
    let splits = splits();
    if index >= arguments.outer * splits * arguments.rows { return; }
    let split = split_of(index, splits);
    var sum = 0.0;
    for (var block = 0u; block < split.count; block += BLOCK) {
        var part = 0.0;
        for (var i = block; i < min(block + BLOCK, split.count); i += 4u) {
            let terms = backward_terms(split, i);
            part += (terms.x + terms.y) + (terms.z + terms.w);
        }
        sum += part;
    }
    keep(index, Statistics(0.0, sum));
}

// From [outer, count, rows] to [outer, count / RUN, rows], the largest element first, so that each
// part is rescaled once.
@compute @workgroup_size(WORKGROUP)
fn merge(place: Place) {
    let index = thread_index(place);
    let runs = (arguments.count + RUN - 1u) / RUN;
    if index >= arguments.outer * runs * arguments.rows { return; }
    let row = index % arguments.rows;
    let outer = index / arguments.rows / runs;
    let run = index / arguments.rows % runs;
    let first = outer * arguments.count + run * RUN;
    let end = min(first + RUN, (outer + 1u) * arguments.count);

    var most = parts[first * arguments.rows + row].most;
    for (var i = first; i < end; i++) { most = max(most, parts[i * arguments.rows + row].most); }
    let shift = shift_for(most);
    var sum = 0.0;
    var kept = false; // whether a part has kept its largest element apart
    for (var i = first; i < end; i++) {
        let part = parts[i * arguments.rows + row];
        let top = !kept && part.most == most;
        sum += share(part, shift, top);
        kept = kept || top;
    }
    statistics[index] = Statistics(most, sum);
}

// The sum of each row becomes the scale of its results.
@compute @workgroup_size(WORKGROUP)
fn finish(place: Place) {
    let index = thread_index(place);
    if index >= arguments.outer * arguments.rows { return; }
    statistics[index].sum = scale_of(statistics[index]);
}

// Where an element lies in [outer, slice / inner, inner], and the row that it belongs to.
struct Element { outer: u32, in_slice: u32, inner: u32 }

fn element_at(element: u32) -> Element {
    let outer = element / arguments.slice;
    return Element(outer, element - outer * arguments.slice, element % arguments.inner);
}

// The element of the next lane; lanes before the first element share its place.
fn following(element: Element, lane: u32) -> Element {
    if lane <= arguments.skip { return element; }
    let in_slice = element.in_slice + 1u;
    let inner = element.inner + 1u;
    let wraps = in_slice == arguments.slice;
    return Element(
        element.outer + select(0u, 1u, wraps),
        select(in_slice, 0u, wraps),
        select(inner, 0u, inner == arguments.inner),
    );
}

// The row of each lane of a vector.
struct Rows { x: Statistics, y: Statistics, z: Statistics, w: Statistics }

fn row_at(element: Element) -> Statistics {
    // Lanes beyond the last element take the last row.
    return parts[min(element.outer, arguments.outer - 1u) * arguments.inner + element.inner];
}

fn rows_of(vector: u32) -> Rows {
    let lane = vector * 4u;
    let x = element_at(max(lane, arguments.skip) - arguments.skip);
    let y = following(x, lane + 1u);
    let z = following(y, lane + 2u);
    let w = following(z, lane + 3u);
    return Rows(row_at(x), row_at(y), row_at(z), row_at(w));
}

// The vector that a thread writes; beyond the last one where there is none for it.
fn vector_of(place: Place) -> u32 { return arguments.skip / 4u + thread_index(place); }

fn is_beyond(vector: u32) -> bool { return vector * 4u >= arguments.skip + arguments.count; }

// Writes those lanes of a vector that are to be written, `skip` up to `skip + count`.
fn store(vector: u32, lanes: Packed) {
    let first = vector * 4u;
    let end = arguments.skip + arguments.count;
    if first >= arguments.skip && first + 4u <= end {
        output[vector] = lanes;
    } else {
        let mask = lane_mask(end - first) & ~lane_mask(max(arguments.skip, first) - first);
        output[vector] = (lanes & mask) | (output[vector] & ~mask);
    }
}

fn forward_at(x: f32, row: Statistics) -> f32 { return forward_lane(x, row_with(row.most, row.sum)); }

@compute @workgroup_size(WORKGROUP)
fn write_forward(place: Place) {
    let vector = vector_of(place);
    if is_beyond(vector) { return; }
    let lanes = unpack(x_vectors[vector]);
    let rows = rows_of(vector);
    store(vector, pack(vec4<f32>(
        forward_at(lanes.x, rows.x), forward_at(lanes.y, rows.y),
        forward_at(lanes.z, rows.z), forward_at(lanes.w, rows.w),
    )));
}

@compute @workgroup_size(WORKGROUP)
fn write_backward(place: Place) {
    let vector = vector_of(place);
    if is_beyond(vector) { return; }
    let y = unpack(x_vectors[vector]);
    let g = unpack(upstream_vectors[vector]);
    let rows = rows_of(vector);
    store(vector, pack(vec4<f32>(
        backward_lane(y.x, g.x, rows.x.sum), backward_lane(y.y, g.y, rows.y.sum),
        backward_lane(y.z, g.z, rows.z.sum), backward_lane(y.w, g.w, rows.w.sum),
    )));
}
