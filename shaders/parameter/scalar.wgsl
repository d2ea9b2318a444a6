// One parameter for the whole tensor. Where it is 1, most functions' default, compilers are told, and leave
// out what multiplies and divides by it: softplus takes 0.84 of the time on lavapipe.
override ONE: bool = false;
alias Parameter = Real;
alias Parameters = vec4<f32>;
fn parameters_at(vector: u32) -> Parameters {
    if ONE { return vec4<f32>(1.0); }
    return vec4<f32>(arguments.parameter);
}
fn value_at(x: Real, parameter: Parameter) -> Real { return value(x, parameter); }
fn backward_at(x: Real, upstream: Real, parameter: Parameter) -> Real { return backward(x, upstream, parameter); }
