//! Every activation of the catalogue, with the parameters that it takes.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use super::kernel::twins;

twins! {
    acon_c: [p1, p2, beta],
    celu: [alpha],
    dynamic_tanh: [alpha, weight, bias],
    elu: [alpha],
    exponential: [],
    gelu: [],
    gelu_tanh: [],
    hard_sigmoid: [slope, offset],
    hard_swish: [],
    hardshrink: [lambd],
    hardtanh: [min, max],
    identity: [],
    leaky_relu: [slope],
    log_sigmoid: [],
    mish: [],
    quick_gelu: [],
    relu: [],
    relu6: [],
    selu: [],
    shrink: [bias, lambd],
    sigmoid: [],
    snake: [alpha],
    snake_beta: [alpha, beta],
    softplus: [beta],
    softshrink: [lambd],
    softsign: [],
    sparse_plus: [],
    sparse_sigmoid: [],
    squared_relu: [],
    squareplus: [b],
    swish: [beta],
    tanh: [],
    tanhshrink: [],
    threshold: [threshold, value],
    thresholded_relu: [alpha],
}
