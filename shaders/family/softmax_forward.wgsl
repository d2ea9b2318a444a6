// Softmax forward: there are no upstream gradients.

// Of a row 1 where the largest element is alone, all others nothing beside it, else 0; of a part nothing.
alias More = f32;

fn upstream_lane(element: u32) -> f32 { return 0.0; }
fn upstream_vector(vector: u32) -> vec4<f32> { return vec4<f32>(0.0); }
fn gradient_terms(exponentials: vec4<f32>, upstream: vec4<f32>, counts: vec4<bool>) -> vec4<f32> { return vec4<f32>(0.0); }
fn as_other(gradient: f32, exponential: f32) -> f32 { return 0.0; }
fn gradient_rescaling(factor: f32) -> f32 { return 1.0; }
fn gathered(others: f32, largest: f32) -> More { return 0.0; }
fn lowered(part: More, largest: f32, factor: f32) -> More { return 0.0; }
fn shares_of(part: More, scale: f32) -> vec2<f32> { return vec2<f32>(0.0); }
fn finished(part: More, rest: f32, top: f32, scale: f32) -> More { return select(0.0, 1.0, rest == 0.0); }
fn finished_shares(others: f32, largest: f32, rest: f32, top: f32, scale: f32) -> More {
    return finished(0.0, rest, top, scale);
}

// y of an element with this share of its row: 1 where nothing else is.
fn result_of(x: f32, share: f32, upstream: f32, row: Row) -> f32 {
    var value = select(share, 1.0, row.more == 1.0 && x == row.most);
    // The minimum changes nothing but keeps compilers from subtracting the scale first.
    if LOG { value = min(x - row.most, 0.0) - row.scale; }
    return select(value, row.scale, is_nan(row.scale));
}
