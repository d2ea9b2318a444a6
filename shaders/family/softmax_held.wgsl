// Softmax along the innermost axis, for rows of whole vectors that THREADS threads of a workgroup hold in
// registers, up to four vectors each, so that memory is read once. All learn the largest element of the
// row through workgroup memory, then the sum under its shift. For devices where barriers are cheap.

struct Arguments {
    rows: u32,
    vectors: u32, // in a row
}

const FEW: u32 = 32u; // numbers that a thread joins at a time
const MOST_THREADS: u32 = 1024u;

override WORKGROUP: u32 = 64u;
override THREADS: u32 = 32u; // per row, a power of two up to MOST_THREADS, no more than vectors
override VECTORS: u32 = 4u;  // that a thread holds, at most; the last may lie beyond the row

@group(0) @binding(0) var<storage, read> x: array<Packed>;             // [rows, vectors]; y in a backward pass
@group(0) @binding(1) var<storage, read> upstream: array<Packed>;      // [rows, vectors]
@group(0) @binding(2) var<storage, read_write> output: array<Packed>;  // [rows, vectors]
@group(1) @binding(0) var<uniform> arguments: Arguments;

// Of a thread each; from MOST_THREADS on, of FEW threads each.
var<workgroup> parts: array<vec2<f32>, 1056>;

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

// Of four vectors, which lie THREADS apart.
struct Held { a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32> }

// Where a vector of the thread lies in the row; beyond it, at the thread's first.
fn place_of(thread: u32, k: u32) -> u32 {
    return select(thread, thread + k * THREADS, exists(thread, k));
}

fn exists(thread: u32, k: u32) -> bool { return k < VECTORS && thread + k * THREADS < arguments.vectors; }

// The sum over a thread's vectors.
fn total(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> f32 {
    let sums = (a + b) + (c + d);
    return (sums.x + sums.y) + (sums.z + sums.w);
}

fn joined(a: vec2<f32>, b: vec2<f32>, sum: bool) -> vec2<f32> { return select(max(a, b), a + b, sum); }

// Sums, or largest numbers, over the threads of a row, in at most two steps of FEW.
fn over_threads(own: vec2<f32>, thread: u32, sum: bool) -> vec2<f32> {
    let few = min(THREADS, FEW);
    workgroupBarrier();
    parts[thread] = own;
    workgroupBarrier();
    let first = thread / few * few;
    var step = parts[first];
    for (var i = 1u; i < few; i++) { step = joined(step, parts[first + i], sum); }
    if THREADS <= FEW { return step; }
    if thread % FEW == 0u { parts[MOST_THREADS + thread / FEW] = step; }
    workgroupBarrier();
    let second = MOST_THREADS + thread / THREADS * (THREADS / FEW);
    var all = parts[second];
    for (var i = 1u; i < THREADS / FEW; i++) { all = joined(all, parts[second + i], sum); }
    return all;
}

fn magnitudes(lanes: vec4<f32>) -> vec4<u32> { return bitcast<vec4<u32>>(lanes) & vec4<u32>(0x7fffffffu); }

fn largest_of(held: Held) -> f32 {
    let most = max(max(held.a, held.b), max(held.c, held.d));
    let magnitude = max(
        max(magnitudes(held.a), magnitudes(held.b)), max(magnitudes(held.c), magnitudes(held.d)),
    );
    return largest(
        max(max(most.x, most.y), max(most.z, most.w)),
        max(max(magnitude.x, magnitude.y), max(magnitude.z, magnitude.w)),
    );
}

fn exponentials(lanes: vec4<f32>, shift: Shift) -> vec4<f32> {
    return vec4<f32>(
        exp_shifted(lanes.x, shift, 1.0), exp_shifted(lanes.y, shift, 1.0),
        exp_shifted(lanes.z, shift, 1.0), exp_shifted(lanes.w, shift, 1.0),
    );
}

// Only the logarithm needs the largest elements kept apart, which are counted.
fn terms_of(terms: vec4<f32>, lanes: vec4<f32>, most: f32, exists: bool) -> vec4<f32> {
    return select(terms, vec4<f32>(0.0), (vec4<bool>(LOG) & (lanes == vec4<f32>(most))) | vec4<bool>(!exists));
}

fn equal_of(lanes: vec4<f32>, most: f32, exists: bool) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(1.0), (lanes == vec4<f32>(most)) & vec4<bool>(LOG && exists));
}

// Softmax from the exponentials, log-softmax from the elements.
fn store_forward(at: u32, lanes: vec4<f32>, terms: vec4<f32>, row: Row) {
    var results = select(terms * row.scale, vec4<f32>(row.scale), is_nan(row.scale));
    if LOG {
        results = vec4<f32>(
            forward_lane(lanes.x, row), forward_lane(lanes.y, row),
            forward_lane(lanes.z, row), forward_lane(lanes.w, row),
        );
    }
    output[at] = pack(results);
}

