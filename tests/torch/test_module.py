"""`as_torch`: names, gradients, modes and errors, of modules of NumPy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnc.torch import as_torch
from tests.torch.support import SIZES, compiled, flat, gradcheck, net, normal, torch

AFTER = ("reset", "after")
TWO = "[LSTM(4), LSTM(4)]"
PAIRS: dict[str, tuple[str, tuple[tuple[str, str], ...], Callable[..., Any]]] = {
    "RNN": ("rnn.rnn", (), torch.nn.RNN),
    "LSTM": ("lstm.rnn", (), torch.nn.LSTM),
    "LSTM proj_size": ("lstm.rnn", (("proj", "2"),), lambda *a, **k: torch.nn.LSTM(*a, proj_size=2, **k)),
    "GRU": ("gru.rnn", (AFTER,), torch.nn.GRU),
    "num_layers": ("multi.rnn", (("cells", TWO),), lambda *a, **k: torch.nn.LSTM(*a, num_layers=2, **k)),
    "both": (
        "bidirectional.rnn:StackedBidirectional",
        (("fw", TWO), ("bw", TWO)),
        lambda *a, **k: torch.nn.LSTM(*a, num_layers=2, bidirectional=True, **k),
    ),
}


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("name", PAIRS)
def test_state_and_gradients_are_those_of_torch_nn(name: str, batch_first: bool) -> None:
    """The state_dict of the module of torch.nn is loaded as it is, and the gradients of its parameters come out."""
    example, options, make = PAIRS[name]
    ours = net(example, *options, batch_first=batch_first)
    theirs = make(3, 4, batch_first=batch_first, dtype=torch.float64)
    assert ours.load_state_dict(theirs.state_dict()) is not None
    x, x2 = normal(5, 6, 3), normal(5, 6, 3)
    (y, _), (y2, _) = ours(x), theirs(x2)
    torch.testing.assert_close(y, y2, rtol=0, atol=1e-12)
    weights = normal(*y.shape, seed=1, grad=False)
    (y * weights).sum().backward()
    (y2 * weights).sum().backward()
    torch.testing.assert_close(x.grad, x2.grad, rtol=0, atol=1e-12)
    gradients = {n: p.grad for n, p in ours.named_parameters()}
    assert gradients.keys() == dict(theirs.named_parameters()).keys()
    for parameter, tensor in theirs.named_parameters():
        torch.testing.assert_close(gradients[parameter], tensor.grad, rtol=0, atol=1e-12)


def test_without_a_layout_parameters_have_names_without_dots() -> None:
    ours = net("lstm.rnn", layout=None)
    names = list(compiled("lstm.rnn").SPEC["parameters"])
    assert [n.replace(":", ".") for n, _ in ours.named_parameters()] == names
    other = net("gru.rnn")  # reset before its product: PyTorch has no such cell
    assert "r:x" in dict(other.named_parameters())


def test_names_in_scopes_are_those_of_modules_in_modules() -> None:
    text = """
