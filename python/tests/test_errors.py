"""What is wrong is told, by the kind of exception that Python has for it."""

import numpy as np
import pytest

import wgpu_activations as wa

X = np.zeros((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (lambda: wa.gelu(np.arange(3)), TypeError, "int64"),
        (lambda: wa.gelu("text"), TypeError, "float32"),
        (lambda: wa.gelu(), TypeError, "gelu(x"),
        (lambda: wa.gelu(X, slope=1), TypeError, "no parameter 'slope'"),
        (lambda: wa.elu(X, alpha=-1.0), ValueError, ">= 0"),
        (lambda: wa.elu(X, "much"), ValueError, "not a number"),
        (lambda: wa.prelu(X, alpha=[1.0, 2.0]), ValueError, "2"),
        (lambda: wa.softmax(X, axis=2), ValueError, "axes run from -2 to 1"),
        (lambda: wa.softmax(X, math="fast"), ValueError, "accurate"),
        (lambda: wa.maxout(X, pieces=2), ValueError, "3"),
        (lambda: wa.maxout(X), ValueError, "pieces"),
        (lambda: wa.relu(X, out=np.zeros((3, 2), np.float32)), ValueError, "(3, 2)"),
        (lambda: wa.relu(X, out=np.zeros((2, 3))), TypeError, "float64"),
        (lambda: wa.relu.grad(X, X[0]), ValueError, "upstream has shape (3,)"),
        (lambda: wa.relu.grad(X, X.astype(np.float16)), TypeError, "float16"),
        (lambda: wa.chain("gleu"), ValueError, "did you mean `gelu`?"),
        (lambda: wa.chain("prelu(alpha=@a)"), ValueError, "no array a"),
        (lambda: wa.chain("relu", a=X), TypeError, "not used"),
        (lambda: wa.gleu, AttributeError, "gleu"),
        (lambda: wa.moments(X, axis=2), IndexError, "axis 2"),
        (lambda: wa.relu(np.ma.masked_array(X)), TypeError, "masked"),
        (lambda: wa.relu(X, device=3), TypeError, "string"),
        (lambda: wa.run_file("none.npy", "y.npy", "relu"), OSError, "none.npy"),
    ],
)
def test_what_is_wrong_is_told(call, kind, says):
    with wa.use("cpu"), pytest.raises(kind) as raised:
        call()
    assert says in str(raised.value)


def test_a_device_that_is_not_there_lists_those_that_are():
    with pytest.raises(wa.DeviceNotFoundError, match="cpu"):
        wa.device("riva 128")
    assert issubclass(wa.DeviceNotFoundError, LookupError)
    assert issubclass(wa.DeviceLostError, RuntimeError)
