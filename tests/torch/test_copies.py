"""What becomes of `as_torch`'s modules: state_dict, copies, files."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.syntax.source import read_source
from rnnc.torch import as_torch
from tests.torch.support import EXAMPLES, SIZES, compiled, net, normal, torch


@pytest.mark.parametrize("example", ["lstm.rnn", "gru.rnn", "reservoir.rnn:EchoState"])
def test_state_dict_and_copies(example: str, tmp_path: Path) -> None:
    ours, x = net(example), normal(2, 3, 3, grad=False)
    torch.save(ours.state_dict(), tmp_path / "state.pt")
    again = net(example, seed=1)
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    copied = copy.deepcopy(ours)
    for other in (again, copied):
        assert torch.equal(other(x)[0], ours(x)[0])
    with torch.no_grad():
        next(copied.parameters()).add_(1)
    assert not torch.equal(copied(x)[0], ours(x)[0])


def test_parameters_go_in_and_come_out_by_their_own_names() -> None:
    module = compiled("lstm.rnn")
    params = module.init_params(seed=5, dtype="float64", **SIZES)
    ours = as_torch(module, params=params)
    exported = ours.export_params()
    assert exported.keys() == params.keys()
    for name, array in params.items():
        np.testing.assert_allclose(exported[name], array, rtol=0, atol=1e-15)
    exported["i.x"][:] = 0
    assert bool((ours.export_params()["i.x"] == params["i.x"]).all())
    with pytest.raises(TypeError, match="sizes follow from params; units cannot be given as well"):
        as_torch(module, params=params, units=3)


def test_a_module_in_a_file_can_be_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = compile_source(read_source(EXAMPLES / "gru.rnn")).text
    (tmp_path / "pickled_gru.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    spec = importlib.util.find_spec("pickled_gru")
    assert spec is not None
    module = importlib.import_module("pickled_gru")
    ours, x = as_torch(module, **SIZES), normal(2, 3, 3, dtype=torch.float32, grad=False)
    assert torch.equal(pickle.loads(pickle.dumps(ours))(x)[0], ours(x)[0])
    monkeypatch.delitem(sys.modules, "pickled_gru")
    with pytest.raises(TypeError, match=r"pickled_gru was not imported by its name.* save state_dict\(\)"):
        pickle.dumps(ours)


def test_a_copy_of_the_file_needs_no_rnnc(tmp_path: Path) -> None:
    (tmp_path / "gru.py").write_text(compile_source(read_source(EXAMPLES / "gru.rnn")).text, encoding="utf-8")
    shutil.copy(EXAMPLES.parent / "rnnc" / "torch.py", tmp_path / "as_torch.py")
    script = "import sys; sys.modules['rnnc'] = None; import torch, gru; from as_torch import as_torch"
    script += "; print(as_torch(gru, units=4, input=3)(torch.zeros(2, 5, 3))[0].shape)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "torch.Size([2, 5, 4])\n", done.stderr


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # PyTorch's own look at it
@pytest.mark.parametrize("pickled", [False, True])
def test_torch_compile_leaves_it_as_it_is(pickled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is around it is compiled, with values and gradients as without; a module from a file or from none."""
    ours, head = net("lstm.rnn"), torch.nn.Linear(3, 3, dtype=torch.float64)
    if pickled:
        (tmp_path / "kept_lstm.py").write_text(
            compile_source(read_source(EXAMPLES / "lstm.rnn")).text, encoding="utf-8"
        )
        monkeypatch.syspath_prepend(tmp_path)
        ours = pickle.loads(pickle.dumps(as_torch(importlib.import_module("kept_lstm"), dtype=torch.float64, **SIZES)))

    def loss(x: Any) -> Any:
        return torch.relu(ours(head(x))[0]).sum()

    x, found = normal(2, 3, 3, grad=False), []
    for each in (loss, torch.compile(loss, backend="eager")):
        head.zero_grad()
        value = each(x)
        value.backward()
        found.append((value.detach(), head.weight.grad.clone()))
    for plain, compiled_ in zip(*found, strict=True):
        assert torch.equal(plain, compiled_)
    assert torch.equal(torch.compile(ours, backend="eager")(x)[0], ours(x)[0])


def test_without_pytorch_the_remedy_is_named() -> None:
    program = "import sys; sys.modules['torch'] = None; import rnnc.torch"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: as_torch needs PyTorch: pip install 'rnnc[torch]'" in done.stderr
