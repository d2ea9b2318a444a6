"""The operations for JAX: under `jit`, `grad` and `vmap`, by a callback to the host.

    import jax, wgpu_activations.jax as waj
    jax.grad(lambda x: waj.gelu(x).sum())(x)
    jax.grad(lambda a: waj.prelu(x, alpha=a, axis=1).sum())(alpha)
"""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from . import _operations
from ._operations import operations


def _chain(text, arrays):
    named = {str(index): np.asarray(array, np.float32) for index, array in enumerate(arrays)}
    return _operations.Chain(_operations._native.Chain(text, named, False))


@lru_cache(maxsize=None)
def _function(text, inputs, device):
    """The function of a text, in which @0, @1, .. are the arrays that follow the inputs."""

    def shape_of(x, arrays):
        named = {str(index): np.zeros(array.shape, np.float32) for index, array in enumerate(arrays)}
        return tuple(_operations._native.Chain(text, named, False).result_shape(list(x.shape)))

    def on_host(*args):
        return _chain(text, args[inputs:])(*map(np.asarray, args[:inputs]), device=device)

    def gradients_on_host(*args):
        *args, upstream = map(np.asarray, args)
        dx, parameters = _chain(text, args[inputs:])._backward(args[:inputs], upstream, device)
        dx = dx if isinstance(dx, tuple) else (dx,)
        named = {name: values for _, name, values in parameters}
        of_arrays = []
        for index, array in enumerate(args[inputs:]):
            values = named.get(_operations.parameter_of(text, index), np.zeros(array.shape))
            of_arrays.append(np.asarray(values, array.dtype).reshape(array.shape))
        return (*dx, *of_arrays)

    @jax.custom_vjp
    def function(*args):
        result = jax.ShapeDtypeStruct(shape_of(args[0], args[inputs:]), args[0].dtype)
        return jax.pure_callback(on_host, result, *args, vmap_method="sequential")

    def forward(*args):
        return function(*args), args

    def backward(args, upstream):
        results = tuple(jax.ShapeDtypeStruct(it.shape, it.dtype) for it in args)
        return jax.pure_callback(gradients_on_host, results, *args, upstream, vmap_method="sequential")

    function.defvjp(forward, backward)
    return function


def apply(name, *inputs, device=None, **parameters):
    """The operation of this name on arrays; parameters that are arrays get their gradients."""
    texts, arrays = [], []
    along = operations[name].entry["elementwise"] and parameters.get("axis") is not None
    for parameter, value in parameters.items():
        if value is None:
            continue
        if isinstance(value, (jax.Array, np.ndarray)) and (along or np.ndim(value) > 0):
            texts.append(f"{parameter}=@{len(arrays)}")
            arrays.append(jnp.asarray(value))
        elif isinstance(value, bool):
            texts.append(f"{parameter}={str(value).lower()}")
        else:
            texts.append(f"{parameter}={value}")
    text = f"{name}({','.join(texts)})"
    inputs = [jnp.asarray(x) for x in inputs]
    return _function(text, len(inputs), device)(*inputs, *arrays)


globals().update({operation.__name__: _operations.function_of(operation, apply) for operation in operations.values()})


def __getattr__(name):
    """Functions by the operations' aliases: `silu`."""
    found = _operations.find(name)
    if found is None or found.__name__ == name:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[found.__name__]
