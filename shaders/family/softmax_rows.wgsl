// Softmax along the innermost axis, for rows of whole vectors that are short enough to be read again
// from the cache: THREADS threads share a row, neighbours on neighbouring vectors. They sum, following
// the largest element, then read again and write. One thread per row needs no barriers, which are dear on software
// adapters; several have their statistics merged through workgroup memory, where they are too few to hold
// the row in registers (softmax_held.wgsl).

struct Arguments {
    rows: u32,
    vectors: u32, // in a row
}

const GROUP: u32 = 4u;  // vectors that a thread reads at a time
const BLOCK: u32 = 32u; // of them summed at a time, so that rounding errors stay few
const FEW: u32 = 16u;   // parts merged at a time
const MOST_THREADS: u32 = 256u;

override WORKGROUP: u32 = 64u;
override THREADS: u32 = 1u; // per row, a power of two

@group(0) @binding(0) var<storage, read> x: array<Packed>;             // [rows, vectors]; y in a backward pass
@group(0) @binding(1) var<storage, read> upstream: array<Packed>;      // [rows, vectors]
@group(0) @binding(2) var<storage, read_write> output: array<Packed>;  // [rows, vectors]
@group(1) @binding(0) var<uniform> arguments: Arguments;

// Of a thread each; from MOST_THREADS on, of FEW threads each.
var<workgroup> parts: array<Statistics, 272>;

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn row_of(place: Place) -> u32 {
    let workgroup = place.workgroup.y * place.workgroups.x + place.workgroup.x;
    return workgroup * (WORKGROUP / THREADS) + place.thread / THREADS;
}

fn total(sums: vec4<f32>) -> f32 { return (sums.x + sums.y) + (sums.z + sums.w); }

fn lanes_of(start: u32, place: u32, otherwise: u32) -> vec4<f32> {
    return unpack(x[start + select(otherwise, place, place < arguments.vectors)]);
}

fn magnitudes(lanes: vec4<f32>) -> vec4<u32> { return bitcast<vec4<u32>>(lanes) & vec4<u32>(0x7fffffffu); }

fn terms_of(lanes: vec4<f32>, shift: Shift, most: f32, exists: bool) -> vec4<f32> {
    let terms = vec4<f32>(
        exp_shifted(lanes.x, shift, 1.0), exp_shifted(lanes.y, shift, 1.0),
        exp_shifted(lanes.z, shift, 1.0), exp_shifted(lanes.w, shift, 1.0),
    );
    return select(terms, vec4<f32>(0.0), (lanes == vec4<f32>(most)) | vec4<bool>(!exists));
}

fn equal_of(lanes: vec4<f32>, most: f32, exists: bool) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(1.0), (lanes == vec4<f32>(most)) & vec4<bool>(exists));
}

// Of the thread's vectors of the row that begins at vector `start`, GROUP at a time, each read once.
// The shift follows the largest element so far, but only once that is well ahead, since beyond 200
// every change costs a rounding.
fn forward_statistics(start: u32, thread: u32) -> Statistics {
    var most = unpack(x[start + thread]).x;
    var shifted_for = most;
    var shift = shift_for(most);
    var magnitude = vec4<u32>(0u);
    var sum = vec4<f32>(0.0);
    var equal = vec4<f32>(0.0); // elements that equal the largest
    for (var block = thread; block < arguments.vectors; block += BLOCK * GROUP * THREADS) {
        let end = min(block + BLOCK * GROUP * THREADS, arguments.vectors);
        var part = vec4<f32>(0.0);
        for (var i = block; i < end; i += GROUP * THREADS) {
            let j = i + THREADS;
            let k = j + THREADS;
            let l = k + THREADS;
            let a = unpack(x[start + i]);
            let b = lanes_of(start, j, i);
            let c = lanes_of(start, k, i);
            let d = lanes_of(start, l, i);
            magnitude = max(magnitude, max(max(magnitudes(a), magnitudes(b)), max(magnitudes(c), magnitudes(d))));
            let largest = max(max(a, b), max(c, d));
            let next = max(most, max(max(largest.x, largest.y), max(largest.z, largest.w)));
            if next > most {
                part.x += total(equal) * exp_shifted(most, shift, 1.0);
                equal = vec4<f32>(0.0);
            }
            most = next;
            if most > shifted_for + 16.0 {
                let ahead = shift_for(most);
                let factor = rescaling(shift, ahead);
                part *= factor;
                sum *= factor;
                shift = ahead;
                shifted_for = most;
            }
            part += (terms_of(a, shift, most, true) + terms_of(b, shift, most, j < arguments.vectors))
                + (terms_of(c, shift, most, k < arguments.vectors) + terms_of(d, shift, most, l < arguments.vectors));
            equal += (equal_of(a, most, true) + equal_of(b, most, j < arguments.vectors))
                + (equal_of(c, most, k < arguments.vectors) + equal_of(d, most, l < arguments.vectors));
        }
        sum += part;
    }
    let all = total(sum) + (total(equal) - 1.0) * exp_shifted(most, shift, 1.0);
    let largest = largest(most, max(max(magnitude.x, magnitude.y), max(magnitude.z, magnitude.w)));
    return Statistics(largest, all * rescaling(shift, shift_for(most)));
}

