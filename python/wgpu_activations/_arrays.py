"""NumPy's arrays as the native half takes them: contiguous, aligned, in the machine's byte order."""

import numpy as np

_ELEMENTS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "float64": "f64"}


def element_of(dtype):
    """The native name of an element type."""
    element = _ELEMENTS.get(dtype.name)
    if element is None:
        raise TypeError(
            f"elements are of type {dtype.name}; float16, bfloat16 (of ml_dtypes), float32 and float64 are "
            "computed: convert with .astype(np.float32)"
        )
    return element


def dtype_of(element):
    """The dtype of a native element type."""
    if element == "bf16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype({"f32": np.float32, "f16": np.float16, "f64": np.float64}[element])


def as_array(x, what="x"):
    """`x` as an array in the machine's byte order, without a copy where it is one."""
    if type(x) is np.ndarray and x.flags.aligned and x.dtype.isnative:
        return x
    if not hasattr(x, "__array__") and hasattr(x, "__dlpack__"):
        x = np.from_dlpack(x)
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{what} is a masked array; fill it first: {what}.filled(0)")
    x = np.asarray(x)
    if not x.dtype.isnative:
        x = x.astype(x.dtype.newbyteorder("="))
    if not x.flags.aligned:
        x = x.copy(order="K")
    return x


def contiguous(x):
    """`x` in C order; np.ascontiguousarray makes a number an array of one."""
    return x if x.flags.c_contiguous else np.ascontiguousarray(x)


def bits(x):
    """Halves as their bits, which is how the native half takes them."""
    return x.view(np.uint16) if x.dtype.itemsize == 2 else x


def is_reversed(x):
    """Whether its axes lie in memory the other way round: Fortran's order."""
    return x.ndim > 1 and x.flags.f_contiguous and not x.flags.c_contiguous
