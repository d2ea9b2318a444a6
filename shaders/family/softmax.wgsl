// Softmax and log-softmax: what is known of some elements of a row, how two such parts of a row
// become one, and what follows for each element, forward and backward. The bindings and entry points are in
// softmax_rows.wgsl and softmax_held.wgsl, for short rows, and softmax_splits.wgsl, for all others.

override LOG: bool = false;      // log-softmax
override ZEROS: bool = false;    // a row of nothing but -infinity gives softmax 0, not NaN
override NEGATED: bool = false;  // of -x: softmin
override BACKWARD: bool = false;

fn score(x: f32) -> f32 { return select(x, -x, NEGATED); }
fn scores(packed: Packed) -> vec4<f32> {
    let lanes = unpack(packed);
    return select(lanes, -lanes, NEGATED);
}

// The largest of some elements, +infinity if one is NaN, and the sum of the exponentials of all but
// one of the largest, under the shift for it. That one is kept apart, since its own 1 would drown
// the last digits of the others: log-softmax of a row that one element dominates is ln(1 + sum).
// `More` is what a pass takes beside that: see softmax_forward.wgsl and softmax_backward.wgsl.
struct Statistics { most: f32, sum: f32, more: More }

fn magnitudes(lanes: vec4<f32>) -> vec4<u32> { return bitcast<vec4<u32>>(lanes) & vec4<u32>(0x7fffffffu); }

// NaN by its bits, which a float `max` may drop: `magnitude` is the largest of the elements without
// their sign.
fn largest(most: f32, magnitude: u32) -> f32 {
    return select(most, bitcast<f32>(min(magnitude, 0x7f800000u)), magnitude > 0x7f800000u);
}

fn exponentials(lanes: vec4<f32>, shift: Shift) -> vec4<f32> {
    return vec4<f32>(
        exp_shifted(lanes.x, shift, 1.0), exp_shifted(lanes.y, shift, 1.0),
        exp_shifted(lanes.z, shift, 1.0), exp_shifted(lanes.w, shift, 1.0),
    );
}

// What turns a sum under one shift into one under another: a power of two, except beyond 200.
fn rescaling(before: Shift, after: Shift) -> f32 {
    return exp_shifted(before.offset, Shift(after.offset, after.exponent - before.exponent), 1.0);
}

// `all`, whose largest element `shift` is for, with one part more. `top` tells the part whose largest
// element is kept apart.
fn with_part(all: Statistics, shift: Shift, part: Statistics, top: bool) -> Statistics {
    let own = shift_for(part.most);
    let factor = rescaling(own, shift);
    let largest = exp_shifted(part.most, own, 1.0);
    return Statistics(
        all.most,
        all.sum + factor * (part.sum + select(largest, 0.0, top)),
        all.more + select(lowered(part.more, largest, factor), part.more, part.most == all.most),
    );
}

fn merged(a: Statistics, b: Statistics) -> Statistics {
    let most = max(a.most, b.most);
    let shift = shift_for(most);
    let a_is_top = a.most == most;
    return with_part(with_part(Statistics(most, 0.0, More()), shift, a, a_is_top), shift, b, !a_is_top);
}

// All that an element's result needs to know of its row. Softmax is e^x scale under the shift,
// log-softmax (x - most) - scale; a scale of NaN makes the whole row NaN. In a backward pass the scale
// is softmax's for both.
struct Row { most: f32, shift: Shift, scale: f32, more: More }

fn row_with(most: f32, scale: f32, more: More) -> Row { return Row(finite(most), shift_for(most), scale, more); }

fn row_of_statistics(statistics: Statistics) -> Row {
    let most = statistics.most;
    let top = exp_shifted(most, shift_for(most), 1.0);
    let scale = scale_for(most, statistics.sum, top);
    return row_with(most, scale, finished(statistics.more, statistics.sum, top, scale));
}

fn is_infinite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u; }

// `top` is the exponential of the largest element, `rest` the sum of the others.
fn scale_for(most: f32, rest: f32, top: f32) -> f32 {
    let bits = bitcast<u32>(most);
    let all_zero = bits == 0xff800000u && ZEROS;
    if all_zero { return 0.0; }
    if is_infinite(most) { return bitcast<f32>(bits | 0x7fc00000u); }
    if LOG && !BACKWARD { return log1pf(rest / top); }
    return 1.0 / (rest + top);
}

// An element's result, from its upstream gradient.
fn result_lane(x: f32, upstream: f32, row: Row) -> f32 {
    // Never above 1, however quotient and product are rounded.
    return result_of(x, min(exp_shifted(x, row.shift, row.scale), 1.0), upstream, row);
}
