"""Operations as functions, made from the native half's catalogue."""

import inspect
import os
import re
import sys

import numpy as np

from . import _arrays, _native
from ._devices import device as find_device
from ._tensors import Tensor

_MATH = {"accurate": False, "native": True}


def _native_math(math):
    try:
        return _MATH[math]
    except KeyError:
        raise ValueError(f'math is "accurate" or "native", not {math!r}') from None


class Chain:
    """Operations one after another as one function: made by `chain`."""

    def __init__(self, native, device=None):
        self._chain = native
        self._device = device

    def __call__(self, *inputs, out=None, device=None, memory=None):
        """The result for these arrays, in `out` where that is given (which may be the input)."""
        return self._forward(inputs, out, device, memory)[0]

    def grad(self, *inputs_and_upstream, device=None, memory=None):
        """The gradient of a loss with respect to the input, from the input and the gradient with respect to the
        result (`upstream`, last); then a dict of the parameters' gradients by (step, name)."""
        *inputs, upstream = inputs_and_upstream
        dx, parameters = self._backward(inputs, upstream, device, memory)
        return dx, {(step, name): values for step, name, values in parameters}

    def __str__(self):
        return str(self._chain)

    def __repr__(self):
        return f"chain({str(self)!r})"

    def _expect_inputs(self, inputs):
        if len(inputs) != self._chain.inputs:
            raise TypeError(f"{self} takes {self._chain.inputs} arrays but {len(inputs)} were given")

    def _forward(self, inputs, out=None, device=None, memory=None):
        """The result, and what operations give beside it."""
        self._expect_inputs(inputs)
        x = inputs[0]
        if isinstance(x, Tensor):
            if out is not None:
                raise TypeError("a tensor's result is a new tensor; out= is for arrays")
            return Tensor(self._chain.apply(x._native), x.device), []
        inputs = _same([_arrays.as_array(x) for x in inputs])
        x, element = inputs[0], _arrays.element_of(inputs[0].dtype)
        device = find_device(device if device is not None else self._device)
        chain, reversed_axes = self._chain, False
        if all(map(_arrays.is_reversed, inputs)) and chain.takes_any_order:
            chain, reversed_axes = chain.with_axes_reversed(x.ndim), True
            inputs = [x.T for x in inputs]
        shape = tuple(chain.result_shape(list(inputs[0].shape)))
        if out is not None:
            _expect_out(out, shape[::-1] if reversed_axes else shape, x.dtype)
        direct = out.T if reversed_axes and out is not None else out
        dense = [_arrays.contiguous(x) for x in inputs]
        narrowed = element == "f64" and device.is_gpu
        if narrowed:
            dense, element = [x.astype(np.float32) for x in dense], "f32"
        in_place = direct is not None and len(dense) == 1 and _same_memory(direct, dense[0])
        usable = direct is not None and direct.flags.c_contiguous and direct.flags.aligned and not narrowed
        if not usable or (not in_place and any(np.may_share_memory(direct, x) for x in dense)):
            direct = np.empty(shape, dense[0].dtype)
        if element == "f64":
            if in_place:
                direct = np.empty_like(direct)
            beside = chain.forward_f64(dense, direct)
        else:
            bits = _arrays.bits(direct)
            sources = [bits] if in_place else [_arrays.bits(x) for x in dense]
            beside = chain.forward(device, sources, bits, element, memory)
        y = direct.T if reversed_axes else direct
        if out is None:
            return y.astype(x.dtype, copy=False), _shaped(beside)
        if not _same_memory(y, out):
            out[...] = y
        return out, _shaped(beside)

    def _backward(self, inputs, upstream, device=None, memory=None):
        """dx, and the parameters' gradients: the step, the name, the values."""
        self._expect_inputs(inputs)
        x = inputs[0]
        if isinstance(x, Tensor):
            if not isinstance(upstream, Tensor):
                raise TypeError("x is a tensor, so upstream must be one, too")
            dx, parameters = self._chain.apply_backward(x._native, upstream._native)
            parameters = [(step, name, Tensor(values, x.device)) for step, name, values in parameters]
            return Tensor(dx, x.device), parameters
        inputs = _same([_arrays.as_array(x) for x in inputs])
        x = inputs[0]
        upstream = _arrays.as_array(upstream, "upstream")
        if upstream.dtype != x.dtype:
            raise TypeError(f"upstream is {upstream.dtype} but x is {x.dtype}")
        element = _arrays.element_of(x.dtype)
        device = find_device(device if device is not None else self._device)
        result = tuple(self._chain.result_shape(list(x.shape)))
        if upstream.shape != result:
            raise ValueError(f"upstream has shape {upstream.shape} but the result has {result}")
        dense = [_arrays.contiguous(it) for it in (*inputs, upstream)]
        if element == "f64" and device.is_gpu:
            dense, element = [it.astype(np.float32) for it in dense], "f32"
        *dense, g = dense
        dx = [np.empty(x.shape, g.dtype) for _ in dense]
        if element == "f64":
            beside = self._chain.backward_f64(dense, g, dx)
        else:
            bits, into = ([_arrays.bits(it) for it in arrays] for arrays in (dense, dx))
            beside = self._chain.backward(device, bits, _arrays.bits(g), into, element, memory)
        dx = tuple(it.astype(x.dtype, copy=False) for it in dx)
        return dx[0] if len(dx) == 1 else dx, _shaped(beside)