@compute @workgroup_size(WORKGROUP)
fn forward_held(place: Place) {
    let index = row_of(place);
    // A row that does not exist is computed as the last one, for the barriers, and not written.
    let start = min(index, arguments.rows - 1u) * arguments.vectors;
    let thread = place.thread % THREADS;
    var held: Held;
    held.a = unpack(x[start + thread]);
    held.b = held.a;
    held.c = held.a;
    held.d = held.a;
    if VECTORS > 1u { held.b = unpack(x[start + place_of(thread, 1u)]); }
    if VECTORS > 2u { held.c = unpack(x[start + place_of(thread, 2u)]); }
    if VECTORS > 3u { held.d = unpack(x[start + place_of(thread, 3u)]); }

    let most = over_threads(vec2<f32>(largest_of(held), 0.0), place.thread, false).x;
    let shift = shift_for(most);
    let terms = Held(
        exponentials(held.a, shift), exponentials(held.b, shift),
        exponentials(held.c, shift), exponentials(held.d, shift),
    );
    let own = vec2<f32>(
        total(
            terms_of(terms.a, held.a, most, true), terms_of(terms.b, held.b, most, exists(thread, 1u)),
            terms_of(terms.c, held.c, most, exists(thread, 2u)), terms_of(terms.d, held.d, most, exists(thread, 3u)),
        ),
        total(
            equal_of(held.a, most, true), equal_of(held.b, most, exists(thread, 1u)),
            equal_of(held.c, most, exists(thread, 2u)), equal_of(held.d, most, exists(thread, 3u)),
        ),
    );
    let sums = over_threads(own, place.thread, true);
    let top = select(0.0, exp_shifted(most, shift, 1.0), LOG);
    let row = row_with(most, scale_for(most, sums.x + (sums.y - 1.0) * top, top));
    if index >= arguments.rows { return; }
    store_forward(start + thread, held.a, terms.a, row);
    if exists(thread, 1u) { store_forward(start + thread + THREADS, held.b, terms.b, row); }
    if exists(thread, 2u) { store_forward(start + thread + 2u * THREADS, held.c, terms.c, row); }
    if exists(thread, 3u) { store_forward(start + thread + 3u * THREADS, held.d, terms.d, row); }
}

fn products_of(y: vec4<f32>, g: vec4<f32>, exists: bool) -> vec4<f32> {
    let products = vec4<f32>(
        backward_term(y.x, g.x), backward_term(y.y, g.y), backward_term(y.z, g.z), backward_term(y.w, g.w),
    );
    return select(vec4<f32>(0.0), products, exists);
}

fn store_backward(at: u32, y: vec4<f32>, g: vec4<f32>, sum: f32) {
    output[at] = pack(vec4<f32>(
        backward_lane(y.x, g.x, sum), backward_lane(y.y, g.y, sum),
        backward_lane(y.z, g.z, sum), backward_lane(y.w, g.w, sum),
    ));
}

@compute @workgroup_size(WORKGROUP)
fn backward_held(place: Place) {
    let index = row_of(place);
    let start = min(index, arguments.rows - 1u) * arguments.vectors;
    let thread = place.thread % THREADS;
    var y: Held;
    var g: Held;
    y.a = unpack(x[start + thread]);
    g.a = unpack(upstream[start + thread]);
    if VECTORS > 1u {
        y.b = unpack(x[start + place_of(thread, 1u)]);
        g.b = unpack(upstream[start + place_of(thread, 1u)]);
    }
    if VECTORS > 2u {
        y.c = unpack(x[start + place_of(thread, 2u)]);
        g.c = unpack(upstream[start + place_of(thread, 2u)]);
    }
    if VECTORS > 3u {
        y.d = unpack(x[start + place_of(thread, 3u)]);
        g.d = unpack(upstream[start + place_of(thread, 3u)]);
    }
    let own = total(
        products_of(y.a, g.a, true), products_of(y.b, g.b, exists(thread, 1u)),
        products_of(y.c, g.c, exists(thread, 2u)), products_of(y.d, g.d, exists(thread, 3u)),
    );
    let sum = over_threads(vec2<f32>(own, 0.0), place.thread, true).x;
    if index >= arguments.rows { return; }
    store_backward(start + thread, y.a, g.a, sum);
    if exists(thread, 1u) { store_backward(start + thread + THREADS, y.b, g.b, sum); }
    if exists(thread, 2u) { store_backward(start + thread + 2u * THREADS, y.c, g.c, sum); }
    if exists(thread, 3u) { store_backward(start + thread + 3u * THREADS, y.d, g.d, sum); }
}
