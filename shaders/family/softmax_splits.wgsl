// Softmax along any axis and over rows of any length. The tensor is seen as [outer, count, inner],
// each row lying along the middle. A row is cut into splits, each summed by one thread; the parts
// are merged RUN at a time until one per row is left; then a pass over whole vectors of four lanes
// writes the result, finding the row of each lane. A tensor that has only parts of its rows tells what it
// knows of them (`survey_rows`, `survey_gradients`), or is told what is known of the whole (`prepare`).
//
// Where inner is 1, WIDTH splits interleave, so that neighbouring threads read neighbouring
// elements; where it is not, the rows themselves are neighbours.
//
// Its arguments are `SplitArguments` of src/family/softmax/shader.rs.

const BLOCK: u32 = 32u; // terms summed at a time, in fours, so that rounding errors stay few
const RUN: u32 = 32u;   // parts merged by one thread

override WORKGROUP: u32 = 64u;
override WIDTH: u32 = 1u;

// Shapes are those of the whole tensor where no window is needed.
@group(0) @binding(0) var<storage, read> x: array<u32>;                       // [outer, count, inner], packed
@group(0) @binding(2) var<storage, read_write> statistics: array<Statistics>; // [outer, splits, rows]
@group(0) @binding(3) var<storage, read> parts: array<Statistics>;            // [outer, splits, rows]
@group(0) @binding(4) var<storage, read> x_vectors: array<Packed>;            // [outer, count, inner]
@group(0) @binding(6) var<storage, read_write> output: array<Packed>;         // [outer, count, inner]
@group(0) @binding(7) var<storage, read> known: array<Known>;                 // [outer, inner]
@group(0) @binding(8) var<storage, read_write> words: array<vec2<f32>>;       // [outer, inner], two each of gradients

// What surveys have found of a whole row: the largest element, the sum of the others' exponentials as a
// multiple of its own, the sum of g y over all but the largest elements, for log-softmax of g, and that of the
// largest ones' g.
struct Known { most: f32, rest: f32, others: f32, largest: f32 }

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

fn x_at(element: u32) -> f32 { return score(lane_of(x[word_of(element)], element)); }

// The elements `first` to `first + 3` of a split; in place of those that it does not have, its last.
fn elements_of(split: Split, first: u32) -> vec4<u32> {
    let places = min(vec4<u32>(first, first + 1u, first + 2u, first + 3u), vec4<u32>(split.count - 1u));
    return vec4<u32>(split.first) + places * split.stride;
}

fn keep(index: u32, part: Statistics) {
    if arguments.add == 0u {
        statistics[index] = part;
    } else {
        statistics[index] = merged(statistics[index], part);
    }
}

@compute @workgroup_size(WORKGROUP)
fn sum(place: Place) {
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
    var gradients = 0.0;       // of all but the largest
    var equal_gradients = 0.0; // of the largest
    for (var block = 0u; block < split.count; block += BLOCK) {
        var part = 0.0;
        var part_gradients = 0.0;
        for (var i = block; i < min(block + BLOCK, split.count); i += 4u) {
            let at = elements_of(split, i);
            let exists = vec4<u32>(i, i + 1u, i + 2u, i + 3u) < vec4<u32>(split.count);
            let lanes = vec4<f32>(x_at(at.x), x_at(at.y), x_at(at.z), x_at(at.w));
            let e = exponentials(lanes, shift);
            // 0 also for the largest elements, which are counted.
            let counts = (lanes != vec4<f32>(most)) & exists;
            let terms = select(vec4<f32>(0.0), e, counts);
            part += (terms.x + terms.y) + (terms.z + terms.w);
            if BACKWARD {
                let g = vec4<f32>(upstream_lane(at.x), upstream_lane(at.y), upstream_lane(at.z), upstream_lane(at.w));
                let terms = gradient_terms(e, g, counts);
                part_gradients += (terms.x + terms.y) + (terms.z + terms.w);
                let apart = select(vec4<f32>(0.0), g, (lanes == vec4<f32>(most)) & exists);
                equal_gradients += (apart.x + apart.y) + (apart.z + apart.w);
            }
        }
        sum += part;
        gradients += part_gradients;
    }
    sum += (equal - 1.0) * exp_shifted(most, shift, 1.0);
    keep(index, Statistics(largest(most, magnitude), sum, gathered(gradients, equal_gradients)));
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
    var all = Statistics(most, 0.0, More());
    var kept = false; // whether a part has kept its largest element apart
    for (var i = first; i < end; i++) {
        let part = parts[i * arguments.rows + row];
        let top = !kept && part.most == most;
        all = with_part(all, shift, part, top);
        kept = kept || top;
    }
    statistics[index] = all;
}

