"""Which device does the work."""

import contextvars
import os
import sys
from contextlib import contextmanager

from ._native import Device, DeviceNotFoundError, device_names

if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    # Where there is no display Mesa's device-select layer looks for one all the same, and complains on stderr.
    os.environ.setdefault("NODEVICE_SELECT", "1")

_chosen = contextvars.ContextVar("wgpu_activations device", default=None)
_found = {}


def devices():
    """The names of all devices of this machine, `"cpu"` last: what `device=` and `use` take."""
    return device_names()


def device(name=None):
    """The device called `name` (a part of it that is unique will do), or that `use` chose, or that the environment
    variable WGPU_ADAPTER_NAME names, or else the best: a GPU where there is one, else the CPU.

    Raises DeviceNotFoundError, a LookupError, which lists those there are.
    """
    if isinstance(name, Device):
        return name
    if name is None:
        chosen = _chosen.get()
        if chosen is not None:
            return chosen
        name = os.environ.get("WGPU_ADAPTER_NAME") or None
    elif not isinstance(name, str):
        raise TypeError(f"a device is named by a string, not by {type(name).__name__}")
    found = _found.get(name)
    if found is None:
        found = _found[name] = Device(name)
    return found


@contextmanager
def use(name):
    """Within `with use(name):` calls that name no device work on this one. It holds for this thread or task alone."""
    token = _chosen.set(device(name))
    try:
        yield _chosen.get()
    finally:
        _chosen.reset(token)


__all__ = ["Device", "DeviceNotFoundError", "device", "devices", "use"]
