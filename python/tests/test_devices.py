"""Tensors that stay, threads, forks, pickles, interrupts and files."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import wgpu_activations as wa

GPUS = [name for name in wa.devices() if name != "cpu"]
needs_gpu = pytest.mark.skipif(not GPUS, reason="no GPU, nor a driver that passes for one")


@needs_gpu
@pytest.mark.parametrize("name", GPUS)
def test_tensors_stay_on_their_device(name, rng):
    x = rng.normal(size=(5, 7)).astype(np.float32)
    with wa.use(name):
        t = wa.tensor(x)
        y = wa.softmax(wa.gelu(t))
        np.testing.assert_array_equal(np.asarray(y), wa.softmax(wa.gelu(x)))
        assert (t.shape, t.ndim, t.size, t.dtype) == ((5, 7), 2, 35, np.float32)
        assert t.reshape(35).shape == (35,)
        np.testing.assert_array_equal(wa.gelu.grad(t, t).numpy(), wa.gelu.grad(x, x))
        dx, dalpha = wa.prelu.grad(t, t, alpha=np.full(7, 0.5))
        assert isinstance(dalpha, wa.Tensor) and dalpha.shape == (7,)
        with pytest.raises(TypeError):
            t + 1
        with pytest.raises(TypeError, match="numpy"):
            pickle.dumps(t)
    with pytest.raises(TypeError, match="GPU"):
        wa.tensor(x, "cpu")


def test_devices_and_moments_are_pickled(rng):
    assert pickle.loads(pickle.dumps(wa.device("cpu"))) == wa.device("cpu")
    moments = wa.moments(rng.normal(size=(10, 3)), device="cpu")
    assert pickle.loads(pickle.dumps(moments)) == moments
    assert pickle.loads(pickle.dumps(wa.gelu)) is wa.gelu


def test_use_holds_for_its_thread_alone():
    with wa.use("cpu"):
        found = []
        thread = threading.Thread(target=lambda: found.append(wa.device()))
        thread.start()
        thread.join()
        assert wa.device().name == "cpu" and found[0] == wa.device(os.environ.get("WGPU_ADAPTER_NAME") or None)


def test_eight_threads_at_once(device, rng):
    x = rng.normal(size=(64, 1000)).astype(np.float32)
    wanted = wa.softmax(x)
    wrong = []

    def work():
        with wa.use(device):
            for _ in range(5):
                if not np.array_equal(wa.softmax(x), wanted):
                    wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_opens_its_own_device(device):
    if "swiftshader" in device.name:
        pytest.skip("SwiftShader 5.0 waits for threads that a fork leaves behind")
    code = f"""
import os, sys, numpy as np, wgpu_activations as wa
x = np.linspace(-3, 3, 100, dtype=np.float32)
with wa.use({device.name!r}):
    wanted = wa.gelu(x)
    kept = wa.tensor(x) if wa.device().is_gpu else None
    child = os.fork()
    right = np.array_equal(wa.gelu(x), wanted)
    if child == 0:
        kept = None
        os._exit(0 if right else 1)
    _, status = os.waitpid(child, 0)
    sys.exit(0 if right and status == 0 else 1)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


@needs_gpu
def test_ctrl_c_ends_a_long_call():
    code = f"""
import numpy as np, wgpu_activations as wa
x = np.zeros(1 << 27, np.float32)
wa.gelu(x[:100], device={GPUS[-1]!r})
print("begun", flush=True)
wa.gelu(x, out=x, device={GPUS[-1]!r}, memory=4 << 20)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "begun\n"
    time.sleep(0.2)
    sent = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert "KeyboardInterrupt" in told and child.returncode != 0
    assert time.monotonic() - sent < 2  # of which most is the interpreter's end


def test_files(device, rng, tmp_path):
    x = rng.normal(size=(40, 30)).astype(np.float32)
    for order in "CF":
        np.save(tmp_path / "x.npy", np.asarray(x, order=order))
        seen = []
        shape = wa.run_file(
            tmp_path / "x.npy",
            tmp_path / "y.npy",
            "gelu | softmax(axis=1)",
            force=True,
            progress=lambda done, of: seen.append((done, of)),
        )
        y = np.load(tmp_path / "y.npy")
        assert shape == (40, 30) and y.flags.f_contiguous == (order == "F")
        np.testing.assert_allclose(y, wa.softmax(wa.gelu(x)), rtol=1e-6)
    assert seen
    with pytest.raises(OSError, match="force"):
        wa.run_file(tmp_path / "x.npy", tmp_path / "y.npy", "relu")
    assert sorted(os.listdir(tmp_path)) == ["x.npy", "y.npy"]


def test_names_and_documentation():
    for operation in wa.operations.values():
        assert operation.__doc__.startswith(operation.entry["title"])
        for name in (operation.name, *operation.aliases):
            assert getattr(wa, name.replace("-", "_").upper()) is operation
    assert wa.LeakyReLU is wa.leaky_relu