// The sum of each row becomes the scale of its results.
@compute @workgroup_size(WORKGROUP)
fn finish(place: Place) {
    let index = thread_index(place);
    if index >= arguments.outer * arguments.rows { return; }
    let row = row_of_statistics(statistics[index]);
    statistics[index] = Statistics(statistics[index].most, row.scale, row.more);
}

// The place among all rows of the tensor of one of those that are worked on.
fn among_all(index: u32) -> u32 {
    return arguments.skip + index / arguments.rows * arguments.inner + index % arguments.rows;
}

// The most and the rest of `Known`, of the tensor's part of each row.
@compute @workgroup_size(WORKGROUP)
fn survey_rows(place: Place) {
    let index = thread_index(place);
    if index >= arguments.outer * arguments.rows { return; }
    let part = parts[index];
    let rest = part.sum / exp_shifted(part.most, shift_for(part.most), 1.0);
    words[among_all(index)] = vec2<f32>(part.most, select(rest, 0.0, is_infinite(part.most)));
}

// What the tensor's part of each row adds to the others and the largest of `Known`. Two more words are the
// reference's.
@compute @workgroup_size(WORKGROUP)
fn survey_gradients(place: Place) {
    let index = thread_index(place);
    if index >= arguments.outer * arguments.rows { return; }
    let at = among_all(index);
    let row = known[at];
    let all = with_part(Statistics(row.most, 0.0, More()), shift_for(row.most), parts[index], true);
    words[2u * at] = shares_of(all.more, scale_of_known(row));
    words[2u * at + 1u] = vec2<f32>(0.0);
}

// As `finish`, from what surveys have found.
@compute @workgroup_size(WORKGROUP)
fn prepare(place: Place) {
    let index = thread_index(place);
    if index >= arguments.outer * arguments.rows { return; }
    let row = known[among_all(index)];
    let scale = scale_of_known(row);
    let top = top_of_known(row);
    statistics[index] = Statistics(row.most, scale, finished_shares(row.others, row.largest, row.rest * top, top, scale));
}

// The logarithm needs no exponential.
fn top_of_known(row: Known) -> f32 {
    return select(exp_shifted(row.most, shift_for(row.most), 1.0), 1.0, LOG && !BACKWARD);
}

fn scale_of_known(row: Known) -> f32 {
    let top = top_of_known(row);
    return scale_for(row.most, row.rest * top, top);
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

fn result(x: f32, g: f32, statistics: Statistics) -> f32 {
    return result_lane(x, g, row_with(statistics.most, statistics.sum, statistics.more));
}

@compute @workgroup_size(WORKGROUP)
fn write(place: Place) {
    let vector = vector_of(place);
    if is_beyond(vector) { return; }
    let lanes = scores(x_vectors[vector]);
    let g = upstream_vector(vector);
    let rows = rows_of(vector);
    store(vector, pack(vec4<f32>(
        result(lanes.x, g.x, rows.x), result(lanes.y, g.y, rows.y),
        result(lanes.z, g.z, rows.z), result(lanes.w, g.w, rows.w),
    )));
}
