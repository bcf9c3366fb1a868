"""Everything on a card: its order and its summary; and the checks that run there, with the kernels on the CPU."""

from __future__ import annotations

import itertools
import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import rnnc
from benchmarks import cuda_cells, gpu
from benchmarks.device import checks
from benchmarks.device.card import card
from benchmarks.device.checks import CELLS, STRATEGIES
from benchmarks.device.modules import generate_checks
from benchmarks.device.modules import load as load_numpy
from rnnc.compiler import compile_source
from rnnc.runtime import load_module
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source
from tests.cuda.support import needs_compiler

NO_CARD = "there is no CUDA device here"


def test_without_a_card_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if card() is not None:
        pytest.skip("there is a card")
    monkeypatch.chdir(tmp_path)
    assert cuda_cells.main(["--out", str(tmp_path / "out")]) == 1
    assert gpu.main(["run", str(tmp_path / "modules"), "--out", str(tmp_path / "out")]) == 1
    assert NO_CARD in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_but_numpy_is_needed_where_the_card_is() -> None:
    """CuPy is imported when it is wanted, others when they take part."""
    code = (
        "import sys, benchmarks.gpu, benchmarks.cuda_cells, benchmarks.device.checks\n"
        "found = {'rnnc', 'torch', 'jax', 'tensorflow', 'lark', 'click', 'cupy', 'pytest'} & set(sys.modules)\n"
        "sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=gpu.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_stages_go_on_after_a_failure_and_leave_time_for_the_benchmark(tmp_path: Path) -> None:
    now = itertools.count(0, 10)
    ran: list[tuple[str, ...]] = []

    def run(command: tuple[str, ...], seconds: float) -> tuple[int | None, str]:
        ran.append(command)
        return (1, "x\nFAILED this\nthe end") if len(ran) == 1 else (None, "cut") if len(ran) == 2 else (0, "fine")

    names = ("checks", "tests", "sanitizer", "late", "benchmark")
    stages = [gpu.Stage(name, (name,), "not installed" if name == "sanitizer" else "") for name in names]
    outcomes = gpu.run_all(stages, 2.0, run, lambda: float(next(now)))
    assert [outcome.what for outcome in outcomes] == ["failed", "no time", "not run", "no time", "passed"]
    assert ran[-1][:2] == ("benchmark", "--minutes")
    gpu.write(tmp_path, {"device": "a card"}, outcomes)
    page = (tmp_path / "gpu.md").read_text()
    assert "| checks | failed | 10 | the end |" in page
    assert "FAILED this" in page


@lru_cache(maxsize=8)
def given(cell: str, kind: str) -> ModuleType:
    if kind == "numpy":
        return rnnc.compile(checks.CELLS[cell])
    source = Source(f"{cell}.rnn", checks.CELLS[cell])
    return load(compile_source(source, None, {"strategy": kind}, target="cuda").text, cell)


@needs_compiler
@pytest.mark.parametrize("cell", checks.CELLS)
def test_checks_hold_on_the_cpu(cell: str) -> None:
    for dtype in ("float32", "float16", "bfloat16"):
        if dtype != "bfloat16" or find_spec("ml_dtypes"):
            checks.agrees(given, cell, "persistent", dtype, (5, 12))


@needs_compiler
def test_other_checks_hold_on_the_cpu() -> None:
    module = given("lstm", "persistent")
    checks.repeats(module)
    checks.follows(module)
    checks.borrows(module)


@needs_compiler
def test_checks_find_what_is_wrong() -> None:
    said: list[str] = []

    def broken(cell: str, kind: str) -> ModuleType:
        text = checks.CELLS[cell]
        return rnnc.compile(text.replace("sigmoid", "hard_sigmoid") if kind != "numpy" else text)

    failed = checks.run(broken, small=True, say=said.append)
    assert failed == len(said) - 1 == len(list(checks.checks(broken, small=True)))
    assert "off, without lengths" in said[0]


def test_modules_of_checks_are_carried(tmp_path: Path) -> None:
    generate_checks(CELLS, STRATEGIES, tmp_path)
    names = {path.stem for path in tmp_path.iterdir()}
    assert names == {f"check_{cell}_{kind}" for cell in checks.CELLS for kind in (*checks.STRATEGIES, "numpy")}
    text = (tmp_path / "check_lstm_numpy.py").read_text(encoding="utf-8")
    assert load_module(text, "lstm").SPEC["name"] == "C"
    with pytest.raises(FileNotFoundError, match=r"python -m benchmarks\.gpu generate"):
        load_numpy(tmp_path, "nothing")
