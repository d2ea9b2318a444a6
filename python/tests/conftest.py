"""The devices that tests try: the CPU, and every GPU that is there, software ones too."""

import os

import numpy as np
import pytest

import wgpu_activations as wa

NAMES = os.environ.get("WGPU_ACTIVATIONS_TEST_DEVICES", "").split(",")
DEVICES = [name for name in NAMES if name] or wa.devices()


@pytest.fixture(params=DEVICES)
def device(request):
    """Each device in turn; calls that name none work on it."""
    with wa.use(request.param) as device:
        yield device


@pytest.fixture
def rng():
    return np.random.default_rng(7)
