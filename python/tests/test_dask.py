"""Dask: the same as on one machine, over two worker processes, one of which dies."""

import os

import numpy as np
import pytest

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

import wgpu_activations as wa  # noqa: E402
import wgpu_activations.dask as wad  # noqa: E402


@pytest.fixture(scope="module")
def client():
    os.environ["WGPU_ADAPTER_NAME"] = "cpu"
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit="1.5GB", dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        yield client
    del os.environ["WGPU_ADAPTER_NAME"]


@pytest.fixture
def arrays(rng):
    x = (rng.normal(size=(300, 12)) * 3 + 1).astype(np.float32)
    return x, da.from_array(x, chunks=(70, 5))


def test_block_by_block(client, arrays):
    x, blocks = arrays
    alpha = np.linspace(-1, 1, 12)
    with wa.use("cpu"):
        np.testing.assert_array_equal(wa.gelu(blocks).compute(), wa.gelu(x))
        found = wa.prelu(blocks, alpha=alpha, axis=1).compute()
        np.testing.assert_array_equal(found, wa.prelu(x, alpha=alpha, axis=1))
        whole = wad.maxout(blocks.rechunk({1: -1}), pieces=3, axis=1)
        assert whole.shape == (300, 4)
        np.testing.assert_array_equal(whole.compute(), wa.maxout(x, pieces=3, axis=1))


def test_axes_that_are_cut(client, arrays):
    x, blocks = arrays
    with wa.use("cpu"):
        for axis in (0, 1):
            for name in ("softmax", "log_softmax", "logsumexp"):
                found = getattr(wad, name)(blocks, axis=axis).compute()
                np.testing.assert_allclose(found, getattr(wa, name)(x, axis=axis), rtol=1e-5, atol=1e-6)
        with pytest.raises(ValueError, match="rechunk"):
            wad.maxout(blocks, pieces=2, axis=1)


def test_moments_merge_and_dice_takes_them(client, arrays):
    x, blocks = arrays
    alpha = np.linspace(-1, 1, 12)
    found = wad.moments(blocks, axis=1).compute()
    np.testing.assert_allclose(found.mean, x.mean(axis=0, dtype=np.float64), rtol=1e-9)
    np.testing.assert_allclose(found.variance, x.var(axis=0, dtype=np.float64), rtol=1e-9)
    with wa.use("cpu"):
        np.testing.assert_allclose(
            wad.dice(blocks, alpha, axis=1).compute(), wa.dice(x, alpha, axis=1), rtol=1e-5, atol=1e-6
        )


def test_a_worker_that_dies_changes_nothing(client, arrays):
    x, blocks = arrays
    future = client.compute(wad.dice(blocks, 0.5, axis=1))
    client.run(lambda dask_worker: os._exit(1), workers=[next(iter(client.scheduler_info()["workers"]))], on_error="ignore")
    with wa.use("cpu"):
        np.testing.assert_allclose(future.result(timeout=120), wa.dice(x, np.full(12, 0.5)), rtol=1e-5, atol=1e-6)
