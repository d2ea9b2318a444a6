"""Activation functions, forward and backward, on any GPU or on the CPU, each checked against an f64 reference.

>>> import numpy as np, wgpu_activations as wa
>>> wa.relu(np.array([-1.0, 2.0], np.float32))
array([0., 2.], dtype=float32)

Every operation is a function of this module: `help(wa.gelu)` tells its formula and parameters, `wa.operations` lists
all. Its gradient is `wa.gelu.grad(x, dy)`. Where work is done: `wa.use("cpu")`, or `device=` of any call.
"""

from importlib.metadata import version as _version

from ._devices import device, devices, use
from ._native import Device, DeviceLostError, DeviceNotFoundError, Moments
from ._operations import Chain, Operation, chain, moments, operations, run_file
from ._tensors import Tensor, tensor

__version__ = _version("wgpu-activations")

globals().update({operation.__name__: operation for operation in operations.values()})

__all__ = [
    "Chain",
    "Device",
    "DeviceLostError",
    "DeviceNotFoundError",
    "Moments",
    "Operation",
    "Tensor",
    "chain",
    "device",
    "devices",
    "moments",
    "operations",
    "run_file",
    "tensor",
    "use",
    *sorted(operation.__name__ for operation in operations.values()),
]


def __getattr__(name):
    """Operations by their aliases, whatever the case: `silu`, `LeakyReLU`."""
    from ._operations import find

    found = find(name)
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found