fn backward_statistics(start: u32, thread: u32) -> Statistics {
    var sum = vec4<f32>(0.0);
    for (var block = thread; block < arguments.vectors; block += BLOCK * THREADS) {
        let end = min(block + BLOCK * THREADS, arguments.vectors);
        var part = vec4<f32>(0.0);
        for (var i = block; i < end; i += THREADS) {
            let y = unpack(x[start + i]);
            let g = unpack(upstream[start + i]);
            part += vec4<f32>(
                backward_term(y.x, g.x), backward_term(y.y, g.y),
                backward_term(y.z, g.z), backward_term(y.w, g.w),
            );
        }
        sum += part;
    }
    return Statistics(0.0, total(sum));
}

// `count` parts as one: the largest element first, so that each part is rescaled once.
fn merged_run(first: u32, count: u32) -> Statistics {
    var most = parts[first].most;
    for (var i = 1u; i < count; i++) { most = max(most, parts[first + i].most); }
    let shift = shift_for(most);
    var sum = 0.0;
    var kept = false; // whether a part has kept its largest element apart
    for (var i = 0u; i < count; i++) {
        let part = parts[first + i];
        let top = !kept && part.most == most;
        sum += share(part, shift, top);
        kept = kept || top;
    }
    return Statistics(most, sum);
}

// The parts of all threads of a row as one, in at most two steps of FEW.
fn merged_over_threads(own: Statistics, thread: u32) -> Statistics {
    if THREADS == 1u { return own; }
    let few = min(THREADS, FEW);
    parts[thread] = own;
    workgroupBarrier();
    let step = merged_run(thread / few * few, few);
    if THREADS <= FEW { return step; }
    if thread % FEW == 0u { parts[MOST_THREADS + thread / FEW] = step; }
    workgroupBarrier();
    return merged_run(MOST_THREADS + thread / THREADS * (THREADS / FEW), THREADS / FEW);
}

@compute @workgroup_size(WORKGROUP)
fn forward_rows(place: Place) {
    let index = row_of(place);
    // A row that does not exist is computed as the last one, for the barriers, and not written.
    let vectors = select(0u, arguments.vectors, index < arguments.rows);
    let start = min(index, arguments.rows - 1u) * arguments.vectors;
    let thread = place.thread % THREADS;
    let statistics = merged_over_threads(forward_statistics(start, thread), place.thread);
    let row = row_with(statistics.most, scale_of(statistics));
    for (var i = thread; i < vectors; i += THREADS) {
        let lanes = unpack(x[start + i]);
        output[start + i] = pack(vec4<f32>(
            forward_lane(lanes.x, row), forward_lane(lanes.y, row),
            forward_lane(lanes.z, row), forward_lane(lanes.w, row),
        ));
    }
}

@compute @workgroup_size(WORKGROUP)
fn backward_rows(place: Place) {
    let index = row_of(place);
    let vectors = select(0u, arguments.vectors, index < arguments.rows);
    let start = min(index, arguments.rows - 1u) * arguments.vectors;
    let thread = place.thread % THREADS;
    let sum = merged_over_threads(backward_statistics(start, thread), place.thread).sum;
    for (var i = thread; i < vectors; i += THREADS) {
        let y = unpack(x[start + i]);
        let g = unpack(upstream[start + i]);
        output[start + i] = pack(vec4<f32>(
            backward_lane(y.x, g.x, sum), backward_lane(y.y, g.y, sum),
            backward_lane(y.z, g.z, sum), backward_lane(y.w, g.w, sum),
        ));
    }
}
