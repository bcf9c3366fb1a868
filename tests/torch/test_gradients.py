"""Gradients of `as_torch`: what they are, what a graph keeps for them, and what has none."""

from __future__ import annotations

from typing import Any

import pytest

from rnnc.torch import as_torch
from tests.torch.support import compiled, flat, gradcheck, net, normal, torch

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "own names": ("gru.rnn", {}),
    "layout": ("lstm.rnn", {}),
    "another layout": ("lstm.rnn", {"layout": "onnx"}),
    "two states of one output": ("lstm.rnn", {"layout": None}),
    "clipping": ("lmu.rnn", {}),
}


@pytest.mark.parametrize("name", CASES)
def test_gradcheck(name: str) -> None:
    """By x, by every state and by every parameter, with lengths."""
    example, how = CASES[name]
    ours = net(example, **how)
    spec = compiled(example).SPEC
    x = normal(3, 4, 3)
    _, final = ours(x)
    states = final if isinstance(final, dict) else {next(iter(spec["states"])): final}
    given = [normal(*t.shape, seed=k) for k, t in enumerate(states.values()) if t.is_floating_point()]
    names = [name for name, _ in ours.named_parameters()]

    def run(x: Any, *rest: Any) -> list[Any]:
        weights, state = dict(zip(names, rest, strict=False)), dict(zip(states, rest[len(names) :], strict=True))
        arguments = (x, state if len(state) > 1 else next(iter(state.values())), [4, 0, 2])
        return flat(torch.func.functional_call(ours, weights, arguments))

    weights = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]
    assert gradcheck(run, x, *weights, *given)


def test_what_is_not_used_has_no_gradient() -> None:
    ours, x = net("lstm.rnn"), normal(2, 3, 3)
    _, final = ours(x)
    final["c"].sum().backward()
    assert ours.weight_hh_l0.grad is not None
    (gradient,) = torch.autograd.grad(ours(x)[1]["h"].sum(), [x])
    assert gradient.shape == x.shape
    frozen = net("lstm.rnn").requires_grad_(False)
    frozen(x)[0].sum().backward()
    assert all(parameter.grad is None for parameter in frozen.parameters())
    assert x.grad is not None


def test_without_gradients_there_is_no_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, x = net("gru.rnn"), normal(2, 3, 3)
    expected = ours(x)[0].detach()
    monkeypatch.setattr(compiled("gru.rnn"), "forward_train", None)
    with torch.no_grad():
        y, _ = ours(x)
    assert not y.requires_grad
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-15)
    assert not ours.requires_grad_(False)(x.detach())[0].requires_grad


@pytest.mark.parametrize("given", ["nothing", "masks"])
def test_a_graph_that_is_retained_gives_its_gradients_again(given: str) -> None:
    """Also with the masks and lengths of the call, whatever has become of them since."""
    ours, x = net("dropout.rnn", ("inner", "GRU(4)"), ("input_keep", "0.5")), normal(2, 3, 3)
    lengths, masks = torch.tensor([3, 1]), {"xin": torch.ones(3, 2, 3, dtype=torch.float64)}
    y, final = ours(x, lengths=lengths, masks=None if given == "nothing" else masks)
    loss = y.square().sum() + final.sum()
    sources = [x, *ours.parameters()]
    expected = torch.autograd.grad(loss, sources, retain_graph=True)
    lengths.zero_()
    masks["xin"].zero_()
    for retain in (True, False):
        for found, wanted in zip(torch.autograd.grad(loss, sources, retain_graph=retain), expected, strict=True):
            torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(loss, sources)


def test_what_a_call_was_given_is_not_changed_before_its_gradient() -> None:
    x = normal(2, 3, 3, grad=False)
    y, _ = net("gru.rnn")(x)
    x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_there_is_no_second_derivative() -> None:
    x = normal(2, 3, 3)
    (slope,) = torch.autograd.grad(net("gru.rnn")(x)[0].square().sum(), [x], create_graph=True)
    with pytest.raises(RuntimeError, match="GRU has no second derivatives"):
        slope.sum().backward()


def test_second_derivatives_by_what_a_call_was_given_are_no_zeros() -> None:
    ours, x = net("gru.rnn"), normal(2, 3, 3)
    for sources in ([x], list(ours.parameters())):
        slopes = torch.autograd.grad(ours(x)[0].square().sum(), sources, create_graph=True)
        with pytest.raises(RuntimeError, match="GRU has no second derivatives"):
            torch.autograd.grad(slopes[0].square().sum(), sources, allow_unused=True)
    with pytest.raises(RuntimeError, match="GRU has no second derivatives"):
        torch.autograd.functional.hessian(lambda x: ours(x)[0].sum(), x.detach())


def test_parameters_of_a_layout_are_rows_in_memory() -> None:
    """As PyTorch's own, which safetensors and LBFGS rely on."""
    ours = as_torch(compiled("lstm.rnn"), units=4, input=3)
    assert all(tensor.is_contiguous() for tensor in ours.state_dict().values())


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_what_has_no_numbers_is_refused() -> None:
    ours, x = net("gru.rnn"), normal(2, 3, 3).detach()
    for call in (
        lambda: torch.func.grad(lambda x: ours(x)[0].sum())(x),
        lambda: torch.func.vmap(ours)(x[:, None]),
        lambda: torch.func.grad(lambda p: torch.func.functional_call(ours, p, x)[0].sum())(dict(ours.state_dict())),
        lambda: torch.export.export(ours, (x,), strict=False),
        lambda: torch.autograd.functional.jacobian(lambda x: ours(x)[0], x, vectorize=True),
        lambda: ours(torch.nested.nested_tensor([x[0], x[1]], layout=torch.jagged)),
    ):
        with pytest.raises(TypeError, match="is no array in memory, as with"):
            call()
    with pytest.raises(RuntimeError, match="GRU is no graph of PyTorch: a trace would keep"):
        torch.jit.trace(ours, (x,))


def test_a_gradient_is_no_constant_where_the_sum_of_results_is_differentiated() -> None:
    """What comes back is a constant then, and what is made of it could be taken for one: a penalty without a slope."""
    ours, x = net("gru.rnn"), normal(2, 3, 3)
    (slope,) = torch.autograd.grad(ours(x)[0].sum(), [x], create_graph=True)
    with pytest.raises(RuntimeError, match="GRU has no second derivatives"):
        (slope.square().sum() + x.sum()).backward()
    (slope,) = torch.autograd.grad(ours(x)[0].sum(), [x])
    assert not slope.requires_grad


def test_parameters_that_change_before_backward_are_noticed() -> None:
    ours = net("gru.rnn")
    y, _ = ours(normal(2, 3, 3))
    with torch.no_grad():
        getattr(ours, "n:h").add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
