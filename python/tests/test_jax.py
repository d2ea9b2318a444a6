"""JAX: jit, grad, vmap."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")

import wgpu_activations as wa  # noqa: E402
import wgpu_activations.jax as waj  # noqa: E402


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    # Callbacks run on threads of JAX's own.
    monkeypatch.setenv("WGPU_ADAPTER_NAME", "cpu")


def test_jit_grad_and_vmap(rng):
    x = jnp.asarray(rng.normal(size=(4, 6)), jnp.float32)
    theirs = lambda x: jax.nn.gelu(x, approximate=False)  # noqa: E731
    np.testing.assert_allclose(jax.jit(waj.gelu)(x), theirs(x), rtol=1e-6, atol=1e-7)
    ours = jax.jit(jax.grad(lambda x: waj.gelu(x).sum()))(x)
    np.testing.assert_allclose(ours, jax.grad(lambda x: theirs(x).sum())(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.vmap(waj.softmax)(x), jax.nn.softmax(x), rtol=1e-6)


def test_parameters_that_are_arrays_have_gradients(rng):
    x = jnp.asarray(rng.normal(size=(4, 6)), jnp.float32)
    alpha = jnp.full((6,), 0.25)
    found = jax.grad(lambda alpha: waj.prelu(x, alpha=alpha, axis=1).sum())(alpha)
    np.testing.assert_allclose(found, jnp.where(x < 0, x, 0).sum(axis=0), rtol=1e-6)


def test_shapes_that_change(rng):
    x = jnp.asarray(rng.normal(size=(4, 6)), jnp.float32)
    found = jax.jit(lambda x: waj.maxout(x, pieces=2))(x)
    np.testing.assert_array_equal(found, wa.maxout(np.asarray(x), pieces=2, device="cpu"))
    assert waj.silu is waj.swish
