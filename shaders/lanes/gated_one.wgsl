// A gated unit over the four lanes of a vector, one by one.
fn limit_of(p: Parameter) -> Real { return Real(arguments.limit); }

fn product_vector(gate: vec4<f32>, up: vec4<f32>, p: Parameters) -> vec4<f32> {
    return vec4<f32>(
        product_at(gate.x, up.x, p.x), product_at(gate.y, up.y, p.y),
        product_at(gate.z, up.z, p.z), product_at(gate.w, up.w, p.w),
    );
}

fn gate_gradient_vector(gate: vec4<f32>, up: vec4<f32>, g: vec4<f32>, p: Parameters) -> vec4<f32> {
    return vec4<f32>(
        gate_gradient_at(gate.x, up.x, g.x, p.x), gate_gradient_at(gate.y, up.y, g.y, p.y),
        gate_gradient_at(gate.z, up.z, g.z, p.z), gate_gradient_at(gate.w, up.w, g.w, p.w),
    );
}

fn up_gradient_vector(gate: vec4<f32>, up: vec4<f32>, g: vec4<f32>, p: Parameters) -> vec4<f32> {
    return vec4<f32>(
        up_gradient_at(gate.x, up.x, g.x, p.x), up_gradient_at(gate.y, up.y, g.y, p.y),
        up_gradient_at(gate.z, up.z, g.z, p.z), up_gradient_at(gate.w, up.w, g.w, p.w),
    );
}

fn term_vector(gate: vec4<f32>, up: vec4<f32>, g: vec4<f32>, p: Parameters) -> vec4<f32> {
    return vec4<f32>(
        term_at(gate.x, up.x, g.x, p.x), term_at(gate.y, up.y, g.y, p.y),
        term_at(gate.z, up.z, g.z, p.z), term_at(gate.w, up.w, g.w, p.w),
    );
}
