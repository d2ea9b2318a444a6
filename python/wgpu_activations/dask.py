"""The operations over Dask arrays, block by block, on as many machines as there are.

    import dask.array as da, wgpu_activations.dask as wad
    y = wad.softmax(wad.gelu(x), axis=1)         # nothing is computed yet
    y = wa.gelu(x)                               # the same: a Dask array goes here
    m = wad.moments(x, axis=1).compute()         # of all blocks, merged in a tree

Each worker opens a device of its own, once: the one that `device` names, or its own default.
"""

from functools import reduce

import dask
import dask.array as da
import numpy as np

import wgpu_activations as wa

from ._operations import operations

#: Parts that one task merges.
_FANOUT = 8


def _block(x, *more, operation, options):
    return operations[operation](x, *more, **options)


def apply(operation, x, *args, device=None, math="accurate", **parameters):
    """An operation, block by block. What joins elements along an axis that is cut into blocks is joined by the
    statistics of the blocks, so that no worker holds a whole row."""
    count = operation._inputs(parameters)
    more, positional = args[: count - 1], args[count - 1 :]
    parameters.update(zip(operation._parameters, positional))
    special = _SPECIAL.get(operation.name)
    if special is not None:
        return special(x, device=device, **parameters)
    options = {"device": device, "math": math, **parameters}
    axis = parameters.get("axis", -1)
    per_channel = {name: np.asarray(it) for name, it in parameters.items() if np.ndim(it) > 0}
    if operation.entry["elementwise"] and per_channel:
        return x.map_blocks(
            _block_of_channels, operation=operation.name, options=options, axis=axis % x.ndim, dtype=x.dtype, meta=x._meta
        )
    axis %= x.ndim
    chunks = x.chunks
    if not operation.entry["elementwise"]:
        if operation.name == "alpha-dropout":
            raise ValueError("alpha_dropout's mask goes by an element's place in the whole, which a block does not know")
        if x.numblocks[axis] > 1:
            raise ValueError(f"{operation.name} over an axis that is cut into blocks: x.rechunk({{{axis}: -1}}) first")
        result = operation._chain(parameters, math)._chain.result_shape(list(x.shape))
        if len(result) != x.ndim:
            raise ValueError(f"{operation.name} with these parameters takes whole arrays; call it on .compute()")
        chunks = (*chunks[:axis], (result[axis],), *chunks[axis + 1 :])
    return da.map_blocks(
        _block, x, *more, operation=operation.name, options=options, dtype=x.dtype, meta=x._meta, chunks=chunks
    )


def _part(options, axis, block_info):
    """The options for a block: of what is one per channel, its own."""
    start, end = block_info[0]["array-location"][axis]
    return {
        name: np.asarray(it)[start:end] if np.ndim(it) > 0 else it for name, it in options.items()
    }


def _block_of_channels(x, *, operation, options, axis, block_info=None):
    return operations[operation](x, **_part(options, axis, block_info))


def _merged(parts):
    return reduce(lambda a, b: a + b, parts)


def _tree(parts, merge):
    """One of many parts, merged a few at a time, so that no worker has to hold them all."""
    while len(parts) > 1:
        groups = [parts[i : i + _FANOUT] for i in range(0, len(parts), _FANOUT)]
        parts = [dask.delayed(merge)(group) for group in groups]
    return parts[0]


def moments(x, axis=-1, device=None):
    """The moments of each channel of the whole, delayed: `.compute()` gives a Moments."""
    axis %= x.ndim
    blocks = np.moveaxis(x.to_delayed(), axis, 0)
    of_channels = []
    for row in blocks:
        parts = [dask.delayed(wa.moments)(block, axis, device=device) for block in row.ravel()]
        of_channels.append(_tree(parts, _merged))
    if len(of_channels) == 1:
        return of_channels[0]
    return dask.delayed(_side_by_side)(of_channels)