def _same(inputs):
    """Arrays of one type and shape."""
    first = inputs[0]
    for other in inputs[1:]:
        if other.dtype != first.dtype:
            raise TypeError(f"the arrays are {first.dtype} and {other.dtype}; they must be of one type")
        if other.shape != first.shape:
            raise ValueError(f"the arrays have shapes {first.shape} and {other.shape}; they must have one")
    return inputs


def _shaped(beside):
    return [(step, name, values.reshape(shape)) for step, name, shape, values in beside]


def _same_memory(a, b):
    return a.ctypes.data == b.ctypes.data and a.strides == b.strides and a.shape == b.shape


def _expect_out(out, shape, dtype):
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a NumPy array, not {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape} but the result has {shape}")
    if out.dtype != dtype:
        raise TypeError(f"out is {out.dtype} but the result is {dtype}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")


def _host_f32(value, name):
    """A parameter that is an array."""
    array = _arrays.as_array(value, name)
    if array.dtype.kind not in "fiu" and array.dtype.name != "bfloat16":
        raise TypeError(f"{name} holds {array.dtype}; numbers are needed")
    return np.ascontiguousarray(array, np.float32)


def chain(text, *, math="accurate", device=None, **arrays):
    """Operations one after another as one function, one trip over memory where they can be fused.

    `text` is theirs, as the command line has it: `"elu(alpha=0.5) | softmax(axis=1)"`; `NAME=@array` takes the
    array that is given by that name:

    >>> import numpy as np
    >>> f = chain("prelu(alpha=@a) | softmax", a=np.array([0.1, 0.2], np.float32))
    >>> f(np.array([[1, 2], [-3, 4]], np.float32)).sum(axis=1).round(6)
    array([1., 1.], dtype=float32)

    Raises ValueError where the text does not parse, which says where.
    """
    native = _native_math(math)
    unused = [name for name in arrays if f"@{name}" not in text]
    if unused:
        raise TypeError(f"{unused[0]} is not used: write NAME=@{unused[0]} in the chain's text")
    arrays = {name: _host_f32(array, name) for name, array in arrays.items()}
    return Chain(_native.Chain(text, arrays, native), device)


