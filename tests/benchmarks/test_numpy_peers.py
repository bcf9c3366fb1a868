"""What the generated NumPy modules are timed beside computes the same: outputs, and gradients of input and weights."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import rnnc

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports modules of the scripts, as the scripts do."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return import_module


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
@pytest.mark.parametrize("peer", [("contenders", "tutorial"), ("tuned", "by_hand")])
def test_peers_compute_the_same(scripts: Any, name: str, peer: tuple[str, str]) -> None:
    contenders, measuring = scripts("contenders"), scripts("measuring")
    kind = getattr(contenders, name)
    module = rnnc.compile(ROOT / "examples" / kind.file, options=kind.options)
    case = contenders.make_case(kind, contenders.Shape(7, 3, 5, 4)).wide()
    build = getattr(scripts(peer[0]), peer[1])
    for mode in measuring.MODES:
        reference = measuring.results(contenders.generated(case, module), mode)
        assert len(reference) > 1 or mode == "forward"
        assert measuring.error(measuring.results(build(case), mode), reference) < 1e-12
