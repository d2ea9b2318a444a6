"""The operations for PyTorch: functions, and modules with learned parameters; gradients, autocast and torch.compile.

Tensors of the CPU are read where they lie, without a copy; those of another device go by way of the host. The work
is done on `device`, as `wgpu_activations.use` and `WGPU_ADAPTER_NAME` say, else on the best there is.

    import wgpu_activations.torch as wat
    y = wat.gelu(x)
    y = wat.prelu(x, alpha, axis=1)              # alpha a parameter: it gets its gradient
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), wat.Dice(16), torch.nn.Linear(16, 1))
"""

import numpy as np
import torch
from torch import Tensor

from . import _operations
from ._devices import device as _find_device
from ._operations import operations


def _array(tensor):
    """The elements on the host, without a copy where they are there."""
    tensor = tensor.detach()
    if tensor.device.type != "cpu":
        tensor = tensor.cpu()
    if tensor.dtype == torch.bfloat16:
        import ml_dtypes

        return tensor.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()


def _tensor(array, like):
    """The same as a tensor where `like` lies."""
    if array.dtype.name == "bfloat16":
        made = torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    else:
        made = torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    return made.to(like.device)


def _chain(text, arrays, device):
    """The chain of a text, in which @0, @1, .. are the arrays."""
    named = {str(index): _operations._host_f32(_array(it), str(index)) for index, it in enumerate(arrays)}
    return _operations.Chain(_operations._native.Chain(text, named, False), device or None)


def _with_seed(text, seed):
    return text if seed is None else text.replace("SEED", str(int(seed.item()) % 2**64))


@torch.library.custom_op("wgpu_activations::forward", mutates_args=())
def _forward(
    inputs: list[Tensor], arrays: list[Tensor], seed: Tensor | None, text: str, device: str
) -> Tensor:
    chain = _chain(_with_seed(text, seed), arrays, device)
    return _tensor(chain(*map(_array, inputs)), inputs[0])


@_forward.register_fake
def _(inputs, arrays, seed, text, device):
    x = inputs[0]
    text = text.replace("SEED", "0")
    named = {str(index): np.zeros(tuple(it.shape), np.float32) for index, it in enumerate(arrays)}
    shape = _operations._native.Chain(text, named, False).result_shape([int(length) for length in x.shape])
    return x.new_empty(x.shape if list(x.shape) == shape else shape)


@torch.library.custom_op("wgpu_activations::backward", mutates_args=())
def _backward(
    inputs: list[Tensor], upstream: Tensor, arrays: list[Tensor], seed: Tensor | None, text: str, device: str
) -> list[Tensor]:
    chain = _chain(_with_seed(text, seed), arrays, device)
    dx, parameters = chain._backward([_array(it) for it in inputs], _array(upstream), None, None)
    dx = dx if isinstance(dx, tuple) else (dx,)
    gradients = [_tensor(it, inputs[0]) for it in dx]
    named = {name: values for _, name, values in parameters}
    for index, array in enumerate(arrays):
        values = named.get(_operations.parameter_of(text, index))
        values = np.zeros(array.shape, np.float32) if values is None else values.reshape(array.shape)
        gradients.append(_tensor(np.array(values), array).to(array.dtype))
    return gradients


@_backward.register_fake
def _(inputs, upstream, arrays, seed, text, device):
    return [torch.empty_like(it, memory_format=torch.contiguous_format) for it in (*inputs, *arrays)]


def _setup(ctx, inputs, output):
    tensors, arrays, seed, ctx.text, ctx.device = inputs
    ctx.inputs, ctx.arrays = len(tensors), len(arrays)
    ctx.save_for_backward(*tensors, *arrays, *(() if seed is None else (seed,)))


def _gradient(ctx, upstream):
    saved = list(ctx.saved_tensors)
    inputs, arrays = saved[: ctx.inputs], saved[ctx.inputs : ctx.inputs + ctx.arrays]
    seed = saved[-1] if len(saved) > ctx.inputs + ctx.arrays else None
    upstream = upstream.to(inputs[0].dtype)
    found = _backward(inputs, upstream, arrays, seed, ctx.text, ctx.device)
    return found[: ctx.inputs], found[ctx.inputs :], None, None, None


_forward.register_autograd(_gradient, setup_context=_setup)


@torch.library.custom_op("wgpu_activations::dice_training", mutates_args=())
def _dice_training(x: Tensor, alpha: Tensor, text: str, device: str) -> tuple[Tensor, Tensor, Tensor]:
    y, beside = _chain(text, [alpha], device)._forward([_array(x)])
    named = {name: values for _, name, values in beside}
    mean, variance = (torch.from_numpy(np.array(named[name])).to(x.device) for name in ("mean", "variance"))
    return _tensor(y, x), mean, variance


@_dice_training.register_fake
def _(x, alpha, text, device):
    statistics = x.new_empty(alpha.shape, dtype=torch.float32)
    return torch.empty_like(x, memory_format=torch.contiguous_format), statistics, torch.empty_like(statistics)


def _setup_dice(ctx, inputs, output):
    x, alpha, ctx.text, ctx.device = inputs
    ctx.save_for_backward(x, alpha)
    ctx.mark_non_differentiable(*output[1:])


def _gradient_dice(ctx, upstream, *_):
    x, alpha = ctx.saved_tensors
    dx, dalpha = _backward([x], upstream.to(x.dtype), [alpha], None, ctx.text, ctx.device)
    return dx, dalpha, None, None