class Operation:
    """An activation or another operation: call it for its result; `grad` is its backward pass."""

    def __init__(self, entry):
        self.entry = entry
        self.name = entry["name"]
        self.aliases = tuple(entry["aliases"])
        self.__name__ = self.__qualname__ = self.name.replace("-", "_")
        self.__module__ = "wgpu_activations"
        # Those that must be given come first, as Python has it.
        entry["parameters"].sort(key=lambda parameter: not parameter.get("required"))
        self._parameters = [parameter["name"] for parameter in entry["parameters"]]
        self._known = {}
        self.__signature__ = _signature(entry)
        self.__doc__ = _doc(self, entry)

    def __call__(self, *args, out=None, device=None, math="accurate", memory=None, moments=False, **parameters):
        x = args[0] if args else _missing(self)
        if type(x).__module__.startswith("dask."):
            from . import dask

            return dask.apply(self, *args, device=device, math=math, **parameters)
        chain, inputs, _ = self._bind(args, parameters, math)
        if not moments:
            return chain._forward(inputs, out, device, memory)[0]
        y, beside = chain._forward(inputs, out, device, memory)
        return y, _moments_of(self, beside, x, parameters.get("axis", -1))

    def grad(self, *args, device=None, math="accurate", memory=None, **parameters):
        """The gradient of a loss with respect to x, from x and the gradient with respect to the result, `upstream`,
        which comes after x. The gradient of each parameter that is given, and has one, follows: `(dx, dalpha)`."""
        chain, inputs, given = self._bind(args, parameters, math, 1)
        *inputs, upstream = inputs
        dx, gradients = chain._backward(inputs, upstream, device, memory)
        wanted = [values for _, name, values in gradients if name in given]
        dx = dx if isinstance(dx, tuple) else (dx,)
        return (*dx, *wanted) if len(dx) + len(wanted) > 1 else dx[0]

    def __repr__(self):
        return f"<operation {self.name}{self.__signature__}>"

    def __reduce__(self):
        return (_operation, (self.name,))

    def _inputs(self, parameters):
        """How many arrays it takes; gated units take one or two by their layout."""
        required = [it["name"] for it in self.entry["parameters"] if it.get("required")]
        known = {name: value for name, value in parameters.items() if name in ("layout", *required)}
        return self._chain(known, "accurate")._chain.inputs if all(map(known.__contains__, required)) else 1

    def _bind(self, args, parameters, math, more=0):
        """The chain for these arguments, the arrays, and the names of the parameters that were given."""
        count = self._inputs(parameters) + more
        inputs, positional = args[:count], args[count:]
        if len(inputs) < count:
            _missing(self)
        if len(positional) > len(self._parameters):
            raise TypeError(f"{self.__name__}() takes {count + len(self._parameters)} positional arguments at most")
        for name, value in zip(self._parameters, positional):
            if name in parameters:
                raise TypeError(f"{self.__name__}() got {name} twice")
            parameters = {**parameters, name: value}
        for name in parameters:
            if name not in self._parameters:
                known = f"it takes {', '.join(self._parameters)}" if self._parameters else "it takes none"
                raise TypeError(f"{self.__name__}() has no parameter {name!r}; {known}")
        return self._chain(parameters, math), inputs, parameters

    def _chain(self, parameters, math):
        texts, arrays = [], {}
        # An array of no axes is one number for all channels, along whatever axis.
        along = self.entry["elementwise"] and parameters.get("axis") is not None
        for name, value in parameters.items():
            if value is None:
                continue
            if isinstance(value, str):
                texts.append(f"{name}={value}")
            elif isinstance(value, bool):
                texts.append(f"{name}={str(value).lower()}")
            elif isinstance(value, (int, float, np.number)) or np.ndim(value) == 0 and not along:
                number = int(value) if isinstance(value, (int, np.integer)) else float(value)
                texts.append(f"{name}={number!r}")
            else:
                arrays[name] = _host_f32(value, name)
                texts.append(f"{name}=@{name}")
        text = f"{self.name}({','.join(texts)})"
        native = _native_math(math)
        if arrays:
            return Chain(_native.Chain(text, arrays, native))
        found = self._known.get((text, native))
        if found is None:
            if len(self._known) >= 256:
                self._known.clear()
            found = self._known[text, native] = Chain(_native.Chain(text, {}, native))
        return found


def function_of(operation, apply):
    """The operation for another library, by its `apply(name, *inputs, device=None, **parameters)`."""

    def call(*args, device=None, **parameters):
        count = operation._inputs(parameters)
        inputs, positional = args[:count], args[count:]
        parameters.update(zip(operation._parameters, positional))
        for name in parameters:
            if name not in operation._parameters:
                raise TypeError(f"{operation.__name__}() has no parameter {name!r}")
        return apply(operation.name, *inputs, device=device, **parameters)

    call.__name__ = call.__qualname__ = operation.__name__
    call.__doc__ = operation.__doc__.split("\n\nx is an array")[0]
    return call


def parameter_of(text, index):
    """The parameter that is `name=@index` in a text."""
    before = text.split(f"=@{index}")[0]
    return before.replace("(", ",").rsplit(",", 1)[-1].strip()


def _missing(operation):
    raise TypeError(f"{operation.__name__}() misses an array; it is called as {operation.__name__}{operation.__signature__}")


def _operation(name):
    return operations[name]


