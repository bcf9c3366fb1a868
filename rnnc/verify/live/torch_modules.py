"""Recurrent modules of torch.nn, run with autograd: what they compute, as a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from rnnc.verify.arrays import Array
from rnnc.verify.live.numbers import Numbers

torch: Any = import_module("torch")
Case = dict[str, Any]
Tree = Mapping[str, Any]
STATES = {"RNN": 1, "GRU": 1, "LSTM": 2}


def recorded(case: Case) -> dict[str, Array]:
    """One case, run. Lengths go in as a PackedSequence, states as torch.nn has them: of all layers, h before c."""
    torch.set_num_threads(1)
    numbers = Numbers(case["seed"], case["dtype"])
    module = _built(case)
    variables = dict(module.named_parameters())
    arrays = {f"var:{name}": numbers.variable(name, parameter.shape) for name, parameter in variables.items()}
    with torch.no_grad():
        for name, parameter in variables.items():
            parameter.copy_(torch.from_numpy(arrays[f"var:{name}"]))
    leads = (case["steps"], case["rows"]) if case["time_major"] else (case["rows"], case["steps"])
    arrays["x"] = numbers.normal("x", (*leads, *case["features"]))
    sources = {"x": torch.from_numpy(arrays["x"]).requires_grad_()}
    if case["lengths"] is not None:
        arrays["sequence_length"] = np.asarray(case["lengths"], np.int32)
    shapes = _states(module, case["rows"]) if case["state"] else []
    for index, shape in enumerate(shapes):
        arrays[f"state0:{index}"] = numbers.normal(f"state0:{index}", shape, 0.7)
        sources[f"state0:{index}"] = torch.from_numpy(arrays[f"state0:{index}"]).requires_grad_()
    outputs, finals = _run(module, sources["x"], [sources[f"state0:{i}"] for i in range(len(shapes))], case["lengths"])
    found = {"outputs": outputs, **{f"final_state:{i}": state for i, state in enumerate(finals)}}
    weights = {f"cot:{key}": numbers.normal(f"cot:{key}", tensor.shape) for key, tensor in found.items()}
    parts = [(found[key].double() * torch.from_numpy(weights[f"cot:{key}"])).sum() for key in found]
    loss = torch.stack(parts).sum()  # in float64: the sum's own rounding is not compared
    sources |= {f"var:{name}": parameter for name, parameter in variables.items()}
    slopes = torch.autograd.grad(loss, list(sources.values()))
    results = {**found, "loss": loss, **{f"grad:{n}": slope for n, slope in zip(sources, slopes, strict=True)}}
    return {**arrays, **weights, **{key: tensor.detach().numpy() for key, tensor in results.items()}}


def _built(case: Case) -> Any:
    """The module, with as many layers and directions as cells are declared."""
    tree, layers, both = case["tree"], 1, False
    if tree["call"] == "torch.nn.RNNBase":
        forward, backward = tree["arguments"]["forward"], tree["arguments"].get("backward")
        if not forward:
            raise ValueError("torch.nn has no module that only runs backwards")
        tree, layers, both = forward[0], len(forward), bool(backward)
    kind = getattr(torch.nn, tree["call"].rpartition(".")[2])
    how = {"num_layers": layers, "bidirectional": both, "batch_first": not case["time_major"]}
    return kind(**tree["arguments"], **how, dtype=getattr(torch, case["dtype"]))


def _states(module: Any, rows: int) -> list[tuple[int, int]]:
    """The shapes of all states: by layer, then by direction, then h and c."""
    sizes = (module.proj_size or module.hidden_size, module.hidden_size)[: STATES[type(module).__name__]]
    return [(rows, size) for size in sizes] * (module.num_layers * (2 if module.bidirectional else 1))


def _run(module: Any, x: Any, given: Sequence[Any], lengths: Sequence[int] | None) -> tuple[Any, list[Any]]:
    """Outputs with zeros past the lengths, and the final states in the order of `_states`."""
    rnn = torch.nn.utils.rnn
    kinds = STATES[type(module).__name__]
    together = tuple(torch.stack(list(given[kind::kinds])) for kind in range(kinds)) if given else None
    state = together[0] if together is not None and kinds == 1 else together
    first = module.batch_first
    if lengths is None:
        outputs, final = module(x, state)
    else:
        packed = rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=first, enforce_sorted=False)
        ran, final = module(packed, state)
        outputs, _ = rnn.pad_packed_sequence(ran, batch_first=first, total_length=x.shape[1 if first else 0])
    finals = (final,) if kinds == 1 else final
    return outputs, [final[k] for k in range(finals[0].shape[0]) for final in finals]
