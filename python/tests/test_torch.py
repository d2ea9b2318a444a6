"""PyTorch: gradients, modules, compilation."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import wgpu_activations as wa  # noqa: E402
import wgpu_activations.torch as wat  # noqa: E402
from torch.autograd import gradcheck  # noqa: E402


@pytest.fixture(autouse=True)
def on_the_cpu():
    with wa.use("cpu"):
        torch.manual_seed(1)
        yield


def test_values_and_gradients_are_those_of_torch():
    x = torch.randn(6, 5, requires_grad=True)
    alpha = torch.rand(5, requires_grad=True)
    pairs = [
        (wat.gelu, torch.nn.functional.gelu),
        (wat.silu, torch.nn.functional.silu),
        (wat.mish, torch.nn.functional.mish),
        (lambda x: wat.softmax(x, axis=1), lambda x: torch.softmax(x, 1)),
        (lambda x: wat.prelu(x, alpha, axis=1), lambda x: torch.nn.functional.prelu(x, alpha)),
    ]
    weights = torch.randn(6, 5)
    for ours, theirs in pairs:
        found, wanted = ours(x), theirs(x)
        torch.testing.assert_close(found, wanted)
        given = torch.autograd.grad((found * weights).sum(), (x, alpha), allow_unused=True)
        wanted = torch.autograd.grad((wanted * weights).sum(), (x, alpha), allow_unused=True)
        for a, b in zip(given, wanted):
            assert (a is None) == (b is None)
            if a is not None:
                torch.testing.assert_close(a, b)


@pytest.mark.parametrize("operation", [it for it in wa.operations if it not in ("maxout", "alpha-dropout")])
def test_gradcheck_in_float64(operation):
    given = {"f": "tanh"} if operation == "gated" else {}
    count = wa.operations[operation]._inputs(given)
    inputs = [torch.randn(5, 4, dtype=torch.float64, requires_grad=True) for _ in range(count)]
    assert gradcheck(lambda *it: wat.apply(operation, *it, **given), inputs, eps=1e-5, atol=1e-3, rtol=1e-3)


def test_gated_units():
    gate, up = torch.randn(5, 4, requires_grad=True), torch.randn(5, 4, requires_grad=True)
    torch.testing.assert_close(wat.swiglu(gate, up), torch.nn.functional.silu(gate) * up)
    both = torch.cat([gate, up], -1)
    torch.testing.assert_close(wat.glu(both, layout="halves"), torch.nn.functional.glu(both))
    torch.testing.assert_close(wat.gated(both, f="relu", layout="halves", gate="first"), torch.relu(gate) * up)


def test_opcheck():
    from torch.library import opcheck

    x = torch.randn(3, 4, requires_grad=True)
    alpha = torch.rand(4, requires_grad=True)
    opcheck(torch.ops.wgpu_activations.forward.default, ([x], [alpha], None, "prelu(alpha=@0,axis=1)", "cpu"))


def test_types():
    for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64):
        x = torch.randn(4, 3).to(dtype)
        assert wat.gelu(x).dtype == dtype
        torch.testing.assert_close(wat.relu(x), torch.relu(x), rtol=0, atol=0)
    x = torch.randn(3, 4).T
    torch.testing.assert_close(wat.relu(x), torch.relu(x))
    with pytest.raises(TypeError, match="no parameter"):
        wat.gelu(x, alpha=1)


def network():
    return torch.nn.Sequential(
        torch.nn.Linear(6, 8), wat.Dice(8), wat.PReLU(8), wat.Swish(), wat.Maxout(2), wat.AlphaDropout(0.1)
    )


def test_modules_train_and_are_stored():
    model = network()
    x = torch.randn(16, 6)
    model(x).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert not torch.equal(model[1].running_mean, torch.zeros(8))
    other = network()
    other.load_state_dict(model.state_dict())
    model.eval(), other.eval()
    torch.testing.assert_close(model(x), other(x))


def test_running_statistics_are_those_of_batch_norm():
    x = torch.randn(32, 4) * 3 + 1
    dice, norm = wat.Dice(4), torch.nn.BatchNorm1d(4)
    for _ in range(3):
        dice(x), norm(x)
    torch.testing.assert_close(dice.running_mean, norm.running_mean)
    torch.testing.assert_close(dice.running_var, norm.running_var)


def test_compiled_whole():
    model = network()
    model.eval()
    x = torch.randn(4, 6)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), model(x))
    model.train()
    torch.compile(model, fullgraph=True, backend="aot_eager")(x).sum().backward()


def test_alpha_dropout_follows_the_seed():
    x = torch.randn(1000)
    module = wat.AlphaDropout(0.5)
    torch.manual_seed(3)
    first = module(x)
    torch.manual_seed(3)
    assert torch.equal(module(x), first) and not torch.equal(module(x), first)
    assert np.isclose(first.mean().item(), 0, atol=0.2)
