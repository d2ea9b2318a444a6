// Reductions per channel of a tensor seen as [outer, channels, inner].
//
// `columns` serves inner = 1: the tensor is a matrix whose rows hold a whole number of outer rows
// and of vectors; a thread owns one vector of columns and walks `walk` rows. `runs` serves inner > 1:
// LANES threads share the runs of inner elements of a channel, vector by vector. Each thread leaves
// a partial result per channel, and `merge` joins up to MERGED of them, again until one is left. Where
// barriers are cheap, `columns_joined` and `merge_joined` take their places: a workgroup is SHARE vectors of
// columns or SHARE channels wide and joins what its threads have through workgroup memory. No atomics: the
// same input gives the same bits.
//
// The reduction says what is reduced: Item, what is read of one vector; Context, what it needs to
// know of the channels of the four lanes; Lanes, the sums of four lanes while they grow; Partial, the
// result of one lane; visit, what is to be done with each vector on the way; beyond, whether a walk is to be taken
// again with smaller numbers.
//
// Its arguments are `ReduceArguments` of src/wgsl.rs.

const BLOCK: u32 = 32u;
const MERGED: u32 = 1024u; // 8 blocks of 8 times 16
const SHARE: u32 = 32u;
override WORKGROUP: u32 = 64u; // 64 to 256, a power of two, where threads are joined
override ALIGNED: bool = true; // runs: whether each begins with a whole vector

@group(0) @binding(2) var<storage, read_write> results: array<Partial>; // [.., stride]
@group(0) @binding(4) var<storage, read> partials: array<Partial>;      // [rows, channels]

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn thread_index(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * WORKGROUP + place.thread;
}

// Of four lanes.
struct Partials { x: Partial, y: Partial, z: Partial, w: Partial }

// The first `count` lanes of b joined to a.
fn join_lanes(a: Partials, b: Partials, count: u32) -> Partials {
    var joined = a;
    if count > 0u { joined.x = join(a.x, b.x); }
    if count > 1u { joined.y = join(a.y, b.y); }
    if count > 2u { joined.z = join(a.z, b.z); }
    if count > 3u { joined.w = join(a.w, b.w); }
    return joined;
}

@compute @workgroup_size(WORKGROUP)
fn columns(place: Place) {
    let index = thread_index(place);
    let split = index / arguments.vectors;
    let first = split * arguments.walk;
    if first >= arguments.rows { return; }
    store_lanes(index, walked(index - split * arguments.vectors, first));
}

@compute @workgroup_size(WORKGROUP)
fn columns_joined(place: Place) {
    let index = shared_index(place);
    let split = index / arguments.vectors;
    // Rows that do not exist give what adds nothing.
    let walks = WORKGROUP / SHARE;
    let first = min((split * walks + place.thread / SHARE) * arguments.walk, arguments.rows);
    let results_of_lanes = join_threads(walked(index - split * arguments.vectors, first), place.thread);
    if place.thread < SHARE && first < arguments.rows { store_lanes(index, results_of_lanes); }
}

// Of the vectors of columns or the channels that a workgroup is wide.
fn shared_index(place: Place) -> u32 {
    return (place.workgroup.y * place.workgroups.x + place.workgroup.x) * SHARE + place.thread % SHARE;
}

var<workgroup> handed_over: array<Partials, 128>;

// The results of threads SHARE apart, for the first of them.
fn join_threads(own: Partials, thread: u32) -> Partials {
    var joined = own;
    for (var half = WORKGROUP / 2u; half >= SHARE; half /= 2u) {
        if thread / half == 1u { handed_over[thread - half] = joined; }
        workgroupBarrier();
        if thread < half { joined = join_lanes(joined, handed_over[thread], 4u); }
        workgroupBarrier();
    }
    return joined;
}

// What `walk` rows from `first` on of one vector of columns give.
fn walked(column: u32, first: u32) -> Partials {
    var found = Partials();
    // In a loop, so that compilers meet the walk but once.
    for (var again = false; ; again = true) {
        let results_of_lanes = walked_once(column, first);
        if again {
            found = mended(found, results_of_lanes);
            break;
        }
        found = results_of_lanes;
        if !beyond(found) { break; }
        use_small_numbers(true);
    }
    return found;
}

fn walked_once(column: u32, first: u32) -> Partials {
    let known = context_of(column);
    let start = arguments.skip / 4u;
    let whole = arguments.length / 4u;
    // The rows of this split whose vector is whole.
    let reach = whole + arguments.vectors - 1u - min(column, whole + arguments.vectors - 1u);
    let end = min(first + arguments.walk, reach / arguments.vectors);
    var vector = first * arguments.vectors + column;
    var sums = begin(item(start + min(vector, (arguments.length - 1u) / 4u)));
    var row = first;
    for (; row + 4u <= end; row += 4u) {
        sums = add_rows(sums, start + vector, known);
        vector += 4u * arguments.vectors;
    }
    for (; row < end; row++) {
        let a = item(start + vector);
        sums = add_one(sums, a, known);
        visit(start + vector, a, known);
        vector += arguments.vectors;
    }
    let results_of_lanes = finish(sums);
    if vector == whole && row < first + arguments.walk && whole * 4u < arguments.length {
        let tail = item(start + vector);
        let count = arguments.length - whole * 4u;
        visit_first(start + vector, tail, known, count);
        return join_lanes(results_of_lanes, alone(tail, known), count);
    }
    return results_of_lanes;
}