network Encoder(units = 4) {
  input x[input]
  y = LSTM(units)(x)
  output y
  layout torch { scope y = "encoder.forward_lstm.*_l0" }
}
"""
    ours = as_torch(compiled(text), input=3, dtype=torch.float64)
    theirs = torch.nn.Module()
    theirs.encoder = torch.nn.Module()
    theirs.encoder.forward_lstm = torch.nn.LSTM(3, 4, batch_first=True, dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    x = normal(2, 5, 3)
    torch.testing.assert_close(ours(x)[0], theirs.encoder.forward_lstm(x)[0], rtol=0, atol=1e-12)


def test_tensors_go_into_the_functions_of_a_module_as_they_are() -> None:
    module = compiled("gru.rnn")
    params = {name: torch.from_numpy(a) for name, a in module.init_params(dtype="float64", **SIZES).items()}
    x = normal(2, 5, 3, grad=False)
    y, state, tape = module.forward_train(params, x, torch.zeros(2, 4).double(), torch.tensor([5, 2]))
    gradients = module.backward(params, tape, torch.from_numpy(y), torch.from_numpy(state))
    assert gradients["x"].shape == x.shape


def test_names_that_nn_module_has_for_itself() -> None:
    text = "cell A {\n  input x[3]\n  param train[3], half[3]\n  y = x * train + half\n  output y\n}"
    ours = as_torch(compiled(text), dtype=torch.float64)
    assert [name for name, _ in ours.named_parameters()] == ["train:", "half:"]
    assert ours.train().training

    def run(x: Any, *weights: Any) -> list[Any]:
        return [torch.func.functional_call(ours, dict(zip(["train:", "half:"], weights, strict=True)), (x,))[0]]

    assert gradcheck(run, normal(2, 3, 3), normal(3), normal(3, seed=1))


# --- several inputs and outputs, masks, counters, fixed parameters --------------------------------------------------

TAGGER = """
network Tagger(units = 4, tags = 5, words = 9) {
  input word[]: int, features[3]
  e = dropout(embedding(word, words, 6), 0.25, mask = sequence)
  y = bidirectional(GRU(units))(concat(e, features))
  scores = dense(y, tags)
  mood   = dense(last(y), 1)
  output scores, mood
}
"""


def test_several_inputs_and_outputs_with_masks() -> None:
    module = compiled(TAGGER)
    ours = as_torch(module, dtype=torch.float64)
    x = {"word": torch.randint(9, (2, 4)), "features": normal(2, 4, 3)}
    outputs, state = ours(x, lengths=torch.tensor([4, 2]), seed=3)
    expected, _ = module.forward(
        ours.export_params(),
        {name: tensor.detach().numpy() for name, tensor in x.items()},
        lengths=np.array([4, 2]),
        training=True,
        seed=3,
    )
    for name, array in expected.items():
        torch.testing.assert_close(outputs[name].detach(), torch.from_numpy(array), rtol=0, atol=1e-15)
    assert set(state) == set(module.SPEC["states"])
    outputs["mood"].sum().backward()
    assert x["features"].grad is not None
    masks = {"e": torch.ones(2, 6)}
    with pytest.raises(TypeError, match=r"masks\['e'\] is torch.float32, and the parameters are torch.float64"):
        ours(x, masks=masks)
    a, _ = ours(x, masks={"e": masks["e"].double() * 0.75})
    b, _ = ours.eval()(x)
    torch.testing.assert_close(a["scores"], b["scores"], rtol=0, atol=1e-12)


def test_masks_follow_the_generator_of_torch() -> None:
    ours = as_torch(compiled(TAGGER), dtype=torch.float64)
    x = {"word": torch.randint(9, (2, 4)), "features": normal(2, 4, 3)}

    def drawn(seed: int) -> Any:
        torch.manual_seed(seed)
        return ours(x)[0]["scores"].detach()

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_fixed_parameters_are_buffers() -> None:
    ours = net("reservoir.rnn:EchoState")
    about = compiled("reservoir.rnn:EchoState").SPEC["parameters"]
    fixed = [name.replace(".", ":") for name in about if not about[name]["trained"]]
    assert fixed
    assert [name for name, _ in ours.named_buffers()] == fixed
    assert set(ours.state_dict()) == {name.replace(".", ":") for name in about}


def test_counters_and_exposed_equations_are_not_differentiable() -> None:
    module = compiled("phased_lstm.rnn")
    ours = net("phased_lstm.rnn")
    shapes = [about["shape"] for about in module.SPEC["inputs"].values()]
    inputs = {
        name: normal(2, 3, *(n if isinstance(n, int) else SIZES.get(n, 3) for n in shape))
        for name, shape in zip(module.SPEC["inputs"], shapes, strict=True)
    }
    outputs, state = ours(inputs)
    sum(tensor.sum() for tensor in flat((outputs, state))).backward()
    watched = as_torch(compiled("gru.rnn", expose=("r",)), dtype=torch.float64, **SIZES)
    outputs, _ = watched(normal(2, 3, 3))
    assert (outputs["h"].requires_grad, outputs["r"].requires_grad) == (True, False)
    outputs["h"].sum().backward()


# --- types ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", ["lstm.rnn", "gru.rnn"])
def test_types(example: str) -> None:
    single = net(example, dtype=None)
    assert {parameter.dtype for parameter in single.parameters()} == {torch.float32}
    x = normal(2, 3, 3, dtype=torch.float32)
    y, _ = single(x)
    assert y.dtype == torch.float32
    y2, _ = copy.deepcopy(single).double()(x.double())
    torch.testing.assert_close(y.double(), y2, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype: Any) -> None:
    """What comes in short is computed in float32, and its gradient goes back as it came."""
    ours, linear = net("lstm.rnn", dtype=torch.float32), torch.nn.Linear(3, 3)
    x = normal(2, 4, 3, dtype=torch.float32)
    with torch.autocast("cpu", dtype=dtype):
        short = linear(x)
        assert short.dtype == dtype
        y, state = ours(short)
    assert {y.dtype, state["h"].dtype} == {torch.float32}
    torch.testing.assert_close(y, ours(short.float())[0])
    y.sum().backward()
    assert linear.weight.grad is not None
    with pytest.raises(TypeError, match=rf"x is {dtype}, and the parameters are torch.float32"):
        ours(short)


def test_a_type_by_its_name() -> None:
    for dtype in ("float64", torch.float64):
        assert {parameter.dtype for parameter in net("gru.rnn", dtype=dtype).parameters()} == {torch.float64}
    with pytest.raises(TypeError, match="dtype should be float32 or float64, and is float16"):
        net("gru.rnn", dtype="float16")


def test_it_trains_beside_other_modules() -> None:
    torch.manual_seed(0)
    ours = torch.nn.ModuleDict({"rnn": net("lstm.rnn", dtype=None), "head": torch.nn.Linear(4, 1)})
    optimiser = torch.optim.Adam(ours.parameters(), lr=0.02)
    x, losses = normal(8, 10, 3, dtype=torch.float32, grad=False), []
    for _ in range(30):
        optimiser.zero_grad()
        y, _ = ours["rnn"](x)
        loss = (ours["head"](y[:, -1]) - x.mean((1, 2))[:, None]).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


# --- errors --------------------------------------------------------------------------------------------------------


def test_only_modules_that_compute_with_arrays() -> None:
    with pytest.raises(TypeError, match="as_torch takes a module that rnnc wrote for numpy or cuda"):
        as_torch(np)
    fake: Any = type("M", (), {"SPEC": {"target": "tf"}})
    with pytest.raises(TypeError, match="is given a module for 'tf'"):
        as_torch(fake)


def test_layouts_that_are_not_there() -> None:
    with pytest.raises(KeyError, match="GRU has no layout 'torch'"):
        net("gru.rnn", layout="torch")
    with pytest.raises(ValueError, match="has fixed parameters, which no layout tells from others"):
        net("reservoir.rnn:EchoState", layout="tf")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.zeros((2, 3, 3)),), TypeError, "x should be a tensor, and is ndarray"),
        ((torch.zeros(2, 3, 3),), TypeError, r"x is torch.float32, and the parameters are torch.float64: \.to"),
        ((torch.zeros(2, 3, 2).double(),), ValueError, r"x: expected \[batch=2, time=3, input=3\], got \(2, 3, 2\)"),
        ((torch.zeros(2, 3, 3, device="meta").double(),), ValueError, "x is on meta, and the parameters are on cpu"),
        ((normal(2, 3, 3), {"c": normal(2, 4)}), KeyError, "state: expected the names c, h, got c"),
        ((normal(2, 3, 3), normal(2, 4)), TypeError, "state: expected a dict with c, h, got Tensor"),
        ((normal(2, 3, 3), {"c": normal(2, 4), "h": normal(2, 5)}), ValueError, r"state\['h'\]: expected"),
        ((normal(2, 3, 3), {"c": normal(2, 4), "h": None}), TypeError, r"state\['h'\] should be a tensor"),
        ((normal(2, 3, 3), None, [4, 0]), ValueError, "lengths should be from 0 to 3"),
        (({"y": normal(2, 3, 3)},), KeyError, "x: expected the names x, got y"),
    ],
)
def test_errors_name_the_argument(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        net("lstm.rnn")(*arguments)


def test_parameters_of_a_type_or_device_that_does_not_work() -> None:
    with pytest.raises(TypeError, match=r"the parameters are torch.float16; LSTM computes in float32"):
        net("lstm.rnn").half()(normal(2, 3, 3, dtype=torch.float16))
    with pytest.raises(ValueError, match=r"the parameters are on meta, and a module for numpy computes on cpu: \.to"):
        net("lstm.rnn").to("meta")(normal(2, 3, 3))