def _signature(entry):
    kinds = inspect.Parameter
    parameters = [kinds("x", kinds.POSITIONAL_ONLY)]
    for parameter in entry["parameters"]:
        default = parameter.get("default", kinds.empty)
        parameters.append(kinds(parameter["name"], kinds.POSITIONAL_OR_KEYWORD, default=default))
    for name, default in (("out", None), ("device", None), ("math", "accurate"), ("memory", None)):
        parameters.append(kinds(name, kinds.KEYWORD_ONLY, default=default))
    return inspect.Signature(parameters)


def _doc(operation, entry):
    lines = [f"{entry['title']}: {entry['formula']}", ""]
    if entry["slope"]:
        lines += [f"Its slope: {entry['slope']}", ""]
    if entry["parameters"]:
        lines += ["Parameters:"]
        for parameter in entry["parameters"]:
            default = "" if parameter.get("required") else f", default {parameter.get('default')}"
            lines.append(f"    {parameter['name']}: {parameter['description']} ({parameter['rule']}{default})")
        lines.append("")
    lines += [f"{given}: {result}" for given, result in entry["special_values"]]
    lines += entry["notes"]
    if entry["paper"]:
        lines += ["", entry["paper"]]
    lines += [
        "",
        "x is an array of float16, bfloat16, float32 or float64 (computed in float32 on a GPU), or a Tensor. The",
        "result has its type and order; `out` takes it, and may be x. `device` names where it is computed, `memory`",
        "bounds the bytes under way on a GPU, and math=\"native\" takes the GPU's own elementary functions.",
        "",
        f"{operation.__name__}.grad(x, upstream, ...) gives dx, then the gradient of each parameter that is given.",
    ]
    return "\n".join(lines)


#: Every operation by its name.
operations = {entry["name"]: Operation(entry) for entry in _native.catalogue()}


def _plain(name):
    return re.sub("[^a-z0-9]", "", name.lower())


_by_any_name = {}
for _each in operations.values():
    for _name in (_each.name, *_each.aliases):
        _by_any_name.setdefault(_plain(_name), _each)


def find(name):
    """The operation of this name or alias, whatever the case and the hyphens; None where there is none."""
    return None if name.startswith("_") else _by_any_name.get(_plain(name))


def _moments_of(operation, beside, x, axis):
    named = {name: values for _, name, values in beside}
    if "mean" not in named:
        raise TypeError(f"{operation.__name__}() has no moments to give; dice in training has")
    mean, variance = (np.asarray(named[name], np.float64).ravel() for name in ("mean", "variance"))
    count = x.size // max(mean.size, 1)
    return _native.Moments(count, mean.tolist(), (variance * count).tolist())


def moments(x, axis=-1, *, device=None):
    """Count, mean and variance of each channel along `axis`. Those of parts add up, wherever they were computed:
    `moments(a) + moments(b)` are those of both.

    Raises IndexError for an axis that there is not.
    """
    if isinstance(x, Tensor):
        return x._native.moments(axis)
    x = _arrays.as_array(x)
    _arrays.element_of(x.dtype)
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(f"axis {axis} of an array of {x.ndim} axes")
    device = find_device(device)
    if device.is_gpu and x.dtype != np.float64:
        from ._tensors import tensor

        return tensor(x, device)._native.moments(axis)
    axis %= x.ndim
    inner = int(np.prod(x.shape[axis + 1 :], dtype=np.int64))
    return _native.Moments.of(np.ascontiguousarray(x, np.float64).reshape(x.shape), x.shape[axis], inner)


def run_file(input, output, chain, *, device=None, memory=None, force=False, progress=None):
    """Streams the array of a file through a chain (its text, or a Chain) to a new file, however large: .npy, .npz and
    .safetensors, each result beside its input's type and order. The new file appears when it is complete; one that is
    there is replaced with `force=True` alone. `memory` bounds the bytes under way on a GPU.

    `progress` is called with the elements done and their number; True draws a bar on stderr. Gives the result's shape.

    Raises OSError where a file cannot be read or written.
    """
    if isinstance(chain, str):
        chain = Chain(_native.Chain(chain, {}, False))
    elif isinstance(chain, Operation):
        chain = chain._chain({}, "accurate")
    bar = progress is True
    report = _draw if bar else progress or None
    shape = _native.run_file(
        os.fspath(input), os.fspath(output), chain._chain, find_device(device), force, memory, report
    )
    if bar:
        print(file=sys.stderr)
    return tuple(shape)


def _draw(done, of):
    share = done / of if of else 1.0
    print(f"\r[{'#' * round(40 * share):40}] {share:4.0%}", end="", file=sys.stderr, flush=True)
