// The names of `math.wgsl` over WGSL's builtins, as fast and as accurate as the adapter makes them.

fn product(a: f32, b: f32) -> vec2<f32> { return vec2<f32>(a * b, 0.0); }
fn half_square(x: f32) -> vec2<f32> { return vec2<f32>(0.5 * x * x, 0.0); }
fn gelu_argument(x: f32) -> vec3<f32> {
    return vec3<f32>(x * (1.5957691 + 0.071354816 * x * x), 0.0, 0.0);
}

struct Scaled { value: f32, scale: f32 }
fn plain(e: Scaled) -> f32 { return e.value; }
fn multiple(c: f32, e: Scaled) -> Scaled { return Scaled(c * e.value, 1.0); }
fn times(v: f32, e: Scaled) -> f32 { return v * e.value; }

fn exp_negative(x: f32) -> Scaled { return Scaled(exp(-min(abs(x), 200.0)), 1.0); }
fn square_of_one_plus(e: f32) -> f32 { return (1.0 + e) * (1.0 + e); }
fn exp_negative_sum(z: vec2<f32>) -> Scaled { return exp_negative(z.x); }
fn exp_negative_sum3(z: vec3<f32>) -> Scaled { return exp_negative(z.x); }

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(clamp(-x, -80.0, 80.0))); }
fn gate(x: f32, e: Scaled, positive: bool) -> f32 {
    return select(finite(x) * e.value, x, positive) / (1.0 + e.value);
}
fn normal_gate(x: f32) -> f32 {
    let t = min(abs(x), 15.0);
    return max(x, 0.0) - exp(-0.5 * t * t) * normal_tail(t);
}

fn expm1f(x: f32) -> f32 { return exp(max(x, -200.0)) - 1.0; }
// WGSL has no log1p, and ln(1 + x) / x is 0 / 0 for small x: the polynomial serves here too.
fn log1p_ratio(x: f32) -> f32 {
    return 1.0 + x * (-0.49998105 + x * (0.33282825 + x * (-0.24529697 + x * (0.17827490
        + x * (-0.10874321 + x * (0.044788916 + x * -0.0087238038))))));
}
// Clamped: large inputs give NaN on llvmpipe.
fn tanhf(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }
// WGSL has no erf: Abramowitz and Stegun 26.2.17, 7.5e-8 absolute in Phi.
fn normal_tail(t: f32) -> f32 {
    let w = 1.0 / (1.0 + 0.2316419 * t);
    return t * w * (0.12741479 + w * (-0.14224837 + w * (0.71070687 + w * (-0.72657602 + w * 0.53070272))));
}
fn normal_series(s: f32) -> f32 { return 0.39894226 + s * (-0.066454 + s * 0.00954); }
