// Softmax along the innermost axis, for rows of whole vectors that are short enough to be read again
// from the cache: THREADS threads share a row, neighbours on neighbouring vectors. They sum, following
// the largest element, then read again and write: y, or dx from x and the upstream gradients. One thread per row needs no barriers, which are dear on software
// adapters; several have their statistics merged through workgroup memory, where they are too few to hold
// the row in registers (softmax_held.wgsl).
//
// Its arguments are `RowArguments` of src/family/softmax/shader.rs.

const GROUP: u32 = 4u;  // vectors that a thread reads at a time
const BLOCK: u32 = 32u; // of them summed at a time, so that rounding errors stay few
const FEW: u32 = 16u;   // parts merged at a time
const MOST_THREADS: u32 = 256u;

override WORKGROUP: u32 = 64u;
override THREADS: u32 = 1u; // per row, a power of two

@group(0) @binding(4) var<storage, read> x: array<Packed>;             // [rows, vectors]
@group(0) @binding(6) var<storage, read_write> output: array<Packed>;  // [rows, vectors]

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

// A place of the row; another where the row does not have it.
fn place_in(place: u32, otherwise: u32) -> u32 { return select(otherwise, place, place < arguments.vectors); }

fn equal_to(lanes: vec4<f32>, most: f32, exists: bool) -> vec4<bool> {
    return (lanes == vec4<f32>(most)) & vec4<bool>(exists);
}

fn others_than(lanes: vec4<f32>, most: f32, exists: bool) -> vec4<bool> {
    return (lanes != vec4<f32>(most)) & vec4<bool>(exists);
}

fn terms_of(terms: vec4<f32>, lanes: vec4<f32>, most: f32, exists: bool) -> vec4<f32> {
    return select(vec4<f32>(0.0), terms, others_than(lanes, most, exists));
}

fn equal_of(lanes: vec4<f32>, most: f32, exists: bool) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(1.0), equal_to(lanes, most, exists));
}

