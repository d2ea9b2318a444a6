// An activation over the four lanes of a vector, one by one. NaN passes through, whatever the activation does.
struct Parameters { x: Parameter, y: Parameter, z: Parameter, w: Parameter }
fn for_all(p: Parameter) -> Parameters { return Parameters(p, p, p, p); }

fn forward_lane(x: f32, parameter: Parameter) -> f32 {
    return select(value_at(x, parameter), x, is_nan(x));
}

fn forward_vector(packed_x: Packed, p: Parameters) -> Packed {
    let x = unpack(packed_x);
    return pack(vec4<f32>(
        forward_lane(x.x, p.x), forward_lane(x.y, p.y), forward_lane(x.z, p.z), forward_lane(x.w, p.w),
    ));
}

fn backward_lane(x: f32, upstream: f32, parameter: Parameter) -> f32 {
    let dx = select(backward_at(x, upstream, parameter), upstream, is_nan(upstream));
    return select(dx, x, is_nan(x));
}

fn backward_vector(packed_x: Packed, packed_upstream: Packed, p: Parameters) -> Packed {
    let x = unpack(packed_x);
    let g = unpack(packed_upstream);
    return pack(vec4<f32>(
        backward_lane(x.x, g.x, p.x), backward_lane(x.y, g.y, p.y),
        backward_lane(x.z, g.z, p.z), backward_lane(x.w, g.w, p.w),
    ));
}
