// A gated unit over the four lanes of a vector at once.
fn limit_of(p: Parameter) -> Real { return Real(arguments.limit); }

fn product_vector(gate: vec4<f32>, up: vec4<f32>, p: Parameters) -> vec4<f32> { return product_at(gate, up, p); }

fn gate_gradient_vector(gate: vec4<f32>, up: vec4<f32>, g: vec4<f32>, p: Parameters) -> vec4<f32> {
    return gate_gradient_at(gate, up, g, p);
}

fn up_gradient_vector(gate: vec4<f32>, up: vec4<f32>, g: vec4<f32>, p: Parameters) -> vec4<f32> {
    return up_gradient_at(gate, up, g, p);
}

fn term_vector(gate: vec4<f32>, up: vec4<f32>, g: vec4<f32>, p: Parameters) -> vec4<f32> {
    return term_at(gate, up, g, p);
}