// Four rows of one vector of columns.
fn add_rows(sums: Lanes, vector: u32, known: Context) -> Lanes {
    let step = arguments.vectors;
    let a = item(vector);
    let b = item(vector + step);
    let c = item(vector + 2u * step);
    let d = item(vector + 3u * step);
    let more = add_four(sums, a, b, c, d, known);
    visit(vector, a, known);
    visit(vector + step, b, known);
    visit(vector + 2u * step, c, known);
    visit(vector + 3u * step, d, known);
    return more;
}

// The channels of a column of vectors.
fn context_of(column: u32) -> Context {
    let channel = vec4<u32>(column * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
    return context(channel % vec4<u32>(arguments.channels));
}

// As `columns`, for rows of whole blocks of 64 vectors, which eight threads share, and whole walks of a
// multiple of four rows. A processor runs eight threads at once and the next eight when they are done:
// so they read rows a KiB at a time, and not 128 bytes of each.
@compute @workgroup_size(WORKGROUP)
fn columns_shared(place: Place) {
    let index = thread_index(place);
    let split = index / (arguments.vectors / 8u);
    let share = index - split * (arguments.vectors / 8u);
    let first = split * arguments.walk;
    if first >= arguments.rows { return; }
    let column = share / 8u * 64u + share % 8u;
    let known = array<Context, 8>(
        context_of(column), context_of(column + 8u), context_of(column + 16u), context_of(column + 24u),
        context_of(column + 32u), context_of(column + 40u), context_of(column + 48u), context_of(column + 56u),
    );
    var v = arguments.skip / 4u + first * arguments.vectors + column;
    var a = begin(item(v));
    var b = begin(item(v + 8u));
    var c = begin(item(v + 16u));
    var d = begin(item(v + 24u));
    var e = begin(item(v + 32u));
    var f = begin(item(v + 40u));
    var g = begin(item(v + 48u));
    var h = begin(item(v + 56u));
    for (var row = 0u; row < arguments.walk; row += 4u) {
        a = add_rows(a, v, known[0]);
        b = add_rows(b, v + 8u, known[1]);
        c = add_rows(c, v + 16u, known[2]);
        d = add_rows(d, v + 24u, known[3]);
        e = add_rows(e, v + 32u, known[4]);
        f = add_rows(f, v + 40u, known[5]);
        g = add_rows(g, v + 48u, known[6]);
        h = add_rows(h, v + 56u, known[7]);
        v += 4u * arguments.vectors;
    }
    let output = split * arguments.vectors + column;
    store_lanes(output, finish(a));
    store_lanes(output + 8u, finish(b));
    store_lanes(output + 16u, finish(c));
    store_lanes(output + 24u, finish(d));
    store_lanes(output + 32u, finish(e));
    store_lanes(output + 40u, finish(f));
    store_lanes(output + 48u, finish(g));
    store_lanes(output + 56u, finish(h));
    let first_four = beyond(finish(a)) || beyond(finish(b)) || beyond(finish(c)) || beyond(finish(d));
    if !(first_four || beyond(finish(e)) || beyond(finish(f)) || beyond(finish(g)) || beyond(finish(h))) { return; }
    for (var share_of = 0u; share_of < 64u; share_of += 8u) {
        let place_of_lanes = arguments.first + (output + share_of) * 4u;
        let once = Partials(
            results[place_of_lanes], results[place_of_lanes + 1u],
            results[place_of_lanes + 2u], results[place_of_lanes + 3u],
        );
        if beyond(once) {
            use_small_numbers(true);
            store_lanes(output + share_of, mended(once, walked_once(column + share_of, first)));
        }
    }
}

fn store_lanes(index: u32, lanes: Partials) {
    let output = arguments.first + index * 4u;
    results[output] = lanes.x;
    results[output + 1u] = lanes.y;
    results[output + 2u] = lanes.z;
    results[output + 3u] = lanes.w;
}

// Vectors that a thread of `runs` takes of each run, and the runs that it takes.
fn vectors_per_run() -> u32 { return max((arguments.vectors + arguments.lanes - 1u) / arguments.lanes, 1u); }
fn runs_per_thread() -> u32 { return max(BLOCK / vectors_per_run(), 1u); }

@compute @workgroup_size(WORKGROUP)
fn runs(place: Place) {
    let index = thread_index(place);
    let group = index / arguments.lanes;
    let lane = index - group * arguments.lanes;
    let split = group / arguments.channels;
    let channel = group - split * arguments.channels;
    let first = split * runs_per_thread();
    if first >= arguments.rows { return; }
    var result = Partial();
    for (var again = false; ; again = true) {
        result = runs_once(channel, lane, first);
        if again || !beyond(Partials(result, result, result, result)) { break; }
        use_small_numbers(true);
    }
    let place_of_result = (split * arguments.lanes + lane) * arguments.stride + arguments.channel + channel;
    results[arguments.first + place_of_result] = result;
}

// What a thread of `runs` finds from run `first` on.
fn runs_once(channel: u32, lane: u32, first: u32) -> Partial {
    let known = context(vec4<u32>(arguments.channel + channel));
    let last = arguments.skip + arguments.rows * arguments.channels * arguments.length - 1u;
    let start = arguments.skip + (first * arguments.channels + channel) * arguments.length;
    var sums = begin(item_at(min(start + lane * 4u, last), last));
    var tails = finish(sums);
    for (var run = 0u; run < runs_per_thread() && first + run < arguments.rows; run++) {
        let element = start + run * arguments.channels * arguments.length;
        var vector = lane;
        for (; vector + 3u * arguments.lanes < arguments.vectors; vector += 4u * arguments.lanes) {
            let a = run_item(element, vector, last);
            let b = run_item(element, vector + arguments.lanes, last);
            let c = run_item(element, vector + 2u * arguments.lanes, last);
            let d = run_item(element, vector + 3u * arguments.lanes, last);
            sums = add_four(sums, a, b, c, d, known);
            if ALIGNED {
                visit(element / 4u + vector, a, known);
                visit(element / 4u + vector + arguments.lanes, b, known);
                visit(element / 4u + vector + 2u * arguments.lanes, c, known);
                visit(element / 4u + vector + 3u * arguments.lanes, d, known);
            }
        }
        for (; vector < arguments.vectors; vector += arguments.lanes) {
            let a = run_item(element, vector, last);
            sums = add_one(sums, a, known);
            if ALIGNED { visit(element / 4u + vector, a, known); }
        }
        let count = arguments.length - arguments.vectors * 4u;
        if lane == 0u && count > 0u {
            let tail = item_at(element + arguments.vectors * 4u, last);
            tails = join_lanes(tails, alone(tail, known), count);
        }
    }
    var four = finish(sums);
    if !ALIGNED { four = join_lanes(four, tails, 4u); }
    return join(join(four.x, four.y), join(four.z, four.w));
}

// A vector of the run that begins at `element`.
fn run_item(element: u32, vector: u32, last: u32) -> Item {
    if ALIGNED { return item(element / 4u + vector); }
    return item_at(element + vector * 4u, last);
}

// Beyond the end what adds nothing.
fn partial(row: u32, end: u32, channel: u32) -> Partial {
    if row >= end { return Partial(); }
    return partials[row * arguments.channels + channel];
}

// Few at a time and those sums few at a time, since rounding errors grow with the length of a sum.
@compute @workgroup_size(WORKGROUP)
fn merge(place: Place) {
    let index = thread_index(place);
    let split = index / arguments.channels;
    let channel = index - split * arguments.channels;
    let first = split * MERGED;
    if first >= arguments.rows { return; }
    let end = min(first + MERGED, arguments.rows);
    var total = Partial();
    for (var block = first; block < end; block += 128u) {
        var of_block = Partial();
        for (var few = block; few < min(block + 128u, end); few += 16u) {
            var of_few = Partial();
            for (var row = few; row < min(few + 16u, end); row += 4u) {
                let left = join(partial(row, end, channel), partial(row + 1u, end, channel));
                let right = join(partial(row + 2u, end, channel), partial(row + 3u, end, channel));
                of_few = join(of_few, join(left, right));
            }
            of_block = join(of_block, of_few);
        }
        total = join(total, of_block);
    }
    results[index] = total;
}

@compute @workgroup_size(WORKGROUP)
fn merge_joined(place: Place) {
    let index = shared_index(place);
    let split = index / arguments.channels;
    let channel = index - split * arguments.channels;
    let walks = WORKGROUP / SHARE;
    let first = split * walks * BLOCK;
    let end = min(first + walks * BLOCK, arguments.rows);
    let step = walks * arguments.channels;
    var row = first + place.thread / SHARE;
    var total = Partial();
    for (; row + 3u * walks < end; row += 4u * walks) {
        let partial = row * arguments.channels + channel;
        let a = partials[partial];
        let b = partials[partial + step];
        let c = partials[partial + 2u * step];
        let d = partials[partial + 3u * step];
        total = join(total, join(join(a, b), join(c, d)));
    }
    for (; row < end; row += walks) { total = join(total, partials[row * arguments.channels + channel]); }
    let joined = join_threads(Partials(total, Partial(), Partial(), Partial()), place.thread);
    if place.thread < SHARE && first < arguments.rows { results[index] = joined.x; }
}

// The results of one part of the tensor joined to those of the parts before.
@compute @workgroup_size(WORKGROUP)
fn accumulate(place: Place) {
    let channel = thread_index(place);
    if channel >= arguments.channels { return; }
    results[channel] = join(results[channel], partials[channel]);
}
