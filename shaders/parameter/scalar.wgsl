// One parameter for the whole tensor.
alias Parameter = f32;
alias Parameters = vec4<f32>;
fn parameters_at(vector: u32) -> Parameters { return vec4<f32>(arguments.parameter); }
fn value_at(x: f32, parameter: Parameter) -> f32 { return value(x, parameter); }
fn backward_at(x: f32, upstream: f32, parameter: Parameter) -> f32 { return backward(x, upstream, parameter); }
