"""How FlashRNN and Haste are called, with stand-ins that compute what their documentation says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.device import kernel_peers
from benchmarks.device.case import MODES, Case, Contender, NotThere, deviation, make_case
from benchmarks.device.modules import generate
from benchmarks.device.ours import reference
from benchmarks.device.rows import Row
from rnnc.simulator.loader import load
from tests.cuda.support import needs_compiler

torch: Any = pytest.importorskip("torch")
ROW = Row("LSTM", 3, 2, 5, 4, "float32")


def flashrnn(z: Any, recurrent: Any, bias: Any, *, function: str, backend: str, dtype: str) -> tuple[Any, Any]:
    """[batch, time, gate, head, unit], [gate, head, to, from] to [state, batch, time, head, unit]."""
    assert (function, backend, dtype) == ("lstm", "cuda_fused", "float32")
    h = c = torch.zeros_like(z[:, 0, 0])
    states: list[Any] = []
    for t in range(z.shape[1]):
        raw = z[:, t] + torch.einsum("bhp,ghdp->bghd", h, recurrent) + bias
        i, f, j, o = raw.unbind(1)
        c = f.sigmoid() * c + i.sigmoid() * j.tanh()
        h = o.sigmoid() * c.tanh()
        states.append(torch.stack([h, c]))
    found = torch.stack(states, dim=2)
    return found, found[:, :, -1:]


class HasteLSTM(torch.nn.Module):
    """Matrices [from, 4 units], whose gates are i, g, f, o."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.kernel = torch.nn.Parameter(torch.zeros(inputs, 4 * units))
        self.recurrent_kernel = torch.nn.Parameter(torch.zeros(units, 4 * units))
        self.bias = torch.nn.Parameter(torch.zeros(4 * units))

    def forward(self, x: Any) -> tuple[Any, Any]:
        h = c = x.new_zeros(x.shape[1], self.recurrent_kernel.shape[0])
        outputs: list[Any] = []
        for x_t in x:
            i, g, f, o = (x_t @ self.kernel + h @ self.recurrent_kernel + self.bias).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h, c)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder: Path = tmp_path_factory.mktemp("modules")
    generate([ROW], folder)
    return make_case(ROW, load((folder / f"{ROW.module}_cuda.py").read_text(encoding="utf-8"), "lstm"))


@needs_compiler
@pytest.mark.parametrize("build", [kernel_peers.flash_rnn, kernel_peers.haste])
def test_weights_and_axes_are_where_they_should_be(case: Case, build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = {"flashrnn": SimpleNamespace(flashrnn=flashrnn), "haste_pytorch": SimpleNamespace(LSTM=HasteLSTM)}
    monkeypatch.setattr(kernel_peers, "import_module", libraries.__getitem__)
    contender: Contender = build(case)
    for mode in MODES:
        assert deviation(contender.results(mode, contender.call(mode)()), reference(case, mode)) < 1e-5


def test_without_them_there_is_a_reason(case: Case) -> None:
    with pytest.raises(NotThere, match="flashrnn is not installed"):
        kernel_peers.flash_rnn(case)
    with pytest.raises(NotThere, match="haste_pytorch is not installed"):
        kernel_peers.haste(case)
