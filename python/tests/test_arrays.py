"""Arrays of every type, shape and order on every device, against mpmath-grade references of NumPy and SciPy's formulas."""

import math

import ml_dtypes
import numpy as np
import pytest

import wgpu_activations as wa

BF16 = np.dtype(ml_dtypes.bfloat16)
TYPES = [np.dtype(np.float16), BF16, np.dtype(np.float32), np.dtype(np.float64)]
SHAPES = [(), (0,), (1,), (7,), (3, 0, 2), (4, 5), (1, 1, 6), (2, 3, 4, 5), (257, 33)]
erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x):
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=-1, keepdims=True)


EXPECTED = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "swish": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.logaddexp(0, x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "softmax": softmax,
}


def close(found, expected, dtype):
    """Whether it is right but for the rounding to its type and a few ULP of float32."""
    tolerance = {"float16": 1e-3, "bfloat16": 8e-3, "float32": 1e-6, "float64": 1e-6}[dtype.name]
    np.testing.assert_allclose(found.astype(np.float64), expected, rtol=tolerance, atol=tolerance / 10)


def layouts(x):
    """The same numbers as they may lie in memory."""
    yield "C", x
    yield "Fortran", x.copy(order="F")
    if x.ndim:
        yield "strided", np.repeat(x, 2, axis=-1)[..., ::2]
        yield "backwards", x[::-1].copy()[::-1]
        if x.ndim > 1:
            yield "transposed", np.ascontiguousarray(x.swapaxes(0, -1)).swapaxes(0, -1)
    if x.dtype.kind == "f" and x.dtype != BF16:
        yield "swapped", x.astype(x.dtype.newbyteorder("S"))
    raw = np.zeros(x.nbytes + 1, np.uint8)
    misaligned = raw[1:].view(x.dtype)[: x.size].reshape(x.shape) if x.size else x
    misaligned[...] = x
    yield "misaligned", misaligned


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_types_shapes_and_orders(device, rng, dtype, shape):
    x = np.asarray(rng.normal(size=shape) * 3).astype(dtype)
    for name, expected in EXPECTED.items():
        if name == "softmax" and not shape:
            continue
        wanted = expected(x.astype(np.float64))
        for layout, given in layouts(x):
            found = getattr(wa, name)(given)
            assert found.shape == shape and found.dtype == dtype, layout
            close(found, wanted, dtype)
            if layout == "Fortran" and x.ndim > 1 and x.size:
                assert found.flags.f_contiguous


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_out_is_filled_however_it_lies(device, rng, dtype):
    x = rng.normal(size=(6, 10)).astype(dtype)
    wanted = wa.mish(x)
    for out in (np.empty_like(x), np.empty((6, 10), dtype, order="F"), np.empty((6, 20), dtype)[:, ::2]):
        assert wa.mish(x, out=out) is out
        assert out.tobytes() == wanted.tobytes() or np.array_equal(out, wanted)
    assert wa.mish(x, out=x) is x
    np.testing.assert_array_equal(x, wanted)
    shifted = np.zeros(11, dtype)
    shifted[:10] = rng.normal(size=10)
    wanted = wa.mish(shifted[:10])
    np.testing.assert_array_equal(wa.mish(shifted[:10], out=shifted[1:]), wanted)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)])
def test_one_number_of_an_array_serves_the_channels_of_any_axis(device, shape):
    x = np.full((2, 3, 4), -1, np.float32)
    alpha = np.full(shape, 0.25, np.float32)
    np.testing.assert_array_equal(wa.prelu(x, alpha=alpha, axis=1), np.full_like(x, -0.25))
    dx, dalpha = wa.prelu.grad(x, x, alpha=alpha, axis=1)
    np.testing.assert_array_equal(dx, np.full_like(x, -0.25))
    assert dalpha == 24


