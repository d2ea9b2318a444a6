"""wgpu-activations on the processor in turn with PyTorch, NumPy and JAX on it, in one process on as many threads.

Medians of samples that are taken in turn, forward into arrays that are there and into fresh ones, backward into fresh
ones. Needs the package of `python/` (pip install ../../python) and PyTorch; JAX is measured where it is installed.
"""

import argparse
import os
import statistics
import sys
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--samples", type=int, default=15)
parser.add_argument("--rows", type=int, default=4096)
parser.add_argument("--op", action="append", help="may be repeated; all without it")
arguments = parser.parse_args()
# Before the libraries start their threads.
for variable in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(arguments.threads)
os.environ["XLA_FLAGS"] = (
    f"--xla_cpu_multi_thread_eigen={str(arguments.threads > 1).lower()} "
    f"intra_op_parallelism_threads={arguments.threads}"
)

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    import wgpu_activations as wa
except ImportError as error:
    sys.exit(f"error: {error}; pip install torch ../../python")
try:
    import jax
except ImportError:
    jax = None

torch.set_num_threads(arguments.threads)
COLUMNS, PIECES, EPSILON = 4096, 4, 1e-8
aten = torch.ops.aten


def dice(x, alpha):
    """Dice in training; running statistics are left out."""
    variance, mean = torch.var_mean(x, dim=0, correction=0)
    p = torch.sigmoid((x - mean) / torch.sqrt(variance + EPSILON))
    return x * (p + (1 - p) * alpha)


def glu(f):
    """f(gate) up of the halves of the last axis."""
    return lambda x: f(x[:, : COLUMNS // 2]) * x[:, COLUMNS // 2 :]


SLOPES = np.linspace(0, 0.5, COLUMNS, dtype=np.float32)
ALPHA = torch.from_numpy(SLOPES).requires_grad_()
GROUPS = lambda x: x.view(x.shape[0], -1, PIECES)  # noqa: E731
HALVES = {"layout": "halves", "axis": -1}

# Our function with its parameters; PyTorch's into an array that is there, where it has one; PyTorch's into a fresh one;
# what its backward pass also gives the gradient of.
OPS = {
    "relu": (wa.relu, {}, lambda x, y: torch.clamp_min(x, 0, out=y), F.relu, []),
    "sigmoid": (wa.sigmoid, {}, lambda x, y: torch.sigmoid(x, out=y), torch.sigmoid, []),
    "tanh": (wa.tanh, {}, lambda x, y: torch.tanh(x, out=y), torch.tanh, []),
    "gelu": (wa.gelu, {}, lambda x, y: aten.gelu.out(x, out=y), F.gelu, []),
    "gelu-tanh": (
        wa.gelu_tanh, {}, lambda x, y: aten.gelu.out(x, approximate="tanh", out=y),
        lambda x: F.gelu(x, approximate="tanh"), [],
    ),
    "swish": (wa.swish, {}, lambda x, y: aten.silu.out(x, out=y), F.silu, []),
    "softplus": (wa.softplus, {}, lambda x, y: aten.softplus.out(x, out=y), F.softplus, []),
    "mish": (wa.mish, {}, lambda x, y: aten.mish.out(x, out=y), F.mish, []),
    "elu": (wa.elu, {}, lambda x, y: aten.elu.out(x, out=y), F.elu, []),
    "prelu": (wa.prelu, {"alpha": SLOPES}, None, lambda x: F.prelu(x, ALPHA), [ALPHA]),
    "softmax": (wa.softmax, {}, lambda x, y: torch.softmax(x, 1, out=y), lambda x: F.softmax(x, 1), []),
    "log-softmax": (
        wa.log_softmax, {}, lambda x, y: torch.log_softmax(x, 1, out=y), lambda x: F.log_softmax(x, 1), [],
    ),
    "dice": (wa.dice, {"alpha": SLOPES}, None, lambda x: dice(x, ALPHA), [ALPHA]),
    "maxout": (
        wa.maxout, {"pieces": PIECES}, lambda x, y: torch.amax(GROUPS(x), 2, out=y),
        lambda x: GROUPS(x).max(2).values, [],
    ),
    "swiglu": (wa.swiglu, HALVES, None, glu(F.silu), []),
    "geglu": (wa.geglu, HALVES, None, glu(F.gelu), []),
    "reglu": (wa.reglu, HALVES, None, glu(F.relu), []),
}
NUMPY = {"relu": lambda x, y: np.maximum(x, 0, out=y), "tanh": lambda x, y: np.tanh(x, out=y)}
JAX = {
    "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "gelu": "gelu", "swish": "silu", "softplus": "softplus",
    "mish": "mish", "elu": "elu", "softmax": "softmax", "log-softmax": "log_softmax",
}


def medians(functions):
    """Milliseconds of each, whose samples are taken in turn."""
    times = {name: [] for name in functions}
    for sample in range(arguments.samples + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            result = function()
            elapsed = time.perf_counter() - start
            del result
            if sample:  # the first time memory is new
                times[name].append(1e3 * elapsed)
    return {name: statistics.median(found) for name, found in times.items()}


def backward(function, x, upstream, parameters):
    leaf = x.detach().requires_grad_()
    with torch.enable_grad():
        y = function(leaf)
    return lambda: torch.autograd.grad(y, [leaf, *parameters], upstream, retain_graph=True)


def tell(op, what, found):
    ours = found.pop("ours")
    beside = "  ".join(f"{name} {ms:8.2f} ms ({ours / ms:4.2f})" for name, ms in found.items())
    print(f"{op:12} {what:9} ours {ours:8.2f} ms  {beside}", flush=True)


def main():
    names = [op.replace("_", "-") for op in arguments.op or OPS]
    unknown = [name for name in names if name not in OPS]
    if unknown:
        sys.exit(f"error: {', '.join(unknown)}: measured are {', '.join(OPS)}")
    random = np.random.default_rng(7)
    x = random.uniform(-8, 8, (arguments.rows, COLUMNS)).astype(np.float32)
    of_torch = torch.from_numpy(x)
    jitted = {}
    if jax is not None:
        of_jax = jax.device_put(x, jax.devices("cpu")[0])
        jitted = {op: jax.jit(getattr(jax.nn, name)) for op, name in JAX.items() if op != "tanh"}
        jitted["tanh"] = jax.jit(jax.numpy.tanh)
    print(f"{x.shape[0]} x {x.shape[1]} f32, {arguments.threads} threads; in brackets ours as a share of it")
    with wa.use("cpu"), torch.no_grad():
        for op in names:
            ours, parameters, into, fresh, learned = OPS[op]
            expected = fresh(of_torch)
            y = np.empty(tuple(expected.shape), np.float32)
            of_y = torch.empty_like(expected)
            there = {"ours": lambda: ours(x, out=y, **parameters)}
            if into is not None:
                there["torch"] = lambda: into(of_torch, of_y)
            if op in NUMPY:
                there["numpy"] = lambda: NUMPY[op](x, y)
            if len(there) > 1:
                tell(op, "there", medians(there))
            anew = {"ours": lambda: ours(x, **parameters), "torch": lambda: fresh(of_torch)}
            if op in jitted:
                anew["jax"] = lambda: jitted[op](of_jax).block_until_ready()
            tell(op, "fresh", medians(anew))
            upstream = random.uniform(-1, 1, expected.shape).astype(np.float32)
            back = {
                "ours": lambda: ours.grad(x, upstream, **parameters),
                "torch": backward(fresh, of_torch, torch.from_numpy(upstream), learned),
            }
            tell(op, "backward", medians(back))


if __name__ == "__main__":
    main()
