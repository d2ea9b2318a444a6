// The largest of several pieces, lane by lane, and which piece it was: the first of equal ones, the
// first NaN before any number. By bits, so that no adapter loses NaN, or a subnormal it would flush.

struct Best {
    lanes: vec4<u32>,
    order: vec4<i32>,
    pieces: vec4<u32>,
}

// Loses to everything.
fn none_yet() -> Best { return Best(vec4<u32>(0u), vec4<i32>(-0x7fffffff), vec4<u32>(0u)); }

// Integers in the order of the numbers; -0 and 0 are equal, all NaN are equal and beyond infinity.
fn order_of(lanes: vec4<u32>, infinity: u32) -> vec4<i32> {
    let magnitude = lanes & vec4<u32>(0x7fffffffu);
    let number = bitcast<vec4<i32>>(magnitude);
    let negative = bitcast<vec4<i32>>(lanes) < vec4<i32>(0);
    return select(select(number, -number, negative), vec4<i32>(0x7fffffff), magnitude > vec4<u32>(infinity));
}

fn better(best: Best, lanes: vec4<u32>, piece: u32, infinity: u32) -> Best {
    let order = order_of(lanes, infinity);
    let wins = order > best.order;
    return Best(
        select(best.lanes, lanes, wins),
        max(best.order, order),
        select(best.pieces, vec4<u32>(piece), wins),
    );
}