// Of the thread's vectors of the row that begins at vector `start`, GROUP at a time, each read once.
// The shift follows the largest element so far, but only once that is well ahead, since beyond 200
// every change costs a rounding.
fn statistics_of(start: u32, thread: u32) -> Statistics {
    var most = scores(x[start + thread]).x;
    var shifted_for = most;
    var shift = shift_for(most);
    var magnitude = vec4<u32>(0u);
    var sum = vec4<f32>(0.0);
    var equal = vec4<f32>(0.0); // elements that equal the largest
    var gradients = vec4<f32>(0.0);         // of all others
    var equal_gradients = vec4<f32>(0.0);   // of those
    for (var block = thread; block < arguments.vectors; block += BLOCK * GROUP * THREADS) {
        let end = min(block + BLOCK * GROUP * THREADS, arguments.vectors);
        var part = vec4<f32>(0.0);
        var part_gradients = vec4<f32>(0.0);
        for (var i = block; i < end; i += GROUP * THREADS) {
            let at_b = start + place_in(i + THREADS, i);
            let at_c = start + place_in(i + 2u * THREADS, i);
            let at_d = start + place_in(i + 3u * THREADS, i);
            let has_b = i + THREADS < arguments.vectors;
            let has_c = i + 2u * THREADS < arguments.vectors;
            let has_d = i + 3u * THREADS < arguments.vectors;
            let a = scores(x[start + i]);
            let b = scores(x[at_b]);
            let c = scores(x[at_c]);
            let d = scores(x[at_d]);
            magnitude = max(magnitude, max(max(magnitudes(a), magnitudes(b)), max(magnitudes(c), magnitudes(d))));
            let largest = max(max(a, b), max(c, d));
            let next = max(most, max(max(largest.x, largest.y), max(largest.z, largest.w)));
            if next > most {
                let before = exp_shifted(most, shift, 1.0);
                part.x += total(equal) * before;
                equal = vec4<f32>(0.0);
                if BACKWARD {
                    part_gradients.x += as_other(total(equal_gradients), before);
                    equal_gradients = vec4<f32>(0.0);
                }
            }
            most = next;
            if most > shifted_for + 16.0 {
                let ahead = shift_for(most);
                let factor = rescaling(shift, ahead);
                part *= factor;
                sum *= factor;
                if BACKWARD {
                    part_gradients *= gradient_rescaling(factor);
                    gradients *= gradient_rescaling(factor);
                }
                shift = ahead;
                shifted_for = most;
            }
            let e_a = exponentials(a, shift);
            let e_b = exponentials(b, shift);
            let e_c = exponentials(c, shift);
            let e_d = exponentials(d, shift);
            part += (terms_of(e_a, a, most, true) + terms_of(e_b, b, most, has_b))
                + (terms_of(e_c, c, most, has_c) + terms_of(e_d, d, most, has_d));
            equal += (equal_of(a, most, true) + equal_of(b, most, has_b))
                + (equal_of(c, most, has_c) + equal_of(d, most, has_d));
            if BACKWARD {
                let g_a = upstream_vector(start + i);
                let g_b = upstream_vector(at_b);
                let g_c = upstream_vector(at_c);
                let g_d = upstream_vector(at_d);
                part_gradients += (gradient_terms(e_a, g_a, others_than(a, most, true))
                    + gradient_terms(e_b, g_b, others_than(b, most, has_b)))
                    + (gradient_terms(e_c, g_c, others_than(c, most, has_c))
                    + gradient_terms(e_d, g_d, others_than(d, most, has_d)));
                let none = vec4<f32>(0.0);
                equal_gradients += (select(none, g_a, equal_to(a, most, true)) + select(none, g_b, equal_to(b, most, has_b)))
                    + (select(none, g_c, equal_to(c, most, has_c)) + select(none, g_d, equal_to(d, most, has_d)));
            }
        }
        sum += part;
        gradients += part_gradients;
    }
    let all = total(sum) + (total(equal) - 1.0) * exp_shifted(most, shift, 1.0);
    let largest = largest(most, max(max(magnitude.x, magnitude.y), max(magnitude.z, magnitude.w)));
    let factor = rescaling(shift, shift_for(most));
    return Statistics(
        largest, all * factor, gathered(total(gradients) * gradient_rescaling(factor), total(equal_gradients)),
    );
}

// `count` parts as one: the largest element first, so that each part is rescaled once.
fn merged_run(first: u32, count: u32) -> Statistics {
    var most = parts[first].most;
    for (var i = 1u; i < count; i++) { most = max(most, parts[first + i].most); }
    let shift = shift_for(most);
    var all = Statistics(most, 0.0, More());
    var kept = false; // whether a part has kept its largest element apart
    for (var i = 0u; i < count; i++) {
        let part = parts[first + i];
        let top = !kept && part.most == most;
        all = with_part(all, shift, part, top);
        kept = kept || top;
    }
    return all;
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

fn results(x: vec4<f32>, g: vec4<f32>, row: Row) -> vec4<f32> {
    return vec4<f32>(
        result_lane(x.x, g.x, row), result_lane(x.y, g.y, row), result_lane(x.z, g.z, row), result_lane(x.w, g.w, row),
    );
}

@compute @workgroup_size(WORKGROUP)
fn walk(place: Place) {
    let index = row_of(place);
    // A row that does not exist is computed as the last one, for the barriers, and not written.
    let vectors = select(0u, arguments.vectors, index < arguments.rows);
    let start = min(index, arguments.rows - 1u) * arguments.vectors;
    let thread = place.thread % THREADS;
    let row = row_of_statistics(merged_over_threads(statistics_of(start, thread), place.thread));
    for (var i = thread; i < vectors; i += THREADS) {
        output[start + i] = pack(results(scores(x[start + i]), upstream_vector(start + i), row));
    }
}