def _side_by_side(parts):
    counts = {part.count for part in parts}
    if len(counts) > 1:
        raise ValueError("channels of different counts")
    mean = np.concatenate([part.mean for part in parts])
    m2 = np.concatenate([part.m2 for part in parts])
    return wa.Moments(counts.pop(), mean.tolist(), m2.tolist())


def _dice_block(x, moments, *, options, axis, block_info=None):
    options = {**options, "mean": moments.mean, "variance": moments.variance, "mode": "infer"}
    return wa.dice(x, **_part(options, axis, block_info))


def dice(x, alpha=0.0, *, axis=-1, epsilon=1e-8, device=None, **parameters):
    """Dice by the mean and variance of all blocks, which are merged first."""
    axis %= x.ndim
    alpha = np.broadcast_to(np.asarray(alpha, np.float32), (x.shape[axis],))
    options = {"alpha": alpha, "epsilon": epsilon, "axis": axis, "device": device, **parameters}
    if "mode" in parameters or "mean" in parameters:
        return x.map_blocks(
            _block_of_channels, operation="dice", options=options, axis=axis, dtype=x.dtype, meta=x._meta
        )
    found = moments(x, axis, device)
    return x.map_blocks(_dice_block, found, options=options, axis=axis, dtype=x.dtype, meta=x._meta)


def _row_statistics(x, axis):
    """The largest element of each row, and the sum of the exponentials of all under it."""
    x = np.asarray(x, np.float64)
    most = x.max(axis=axis, keepdims=True)
    with np.errstate(invalid="ignore"):
        total = np.exp(x - np.where(np.isfinite(most), most, 0)).sum(axis=axis, keepdims=True)
    return most, total


def _softmax_block(x, log_sum, *, log):
    with np.errstate(invalid="ignore", over="ignore"):
        y = np.asarray(x, np.float64) - log_sum
    return (y if log else np.exp(y)).astype(x.dtype)


def _softmax(name):
    def call(x, axis=-1, *, device=None, **parameters):
        axis %= x.ndim
        if x.numblocks[axis] == 1:
            options = {"axis": axis, "device": device, **parameters}
            return x.map_blocks(_block, operation=name, options=options, dtype=x.dtype, meta=x._meta)
        if parameters:
            raise ValueError(f"{name} over an axis that is cut takes no {next(iter(parameters))}; rechunk first")
        log_sum = logsumexp(x.astype(np.float64), axis)
        return da.map_blocks(_softmax_block, x, log_sum, log=name == "log-softmax", dtype=x.dtype, meta=x._meta)

    call.__name__ = name.replace("-", "_")
    call.__doc__ = f"{name} along an axis, which may be cut into blocks: their rows' statistics are merged."
    return call


def _log_sums(x, axis, keepdims):
    """ln sum e^x of each row; of the blocks' own, that of all."""
    most, total = _row_statistics(x, axis[0])
    with np.errstate(divide="ignore"):
        return most + np.log(total)


def logsumexp(x, axis=-1, *, device=None):
    """ln sum e^x along an axis, which stays with length 1 and may be cut into blocks: their sums are merged."""
    axis %= x.ndim
    found = da.reduction(
        x, chunk=_log_sums, combine=_log_sums, aggregate=_log_sums, axis=axis, keepdims=True, dtype=np.float64
    )
    return found.astype(x.dtype)


softmax = _softmax("softmax")
log_softmax = _softmax("log-softmax")
_SPECIAL = {"softmax": softmax, "log-softmax": log_softmax, "dice": dice, "logsumexp": logsumexp}


def _of(operation):
    def call(x, *args, **options):
        return apply(operation, x, *args, **options)

    call.__name__ = call.__qualname__ = operation.__name__
    call.__doc__ = operation.__doc__.split("\n\nx is an array")[0]
    return call


for _operation in operations.values():
    if _operation.__name__ not in globals():
        globals()[_operation.__name__] = _of(_operation)
