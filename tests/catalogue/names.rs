//! What other libraries call an activation is known here, by that name.

use wgpu_activations::{CATALOGUE, family::find};

/// `torch.nn`, "Non-linear Activations" of PyTorch 2.9, MultiheadAttention and AdaptiveLogSoftmaxWithLoss aside.
const PYTORCH: &[&str] = &[
    "ELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardtanh",
    "Hardswish",
    "LeakyReLU",
    "LogSigmoid",
    "PReLU",
    "ReLU",
    "ReLU6",
    "RReLU",
    "SELU",
    "CELU",
    "GELU",
    "Sigmoid",
    "SiLU",
    "Mish",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "GLU",
    "Softmin",
    "Softmax",
    "Softmax2d",
    "LogSoftmax",
];

/// `keras.activations` of Keras 3.
const KERAS: &[&str] = &[
    "celu",
    "elu",
    "exponential",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
];

/// `jax.nn` of JAX 0.8: its activation functions.
const JAX: &[&str] = &[
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "identity",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_sign",
    "softmax",
    "softplus",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh",
];

/// The operators of ONNX, opset 24, that are activations.
const ONNX: &[&str] = &[
    "Celu",
    "Clip",
    "Elu",
    "Exp",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "LeakyRelu",
    "LogSoftmax",
    "Mish",
    "PRelu",
    "ReduceLogSumExp",
    "Relu",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Swish",
    "Tanh",
    "ThresholdedRelu",
];

/// Those that are another operation under a name of its own.
const OTHERWISE: &[(&str, &str)] = &[("Softmax2d", "softmax"), ("ReduceLogSumExp", "logsumexp")];

#[test]
fn every_name_that_others_have_is_known() {
    for &name in [PYTORCH, KERAS, JAX, ONNX].into_iter().flatten() {
        let other = OTHERWISE.iter().find(|(own, _)| *own == name);
        let found = find(other.map_or(name, |(_, other)| other));
        assert!(found.is_ok(), "{name}: {:?}", found.err());
    }
}

#[test]
fn an_entry_is_found_by_the_names_that_it_states() {
    for definition in CATALOGUE {
        for (library, name) in definition.elsewhere {
            // But for arguments, by which several entries share a name.
            let name = name.split('(').next().unwrap();
            assert!(find(name).is_ok(), "{}: {library} {name}", definition.name);
        }
    }
}
