"""Arrays that stay on a GPU."""

import numpy as np

from . import _arrays, _native
from ._devices import device as find_device


class Tensor:
    """An array that stays on a GPU. Operations on it give others there: `softmax(gelu(tensor(x))).numpy()`.

    It is made by `tensor(x)`. It cannot be pickled, since another process has a device of its own: pickle `.numpy()`.
    """

    __slots__ = ("_native", "device")
    # NumPy's own operators would take it for an object.
    __array_ufunc__ = None

    def __init__(self, native, device):
        self._native = native
        self.device = device

    @property
    def shape(self):
        """Lengths of the axes."""
        return tuple(self._native.shape)

    @property
    def ndim(self):
        """How many axes it has."""
        return len(self._native.shape)

    @property
    def size(self):
        """How many elements it has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def dtype(self):
        """The type of its elements, as NumPy has it."""
        return _arrays.dtype_of(self._native.element)

    def reshape(self, *shape):
        """The same elements under another shape, in the same memory."""
        shape = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        return Tensor(self._native.reshaped(list(shape)), self.device)

    def numpy(self, out=None):
        """A copy of its elements, in `out` where that is given."""
        if out is None:
            out = np.empty(self.shape, self.dtype)
        elif out.shape != self.shape or out.dtype != self.dtype:
            raise ValueError(
                f"out is {out.dtype} of shape {out.shape} but the tensor is {self.dtype} of shape {self.shape}"
            )
        direct = out if out.flags.c_contiguous and out.flags.aligned else np.empty(self.shape, self.dtype)
        self._native.download(_arrays.bits(direct))
        if direct is not out:
            out[...] = direct
        return out

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("a tensor lies on a GPU, so that an array of it is a copy; copy=False cannot be kept")
        array = self.numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of a tensor without axes")
        return self.shape[0]

    def __repr__(self):
        return f"Tensor({self._native.element} {list(self.shape)} on {self.device.name})"

    def __reduce__(self):
        raise TypeError("a Tensor lies on a device of this process; pickle its .numpy()")


def tensor(x, device=None):
    """A copy of `x` on a GPU; a Tensor as it is. float64 is held as float32."""
    if isinstance(x, Tensor):
        return x
    x = _arrays.as_array(x)
    if x.dtype == np.float64:
        x = x.astype(np.float32)
    device = find_device(device)
    native = _native.Tensor.upload(device, _arrays.bits(_arrays.contiguous(x)), _arrays.element_of(x.dtype))
    return Tensor(native, device)
