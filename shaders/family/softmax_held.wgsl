// Softmax along the innermost axis, for rows of whole vectors that THREADS threads of a workgroup hold in
// registers, up to four vectors each, so that memory is read once, the upstream gradients too. All learn the largest element of the
// row through workgroup memory, then the sum under its shift. For devices where barriers are cheap.
//
// Its arguments are `RowArguments` of src/family/softmax/shader.rs.

const FEW: u32 = 32u; // numbers that a thread joins at a time
const MOST_THREADS: u32 = 1024u;

override WORKGROUP: u32 = 64u;
override THREADS: u32 = 32u; // per row, a power of two up to MOST_THREADS, no more than vectors
override VECTORS: u32 = 4u;  // that a thread holds, at most; the last may lie beyond the row

@group(0) @binding(4) var<storage, read> x: array<Packed>;             // [rows, vectors]
@group(0) @binding(6) var<storage, read_write> output: array<Packed>;  // [rows, vectors]

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

fn joined(a: vec2<f32>, b: vec2<f32>, sum: bool) -> vec2<f32> { return select(larger(a, b), a + b, sum); }

// The largest number and, in a backward pass, the upstream gradient that came with it; LARGEST of several.
fn larger(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    let most = max(a, b);
    if !BACKWARD { return most; }
    return vec2<f32>(most.x, select(select(a.y, b.y, b.x > a.x), LARGEST, a.x == b.x));
}

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

// Those of the lanes that are summed: all, or others than the largest, which is kept apart.
fn summed(lanes: vec4<f32>, most: f32, apart: bool, exists: bool) -> vec4<bool> {
    return ((lanes != vec4<f32>(most)) | vec4<bool>(!apart)) & vec4<bool>(exists);
}

fn terms_of(terms: vec4<f32>, summed: vec4<bool>) -> vec4<f32> { return select(vec4<f32>(0.0), terms, summed); }

fn equal_of(terms: vec4<f32>, lanes: vec4<f32>, most: f32, exists: bool) -> vec4<f32> {
    return select(vec4<f32>(0.0), terms, (lanes == vec4<f32>(most)) & vec4<bool>(exists));
}

// The sum over those of a thread's lanes that equal `most`.
fn total_of_equal(terms: Held, held: Held, most: f32, has: vec3<bool>) -> f32 {
    return total(
        equal_of(terms.a, held.a, most, true), equal_of(terms.b, held.b, most, has.x),
        equal_of(terms.c, held.c, most, has.y), equal_of(terms.d, held.d, most, has.z),
    );
}

// Log-softmax from the elements, all else from the exponentials.
fn store(at: u32, lanes: vec4<f32>, terms: vec4<f32>, g: vec4<f32>, row: Row) {
    let shares = select(min(terms * row.scale, vec4<f32>(1.0)), vec4<f32>(row.scale), is_nan(row.scale));
    var results = shares;
    if BACKWARD || LOG {
        results = vec4<f32>(
            result_of(lanes.x, shares.x, g.x, row), result_of(lanes.y, shares.y, g.y, row),
            result_of(lanes.z, shares.z, g.z, row), result_of(lanes.w, shares.w, g.w, row),
        );
    }
    output[at] = pack(results);
}

@compute @workgroup_size(WORKGROUP)
fn hold(place: Place) {
    let index = row_of(place);
    // A row that does not exist is computed as the last one, for the barriers, and not written.
    let start = min(index, arguments.rows - 1u) * arguments.vectors;
    let thread = place.thread % THREADS;
    var held: Held;
    held.a = scores(x[start + thread]);
    held.b = held.a;
    held.c = held.a;
    held.d = held.a;
    var g: Held;
    g.a = upstream_vector(start + thread);
    if VECTORS > 1u {
        held.b = scores(x[start + place_of(thread, 1u)]);
        g.b = upstream_vector(start + place_of(thread, 1u));
    }
    if VECTORS > 2u {
        held.c = scores(x[start + place_of(thread, 2u)]);
        g.c = upstream_vector(start + place_of(thread, 2u));
    }
    if VECTORS > 3u {
        held.d = scores(x[start + place_of(thread, 3u)]);
        g.d = upstream_vector(start + place_of(thread, 3u));
    }
    let has_b = exists(thread, 1u);
    let has_c = exists(thread, 2u);
    let has_d = exists(thread, 3u);

    let has = vec3<bool>(has_b, has_c, has_d);
    let one = vec4<f32>(1.0);
    let ones = Held(one, one, one, one);

    var largest = vec2<f32>(largest_of(held), 0.0);
    if BACKWARD {
        let single = total_of_equal(ones, held, largest.x, has) == 1.0;
        largest.y = select(LARGEST, total_of_equal(g, held, largest.x, has), single);
    }
    largest = over_threads(largest, place.thread, false);
    let most = largest.x;
    // The logarithm needs the largest elements kept apart, and they are counted; gradients need a single one.
    let apart = select(LOG, abs(largest.y) < LARGEST, BACKWARD);
    let sum_a = summed(held.a, most, apart, true);
    let sum_b = summed(held.b, most, apart, has_b);
    let sum_c = summed(held.c, most, apart, has_c);
    let sum_d = summed(held.d, most, apart, has_d);
    let shift = shift_for(most);
    let terms = Held(
        exponentials(held.a, shift), exponentials(held.b, shift),
        exponentials(held.c, shift), exponentials(held.d, shift),
    );
    // The sum of the exponentials, and how many are the largest or the sum of the gradients.
    var own = vec2<f32>(
        total(terms_of(terms.a, sum_a), terms_of(terms.b, sum_b), terms_of(terms.c, sum_c), terms_of(terms.d, sum_d)), 1.0,
    );
    if BACKWARD {
        own.y = total(
            gradient_terms(terms.a, g.a, sum_a), gradient_terms(terms.b, g.b, sum_b),
            gradient_terms(terms.c, g.c, sum_c), gradient_terms(terms.d, g.d, sum_d),
        );
    } else if LOG {
        own.y = total_of_equal(ones, held, most, has);
    }
    let sums = over_threads(own, place.thread, true);
    var rest = sums.x;
    var top = 0.0;
    if apart {
        top = exp_shifted(most, shift, 1.0);
        if !BACKWARD { rest += (sums.y - 1.0) * top; }
    }
    let scale = scale_for(most, rest, top);
    let more = finished(gathered(sums.y, select(0.0, largest.y, apart)), rest, top, scale);
    let row = row_with(most, scale, more);
    if index >= arguments.rows { return; }
    store(start + thread, held.a, terms.a, g.a, row);
    if has_b { store(start + thread + THREADS, held.b, terms.b, g.b, row); }
    if has_c { store(start + thread + 2u * THREADS, held.c, terms.c, g.c, row); }
    if has_d { store(start + thread + 3u * THREADS, held.d, terms.d, g.d, row); }
}
