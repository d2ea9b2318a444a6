// The names of `math.wgsl` over WGSL's builtins, as fast and as accurate as the adapter makes them.

struct Scaled { value: f32, scale: f32 } // the scale is 1
fn plain(e: Scaled) -> f32 { return e.value; }
fn multiple(c: f32, e: Scaled) -> Scaled { return Scaled(c * e.value, 1.0); }
fn times(v: f32, e: Scaled) -> f32 { return v * e.value; }

fn exp_negative(x: f32) -> Scaled { return Scaled(exp(-abs(x)), 1.0); }
fn exp_negative_product(a: f32, b: f32) -> Scaled { return exp_negative(finite(a) * b); }
fn exp_negative_half_square(t: f32) -> Scaled { return exp_negative(0.5 * t * t); }
fn exp_negative_gelu(x: f32) -> Scaled { return exp_negative(x * (1.5957691 + 0.071354816 * x * x)); }
fn square_of_one_plus(e: f32) -> f32 { return (1.0 + e) * (1.0 + e); }

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
fn sigmoid_gate(x: f32, z: f32, e: Scaled) -> f32 {
    return select(finite(x) * e.value, x, z >= 0.0) / (1.0 + e.value);
}
fn tanh_softplus_gate(x: f32) -> f32 {
    let e = exp(min(x, 20.0));
    let n = e * (e + 2.0);
    return select(finite(x), x, x >= 0.0) * (n / (n + 2.0));
}
// Phi is a sigmoid of an odd polynomial, fitted to 3e-6 absolute in x Phi(x).
fn normal_gate(x: f32) -> f32 {
    let s = x * x;
    let z = x * (1.5956552 + s * (0.07293986 + s * (-2.5095108e-4 + s * (-6.0934688e-5 + s * 2.2252814e-6))));
    return select(finite(x), x, x >= 0.0) / (1.0 + exp(-z));
}

fn expm1f(x: f32) -> f32 { return exp(x) - 1.0; }
// WGSL has no log1p, and ln(1 + x) / x is 0 / 0 for small x: the polynomial serves here too.
fn log1p_ratio(x: f32) -> f32 {
    return 1.0 + x * (-0.49990374 + x * (0.33135921 + x * (-0.23592617 + x * (0.15067747
        + x * (-0.067548379 + x * 0.014489737)))));
}
// Clamped: large inputs give NaN on llvmpipe.
fn tanhf(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }
// WGSL has no erf: Abramowitz and Stegun 26.2.17, 7.5e-8 absolute in Phi.
fn normal_tail(t: f32) -> f32 {
    let w = 1.0 / (1.0 + 0.2316419 * t);
    return t * w * (0.12741479 + w * (-0.14224837 + w * (0.71070687 + w * (-0.72657602 + w * 0.53070272))));
}
fn normal_series(s: f32) -> f32 { return 0.39894226 + s * (-0.066454 + s * 0.00954); }

struct Shift { offset: f32, exponent: f32 } // the exponent is 0
fn shift_for(most: f32) -> Shift { return Shift(finite(most), 0.0); }
fn exp_shifted(x: f32, shift: Shift, factor: f32) -> f32 {
    return factor * exp(max(x - shift.offset, -200.0));
}
fn log1pf(x: f32) -> f32 {
    let fraction = min(x, 1.0);
    return select(log(1.0 + x), fraction * log1p_ratio(fraction), x < 1.0);
}