def test_gradients(device, rng):
    x, g = rng.normal(size=(2, 9, 5)).astype(np.float32)
    s = sigmoid(x.astype(np.float64))
    np.testing.assert_allclose(wa.sigmoid.grad(x, g), g * s * (1 - s), rtol=1e-5, atol=1e-7)
    alpha = rng.normal(size=5).astype(np.float32)
    dx, dalpha = wa.prelu.grad(x, g, alpha=alpha, axis=1)
    np.testing.assert_allclose(dx, np.where(x > 0, g, alpha * g), rtol=1e-6)
    np.testing.assert_allclose(dalpha, np.where(x > 0, 0, x * g).sum(axis=0), rtol=1e-5, atol=1e-6)
    # Without the parameter its gradient is not given.
    assert wa.prelu.grad(x, g).shape == x.shape
    y = softmax(x.astype(np.float64))
    wanted = y * (g - (g * y).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(wa.softmax.grad(x, g), wanted, rtol=1e-5, atol=1e-7)
    wide = wa.softmax.grad(x.astype(np.float64), g.astype(np.float64))
    np.testing.assert_allclose(wide, wanted, rtol=1e-5, atol=1e-7)


def test_chains(device, rng):
    x = rng.normal(size=(4, 3)).astype(np.float32)
    a = np.array([0.1, 0.2, 0.3], np.float32)
    f = wa.chain("prelu(alpha=@a) | softmax", a=a)
    wanted = softmax(np.where(x > 0, x, a * x).astype(np.float64))
    np.testing.assert_allclose(f(x), wanted, rtol=1e-6)
    np.testing.assert_allclose(f(np.asfortranarray(x)), wanted, rtol=1e-6)
    dx, parameters = f.grad(x, np.ones_like(x))
    np.testing.assert_allclose(dx, np.zeros_like(x), atol=1e-6)
    assert parameters[0, "alpha"].shape == (3,)


def test_dice_and_moments(device, rng):
    x = (rng.normal(size=(200, 4)) * 5 + 2).astype(np.float32)
    y, moments = wa.dice(x, np.zeros(4), moments=True)
    np.testing.assert_allclose(moments.mean, x.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(moments.variance, x.var(axis=0, dtype=np.float64), rtol=1e-5)
    inferred = wa.dice(x, np.zeros(4), mean=moments.mean, variance=moments.variance, mode="infer")
    np.testing.assert_allclose(y, inferred, rtol=1e-5, atol=1e-6)
    parts = wa.moments(x[:50]) + wa.moments(x[50:])
    assert parts.count == 200
    np.testing.assert_allclose(parts.variance, x.var(axis=0, dtype=np.float64), rtol=1e-6)
    assert sum([wa.moments(x[:50]), wa.moments(x[50:])]) == parts


def test_special_values(device):
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    np.testing.assert_array_equal(wa.gelu(x)[1:3], [np.inf, 0])
    assert np.isnan(wa.gelu(x)[0])
    np.testing.assert_array_equal(np.signbit(wa.relu(x)[3:]), [False, wa.relu(x)[4] < 0])


def test_lists_numbers_and_dlpack(device):
    assert wa.relu([-1.0, 2.0]).dtype == np.float64
    assert wa.relu(np.float32(-1)).shape == ()

    class Capsule:
        """What has nothing of NumPy's but DLPack."""

        array = np.array([-1, 2], np.float32)

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    np.testing.assert_array_equal(wa.relu(Capsule()), [0, 2])


def test_gated_units_take_two_arrays_or_one(device, rng):
    gate, up, g = (rng.normal(size=(6, 4)).astype(np.float32) for _ in range(3))
    sigmoid = 1 / (1 + np.exp(-gate.astype(np.float64)))
    np.testing.assert_allclose(wa.swiglu(gate, up), gate * sigmoid * up, rtol=1e-5)
    np.testing.assert_allclose(wa.glu(np.concatenate([up, gate], -1), layout="halves"), sigmoid * up, rtol=1e-5)
    dgate, dup = wa.glu.grad(gate, up, g)
    np.testing.assert_allclose(dup, sigmoid * g, rtol=1e-5)
    np.testing.assert_allclose(dgate, sigmoid * (1 - sigmoid) * up * g, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(wa.gated(gate, up, f="relu"), wa.reglu(gate, up))
    with pytest.raises(TypeError, match="misses an array"):
        wa.glu(gate)
    with pytest.raises(ValueError, match="f=VALUE"):
        wa.gated(gate)