_dice_training.register_autograd(_gradient_dice, setup_context=_setup_dice)


def apply(name, *inputs, device=None, seed=None, **parameters):
    """The operation of this name on tensors; parameters that are tensors get their gradients.

    >>> import torch
    >>> apply("elu", torch.tensor([-1.0, 2.0]), alpha=0.5)
    tensor([-0.3161,  2.0000])
    """
    texts, arrays = [], []
    for parameter, value in parameters.items():
        if value is None:
            continue
        if isinstance(value, Tensor):
            texts.append(f"{parameter}=@{len(arrays)}")
            arrays.append(value)
        elif isinstance(value, bool):
            texts.append(f"{parameter}={str(value).lower()}")
        else:
            texts.append(f"{parameter}={value}")
    if seed is not None:
        texts.append("seed=SEED")
    device = "" if device is None else _find_device(device).name
    return _forward(list(inputs), arrays, seed, f"{name}({','.join(texts)})", device)


globals().update({operation.__name__: _operations.function_of(operation, apply) for operation in operations.values()})


def __getattr__(name):
    """Functions by the operations' aliases: `silu`."""
    found = _operations.find(name)
    if found is None or found.__name__ == name:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[found.__name__]


class Activation(torch.nn.Module):
    """Any operation by its name: `Activation("gelu")`, `Activation("elu", alpha=0.5)`, `Activation("softmax", axis=1)`."""

    def __init__(self, name, *, device=None, **parameters):
        super().__init__()
        found = _operations.find(name)
        if found is None:
            raise ValueError(f"there is no operation {name!r}; wgpu_activations.operations lists all")
        self.name, self.on, self.parameters_given = found.name, device, parameters

    def forward(self, *inputs):
        return apply(self.name, *inputs, device=self.on, **self.parameters_given)

    def extra_repr(self):
        return ", ".join([self.name, *(f"{name}={value}" for name, value in self.parameters_given.items())])


class PReLU(torch.nn.Module):
    """x for x > 0, else alpha x, with alpha learned: one number, or one for each channel along `axis`."""

    def __init__(self, num_parameters=1, init=0.25, axis=1, *, device=None):
        super().__init__()
        self.axis, self.on = axis, device
        self.weight = torch.nn.Parameter(torch.full((num_parameters,), float(init)))

    def forward(self, x):
        return apply("prelu", x, alpha=self.weight, axis=_axis(self, x), device=self.on)


class Swish(torch.nn.Module):
    """x sigmoid(beta x), with beta learned: one number, or one for each channel along `axis`."""

    def __init__(self, num_parameters=1, init=1.0, axis=1, *, device=None):
        super().__init__()
        self.axis, self.on = axis, device
        self.weight = torch.nn.Parameter(torch.full((num_parameters,), float(init)))

    def forward(self, x):
        return apply("swish", x, beta=self.weight, axis=_axis(self, x), device=self.on)


def _axis(module, x):
    """Where there is one parameter for all, any axis will do, also of what has fewer."""
    return module.axis if module.weight.numel() > 1 else -1


class Dice(torch.nn.Module):
    """Dice with alpha learned per channel. Training normalises by the batch's mean and variance and keeps running ones,
    as torch.nn.BatchNorm1d does; `eval()` takes those."""

    def __init__(self, num_features, axis=1, epsilon=1e-8, momentum=0.1, *, device=None):
        super().__init__()
        self.axis, self.epsilon, self.momentum, self.on = axis, epsilon, momentum, device
        self.alpha = torch.nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if not self.training:
            return apply(
                "dice",
                x,
                alpha=self.alpha,
                mean=self.running_mean,
                variance=self.running_var,
                mode="infer",
                epsilon=self.epsilon,
                axis=self.axis,
                device=self.on,
            )
        device = "" if self.on is None else _find_device(self.on).name
        text = f"dice(alpha=@0,epsilon={self.epsilon},axis={self.axis})"
        y, mean, variance = _dice_training(x, self.alpha, text, device)
        with torch.no_grad():
            count = x.numel() // self.alpha.numel()
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_(variance.to(self.running_var) * (count / (count - 1)), self.momentum)
        return y

    def extra_repr(self):
        return f"{self.alpha.numel()}, axis={self.axis}, epsilon={self.epsilon}, momentum={self.momentum}"


class Maxout(torch.nn.Module):
    """The largest of each `pieces` neighbours along `axis`."""

    def __init__(self, pieces, axis=1, layout="adjacent", *, device=None):
        super().__init__()
        self.pieces, self.axis, self.layout, self.on = pieces, axis, layout, device

    def forward(self, x):
        return apply("maxout", x, pieces=self.pieces, axis=self.axis, layout=self.layout, device=self.on)

    def extra_repr(self):
        return f"pieces={self.pieces}, axis={self.axis}"


class AlphaDropout(torch.nn.Module):
    """Dropout for SELU, which keeps mean and variance. Its mask comes from PyTorch's generator; `eval()` gives x."""

    def __init__(self, p=0.5, *, device=None):
        super().__init__()
        self.p, self.on = p, device

    def forward(self, x):
        if not self.training:
            return x
        seed = torch.randint(0, 2**62, (), dtype=torch.int64)
        return apply("alpha-dropout", x, p=self.p, seed=seed, device=self.on)

    def extra_repr(self):
        return f"p={self.p}"
