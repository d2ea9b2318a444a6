// Softmax backward: upstream gradients g, shaped like x, element by element and as vectors, and what becomes of
// them. With y the shares of the row, dx is y (g - S), S the sum of g y, and for log-softmax g - y G, G the sum
// of g. Where one element m dominates its row, S is nearly g_m, and so may y_m G be: of dx_m only rounding would be left.
// So the gradients of the largest elements are summed apart from all others, and
//   softmax      dx = y ((g - g_m) - (S - g_m)),        S - g_m = sum of g y over the others - (1 - y_m) g_m
//   log-softmax  dx_m = g_m (1 - y_m) - y_m (G - g_m),  G - g_m = sum of g over the others
// where 1 - y_m is the others' share. Where none dominates, g_m may be far larger than S and cost digits in its place.

@group(0) @binding(1) var<storage, read> upstream: array<u32>;            // packed
@group(0) @binding(5) var<storage, read> upstream_vectors: array<Packed>;

// Of a part: first the sum of g over all elements but the largest ones, for softmax each times its exponential, the
// largest of which TO_ONE makes about 1, so that the product does not overflow; then the sum of the largest
// ones' g alone.
// Of a row, for softmax: half of S - a and half of a, where a is g_m in a row that m dominates, else S as it was
// rounded. By halves, since g - a may leave f32's range. For log-softmax: G, and dx of m in a row that it dominates,
// else LARGEST.
alias More = vec2<f32>;

fn upstream_lane(element: u32) -> f32 { return lane_of(upstream[word_of(element)], element); }
fn upstream_vector(vector: u32) -> vec4<f32> { return unpack(upstream_vectors[vector]); }

// The terms of the sum over others than the largest, of those that count.
fn gradient_terms(exponentials: vec4<f32>, upstream: vec4<f32>, counts: vec4<bool>) -> vec4<f32> {
    let terms = select(upstream * (exponentials * TO_ONE), upstream, vec4<bool>(LOG));
    return select(vec4<f32>(0.0), terms, counts);
}

// What the largest elements' gradients, all with one exponential, are to that sum once a larger element is found.
fn as_other(gradients: f32, exponential: f32) -> f32 {
    return select(gradients * (exponential * TO_ONE), gradients, LOG);
}

// What turns the sum from one shift to another, from what turns sums of exponentials.
fn gradient_rescaling(factor: f32) -> f32 { return select(factor, 1.0, LOG); }

fn gathered(others: f32, largest: f32) -> More { return More(others, largest); }

// Of a part beside a larger element, under the shift for that; `largest` is the exponential of the part's own largest.
fn lowered(part: More, largest: f32, factor: f32) -> More {
    return More(gradient_rescaling(factor) * (part.x + as_other(part.y, largest)), 0.0);
}

// The first sum with shares in place of exponentials.
fn shares_of(part: More, scale: f32) -> vec2<f32> {
    return vec2<f32>(select(part.x * (scale * (1.0 / TO_ONE)), part.x, LOG), part.y);
}

// Of a row, all of which is one part. `top` is the exponential of the largest element, `rest` the sum of the others'.
fn finished(part: More, rest: f32, top: f32, scale: f32) -> More {
    let sums = shares_of(part, scale);
    return finished_shares(sums.x, sums.y, rest, top, scale);
}

// The same from the sum of g y over all but the largest elements.
fn finished_shares(others: f32, largest: f32, rest: f32, top: f32, scale: f32) -> More {
    // Of several largest elements none dominates. An infinite gradient has nothing that cancels.
    let dominated = rest + rest < top && abs(largest) < LARGEST;
    let share = top * scale;
    let rest_share = rest * scale;
    if LOG {
        return More(others + largest, select(LARGEST, largest * rest_share - others * share, dominated));
    }
    let near = select(others + largest * share, largest, dominated);
    let anchor = 0.5 * select(0.0, near, abs(near) < LARGEST);
    return More(0.5 * others + ((0.5 * largest - anchor) * share - anchor * rest_share), anchor);
}

// dx of an element with this share of its row.
fn result_of(x: f32, share: f32, upstream: f32, row: Row) -> f32 {
    var value = 0.0;
    if LOG {
        let own = x == row.most && abs(row.more.y) < LARGEST;
        value = select(upstream - share * row.more.x, row.more.y, own);
    } else {
        // Kept, since Mesa 22.3 would subtract in another order.
        value = 2.0 * (share * (kept(0.5 * upstream - row.more.y) - row.more.x));
    }
    return select(select(value, -value, NEGATED), row.scale, is_nan(row.scale));
}
