// An activation without a parameter.
fn parameters_at(vector: u32) -> vec4<f32> { return vec4<f32>(0.0); }
fn value_at(x: f32, parameter: f32) -> f32 { return value(x); }
fn backward_at(x: f32, upstream: f32, parameter: f32) -> f32 { return backward(x, upstream); }
