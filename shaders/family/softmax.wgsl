// Softmax and log-softmax: what is known of some elements of a row, how two such parts of a row
// become one, and what follows for each element. The bindings and entry points are in
// softmax_rows.wgsl, for rows that a few threads walk through, and softmax_splits.wgsl, for all others.

override LOG: bool = false;      // log-softmax
override ZEROS: bool = false;    // a row of nothing but -infinity gives softmax 0, not NaN
override BACKWARD: bool = false; // sums are plain

// The largest of some elements, +infinity if one is NaN, and the sum of the exponentials of all but
// one of the largest, under the shift for it. That one is kept apart, since its own 1 would drown
// the last digits of the others: log-softmax of a row that one element dominates is ln(1 + sum).
// A backward pass has a plain sum and 0 for the largest.
struct Statistics { most: f32, sum: f32 }

// NaN by its bits, which a float `max` may drop: `magnitude` is the largest of the elements without
// their sign.
fn largest(most: f32, magnitude: u32) -> f32 {
    return select(most, bitcast<f32>(min(magnitude, 0x7f800000u)), magnitude > 0x7f800000u);
}

// What turns a sum under one shift into one under another: a power of two, except beyond 200.
fn rescaling(before: Shift, after: Shift) -> f32 {
    return exp_shifted(before.offset, Shift(after.offset, after.exponent - before.exponent), 1.0);
}

// What a part adds to a sum under `shift`. `top` tells the part whose largest element is kept apart.
fn share(part: Statistics, shift: Shift, top: bool) -> f32 {
    let own = shift_for(part.most);
    let factor = rescaling(own, shift);
    if BACKWARD { return factor * part.sum; }
    return factor * (part.sum + select(exp_shifted(part.most, own, 1.0), 0.0, top));
}

fn merged(a: Statistics, b: Statistics) -> Statistics {
    let most = max(a.most, b.most);
    let shift = shift_for(most);
    let a_is_top = a.most == most;
    return Statistics(most, share(a, shift, a_is_top) + share(b, shift, !a_is_top));
}

// All that an element's result needs to know of its row. Softmax is e^x scale under the shift,
// log-softmax (x - most) - scale; a scale of NaN makes the whole row NaN.
struct Row { most: f32, shift: Shift, scale: f32 }

fn row_with(most: f32, scale: f32) -> Row { return Row(finite(most), shift_for(most), scale); }

fn scale_of(statistics: Statistics) -> f32 {
    return scale_for(statistics.most, statistics.sum, exp_shifted(statistics.most, shift_for(statistics.most), 1.0));
}

// `top` is the exponential of the largest element, `rest` the sum of the others.
fn scale_for(most: f32, rest: f32, top: f32) -> f32 {
    let bits = bitcast<u32>(most);
    let all_zero = bits == 0xff800000u && ZEROS;
    if all_zero { return 0.0; }
    if (bits & 0x7fffffffu) == 0x7f800000u { return bitcast<f32>(bits | 0x7fc00000u); }
    if LOG { return log1pf(rest / top); }
    return 1.0 / (rest + top);
}

fn forward_lane(x: f32, row: Row) -> f32 {
    var value = exp_shifted(x, row.shift, row.scale);
    // The minimum changes nothing but keeps compilers from subtracting the scale first.
    if LOG { value = min(x - row.most, 0.0) - row.scale; }
    return select(value, row.scale, is_nan(row.scale));
}

// The terms of the sum that a backward pass needs of its row.
fn backward_term(y: f32, upstream: f32) -> f32 {
    if LOG { return upstream; }
    return upstream * y;
}

// y (g - sum of g y) for softmax, g - e^y sum of g for log-softmax.
fn backward_lane(y: f32, upstream: f32, sum: f32) -> f32 {
    if LOG { return select(upstream - times(sum, exp_negative(y)), y, is_nan(y)); }
    return y * (upstream - sum);
}
