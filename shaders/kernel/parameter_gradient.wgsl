// Gradient of an activation's parameter: the sum of parameter_backward(x, upstream) over the
// elements of each channel. No atomics: the same input gives the same bits.
//
// The tensor is seen as a matrix of `columns` columns, a multiple of one outer row, whose last row
// may be partial. `columns_of_terms` sums up to ROWS rows of terms per thread, `columns_of_sums`
// sums the partial sums again until one row is left, and `channels_of_sums` adds what belongs to a
// channel within that row. Sums run in blocks, so that the error grows with the length of a block
// and the number of blocks instead of with the number of terms.

struct Arguments {
    length: u32,     // elements
    channels: u32,
    inner: u32,
    columns: u32,
    rows: u32,       // rows to sum, the last one perhaps partial
    skip: u32,       // elements of the bindings before the first
    accumulate: u32, // 1 to add to what the sums hold
}

const BLOCK: u32 = 32u;
const ROWS: u32 = 1024u; // BLOCK blocks
override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<u32>;               // [skip + length], packed
@group(0) @binding(1) var<storage, read> upstream: array<u32>;        // [skip + length], packed
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;      // [rows / ROWS, columns] or [channels]
@group(0) @binding(3) var<storage, read> parameters: array<f32>;      // [channels]
@group(0) @binding(4) var<storage, read> partial_sums: array<f32>;         // [rows, columns]
@group(1) @binding(0) var<uniform> arguments: Arguments;

struct Place {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
}

// Workgroups fold into two dimensions past 65,535.
fn workgroup_index(place: Place) -> u32 {
    return place.workgroup.y * place.workgroups.x + place.workgroup.x;
}

// A sum in blocks of blocks.
struct Sum { low: f32, middle: f32, high: f32, count: u32 }

fn add(sum: Sum, term: f32) -> Sum {
    var next = Sum(sum.low + term, sum.middle, sum.high, sum.count + 1u);
    if next.count % BLOCK == 0u {
        next.middle += next.low;
        next.low = 0.0;
    }
    if next.count % ROWS == 0u {
        next.high += next.middle;
        next.middle = 0.0;
    }
    return next;
}

fn total(sum: Sum) -> f32 { return sum.high + (sum.middle + sum.low); }

fn term(element: u32, parameter: f32) -> f32 {
    let word = word_of(arguments.skip + element);
    let a = lane_of(x[word], arguments.skip + element);
    let g = lane_of(upstream[word], arguments.skip + element);
    let product = parameter_backward(a, g, parameter);
    return select(select(product, g, is_nan(g)), a, is_nan(a));
}

@compute @workgroup_size(WORKGROUP)
fn columns_of_terms(place: Place) {
    let groups = (arguments.columns + WORKGROUP - 1u) / WORKGROUP;
    let index = workgroup_index(place);
    let split = index / groups;
    let column = (index - split * groups) * WORKGROUP + place.thread;
    if column >= arguments.columns || split * ROWS >= arguments.rows { return; }
    let parameter = parameters[(column / arguments.inner) % arguments.channels];
    var sum = Sum();
    for (var row = split * ROWS; row < min((split + 1u) * ROWS, arguments.rows); row++) {
        let element = row * arguments.columns + column;
        if element < arguments.length { sum = add(sum, term(element, parameter)); }
    }
    let output = split * arguments.columns + column;
    if arguments.accumulate == 1u {
        sums[output] += total(sum);
    } else {
        sums[output] = total(sum);
    }
}

@compute @workgroup_size(WORKGROUP)
fn columns_of_sums(place: Place) {
    let groups = (arguments.columns + WORKGROUP - 1u) / WORKGROUP;
    let index = workgroup_index(place);
    let split = index / groups;
    let column = (index - split * groups) * WORKGROUP + place.thread;
    if column >= arguments.columns || split * ROWS >= arguments.rows { return; }
    var sum = Sum();
    for (var row = split * ROWS; row < min((split + 1u) * ROWS, arguments.rows); row++) {
        sum = add(sum, partial_sums[row * arguments.columns + column]);
    }
    sums[split * arguments.columns + column] = total(sum);
}

@compute @workgroup_size(WORKGROUP)
fn channels_of_sums(place: Place) {
    let channel = workgroup_index(place) * WORKGROUP + place.thread;
    if channel >= arguments.channels { return; }
    let stride = arguments.channels * arguments.inner;
    var sum = Sum();
    for (var row = 0u; row < arguments.columns; row += stride) {
        for (var i = 0u; i < arguments.inner; i++) {
            sum = add(sum, partial_sums[row + channel * arguments.inner + i]);
        }
    }
    sums[channel] = total(sum);
}
