//! Every activation of the catalogue, with the parameters that it takes.
//!
//! Made by `UPDATE_TWINS=1 cargo test --test twins`; edit that.

use super::kernel::twins;

twins! {
    elu: [alpha],
    gelu: [],
    gelu_tanh: [],
    leaky_relu: [slope],
    mish: [],
    relu: [],
    selu: [],
    sigmoid: [],
    softplus: [beta],
    softsign: [],
    swish: [beta],
    tanh: [],
}
