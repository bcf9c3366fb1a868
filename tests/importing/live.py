"""Texts of models, run by their library, and the descriptions that they are imported to: what both compute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import check, model_of
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.importing.calls import import_call

Array = np.ndarray[Any, np.dtype[Any]]


def module_of(text: str) -> Any:
    """The NumPy module of a text's description."""
    found = import_call(Source("<call>", text)).text
    source = Source("<text>", found)
    assert check(source) == []
    return rnnc.compile(found, name=model_of(source).name)


def outputs(module: Any, params: Mapping[str, Array], inputs: Mapping[str, Array]) -> Array:
    """The first output of a module, of those inputs that it has."""
    names = list(module.SPEC["inputs"])
    given = next(iter(inputs.values())) if len(names) == 1 else {name: inputs[name] for name in names}
    found, _ = module.forward(params, given)
    return next(iter(found.values())) if isinstance(found, dict) else found


def torch_error(text: str, inputs: Mapping[str, Array], *, steps_first: bool = False) -> float:
    """How far the description is from `model` of a text, at random weights. Arrays have the rows first; the model takes
    and gives them with the steps first if it says so."""
    torch = import_module("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        names: dict[str, Any] = {}
        exec(text, names)
        model = names["model"].eval()
        torch.manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(0.5 * torch.randn(parameter.shape))
            turned = [np.swapaxes(x, 0, 1) if steps_first and x.ndim > 1 else x for x in inputs.values()]
            wanted = model(*(torch.tensor(x) for x in turned))
    finally:
        torch.set_default_dtype(before)
    module = module_of(text)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    params = module.from_layout("torch", state)
    found = outputs(module, params, inputs)
    wanted = np.asarray(wanted[0] if isinstance(wanted, tuple) else wanted)
    found = np.swapaxes(found, 0, 1) if steps_first and found.ndim == 3 else found
    return float(np.max(np.abs(found.reshape(wanted.shape) - wanted)))


def keras_error(text: str, inputs: Mapping[str, Array]) -> float:
    """The same of a model of Keras; its variables by their paths, with the names that directions have in files."""
    keras = import_module("keras")
    keras.utils.clear_session()
    before = keras.backend.floatx()
    keras.backend.set_floatx("float64")
    try:
        names: dict[str, Any] = {"keras": keras, "layers": keras.layers, "tf": import_module("tensorflow")}
        exec(text, names)
        model, given = names["model"], [*inputs.values()]
        x = given[0] if len(given) == 1 else given
        model(x)
        arrays: dict[str, Array] = {}
        for variable in model.trainable_weights:
            variable.assign(0.5 * np.random.default_rng(len(arrays)).standard_normal(variable.shape))
            path = re.sub(r"/(forward|backward)_[a-z_0-9]+/(?=.*cell)", r"/\1_layer/", variable.path)
            path = re.sub(r"(time_distributed(_\d+)?)/[a-z_0-9]+/", r"\1/layer/", path)
            arrays[re.sub(r"^(sequential|functional|net)(_\d+)?/", "", path)] = np.asarray(variable)
        wanted = np.asarray(model(x))
    finally:
        keras.backend.set_floatx(before)
        keras.utils.clear_session()  # and the policy that was made of it
    module = module_of(text)
    found = outputs(module, module.from_layout("keras", arrays), inputs)
    return float(np.max(np.abs(found.reshape(wanted.shape) - wanted)))


def check_refused(marked: str, code: str, message: str) -> None:
    """That a text is refused, at what stands between «»."""
    start, end = marked.index("«"), marked.index("»") - 1
    with pytest.raises(DiagnosticError) as caught:
        import_call(Source("<call>", marked.replace("«", "").replace("»", "")))
    (found,) = caught.value.diagnostics
    assert (found.code, message in found.message) == (code, True), found
    assert found.span is not None
    assert (found.span.start, found.span.end) == (start, end), found.span.text
