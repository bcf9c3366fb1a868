"""The benchmark of CUDA modules and the checks on a card, with the kernels on the CPU and times that are made up."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import cuda_cells
from benchmarks.device import compare, floor, report, torch_peers
from benchmarks.device.case import Case, Contender, Mode, NotThere, make_case, rounded
from benchmarks.device.cells import CELLS
from benchmarks.device.modules import generate
from benchmarks.device.modules import load as load_numpy
from benchmarks.device.ours import generated, reference
from benchmarks.device.rows import Row, rows, tiny
from benchmarks.device.steps import PLAIN, State
from benchmarks.device.timing import SPIN, DeviceClock, Times, in_turn
from rnnc.simulator.cupy_like import Cupy
from rnnc.simulator.loader import load
from rnnc.simulator.nvrtc import compile_kernels
from tests.cuda.support import needs_compiler

RATES = floor.Rates(132, 1e-6, 2e12, 5e12, {"float32": 5e13, "float16": 8e14})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small modules of every network that is compared."""
    found = tmp_path_factory.mktemp("modules")
    generate(map(tiny, rows()), found)
    return found


@lru_cache(maxsize=32)
def simulated(folder: Path, name: str) -> ModuleType:
    return load((folder / f"{name}.py").read_text(encoding="utf-8"), name)


class MadeUp:
    """A clock that calls everybody and makes their times up."""

    def prepare(self, contender: Contender, mode: Mode) -> tuple[Callable[[], dict[str, float]], list[str]]:
        call, numbers = contender.call(mode), itertools.count(1)
        call()
        return lambda: dict.fromkeys(("kernel", "wall", "graph"), float(next(numbers))), ["made up"]

    def tidy(self) -> None:
        """Nothing to do."""


def comparison(folder: Path, **contenders: compare.Build) -> compare.Comparison:
    chosen = contenders or {"rnnc": generated}
    return compare.Comparison(folder, MadeUp(), RATES, 0.0, time.monotonic() + 600, chosen, simulated)


def distinct() -> list[Row]:
    """One row of each network."""
    return list({row.network: tiny(row) for row in rows() if row.dtype == "float32"}.values())


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_are_those_that_were_asked_for() -> None:
    found = {(row.cell, row.time, row.batch, row.input, row.units, row.dtype, row.layers, row.both) for row in rows()}
    assert ("GRU", 100, 64, 512, 512, "tf32", 1, False) in found
    for batch, dtype in itertools.product((1, 2, 8, 16, 64, 128, 256), ("float16", "bfloat16")):
        assert ("LSTM", 1024, batch, 768, 768, dtype, 1, False) in found
    assert ("GRU", 3000, 6, 64, 192, "float16", 1, False) in found
    assert ("LSTM", 1024, 13, 500, 1000, "float16", 1, False) in found
    assert ("SRU", 65536, 8, 1536, 1536, "float32", 1, False) in found
    assert ("LSTM", 512, 32, 512, 512, "float16", 4, False) in found
    assert ("LSTM", 512, 32, 512, 512, "float16", 1, True) in found
    assert {cell for cell, *_ in found} == set(CELLS)


# --- numbers ---------------------------------------------------------------------------------------------------------


# Cells and networks of every kind; the others are slow tests.
COVER = ("LSTM", "GRU, reset before", "LSTM, 2 layers", "LSTM, bidirectional", "IndRNN", "SRU")
ROWS = [pytest.param(r, id=r.network, marks=[pytest.mark.slow] * (r.network not in COVER)) for r in distinct()]


@needs_compiler
@pytest.mark.parametrize("row", ROWS)
def test_every_network_runs_and_is_judged(folder: Path, row: Row) -> None:
    for figure in comparison(folder).row(row):
        assert not figure.missing, figure.missing
        assert figure.error is not None
        assert figure.error < 1e-5
        assert (figure.wall, figure.rounds, figure.note) == (2.0, 3, "made up")
        assert figure.floor is not None
        assert figure.floor > 0


@needs_compiler
def test_the_judge_is_numpys_module(folder: Path) -> None:
    row = tiny(next(row for row in rows() if row.network == "LSTM, bidirectional" and row.dtype == "float32"))
    case = make_case(row, simulated(folder, f"{row.module}_cuda"))
    numpy = load_numpy(folder, f"{row.module}_numpy")
    params = {name: array.astype(np.float64) for name, array in case.params.items()}
    outputs, _, tape = numpy.forward_train(params, case.x.astype(np.float64), time_major=True)
    gradients = numpy.backward(params, tape, case.d_outputs.astype(np.float64))
    found = reference(case, "forward + backward")
    np.testing.assert_allclose(found["outputs"], outputs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["x"], gradients["x"], rtol=0, atol=1e-12)


class NumpyOps:
    """As `steps.py` wants them."""

    @staticmethod
    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    tanh = staticmethod(np.tanh)

    exp, maximum = staticmethod(np.exp), staticmethod(np.maximum)

    @staticmethod
    def split(x: Any, parts: int) -> Any:
        return np.split(x, parts, axis=-1)

    @staticmethod
    def log_sigmoid(x: Any) -> Any:
        return -np.log1p(np.exp(-x))

    @staticmethod
    def mean(x: Any) -> Any:
        return x.mean(axis=-1, keepdims=True)


@needs_compiler
@pytest.mark.parametrize("cell", PLAIN)
def test_plain_steps_are_those_of_the_cell(folder: Path, cell: str) -> None:
    """What the loops of PyTorch and JAX compute."""
    row = tiny(next(row for row in rows() if row.network == cell and row.dtype == "float32"))
    case = make_case(row, simulated(folder, f"{row.module}_cuda"))
    plain = PLAIN[cell]
    params = {name: array + 0.1 for name, array in case.params.items()}  # no bias is zero
    weights = plain.weights(params)
    z = case.x @ weights["x"] + weights["b"]
    state: State = (np.zeros((row.batch, row.units)),) * plain.states
    for t, expected in enumerate(case.module.forward(params, case.x, time_major=True)[0]):
        state, y = plain.step(NumpyOps, z[t], state, weights)
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)


@needs_compiler
@pytest.mark.parametrize("network", [*PLAIN, "LSTM, 2 layers", "LSTM, 4 layers", "LSTM, bidirectional"])
def test_pytorch_computes_the_same(folder: Path, network: str) -> None:
    pytest.importorskip("torch")
    row = tiny(next(row for row in rows() if row.network == network and row.dtype == "float32"))
    peers = {"layer": torch_peers.layer} if row.cell in ("LSTM", "GRU") else {}
    peers |= {"loop": loop} if network in PLAIN else {}
    figures = comparison(folder, **peers).row(row)
    assert len(figures) == 2 * len(peers)
    for figure in figures:
        assert not figure.missing, figure.missing
        assert figure.error is not None
        assert figure.error < 1e-5


def loop(case: Case) -> Contender:
    return torch_peers.compiled(case, how=lambda function: function)


@needs_compiler
def test_who_cannot_take_part_says_why(folder: Path) -> None:
    row = tiny(next(row for row in rows() if row.cell == "GRU, reset before" and row.dtype == "float16"))
    figures = comparison(folder, **compare.CONTENDERS).row(row)
    told = {figure.contender: figure.missing for figure in figures}
    assert told["torch.nn (cuDNN)"] in ("cuDNN has no such cell", "PyTorch is not installed")
    assert told["FlashRNN"] in ("FlashRNN has no such network among those compared", "PyTorch is not installed")
    assert told["rnnc"] == ""


@needs_compiler
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "tf32"])
def test_halves_are_judged(folder: Path, dtype: str) -> None:
    pytest.importorskip("ml_dtypes")
    row = tiny(next(row for row in rows() if row.dtype == dtype))
    for figure in comparison(folder).row(row):
        assert figure.error is not None
        assert 0 < figure.error < 0.05


@needs_compiler
def test_a_dtype_that_a_module_does_not_have_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = tiny(next(row for row in rows() if row.dtype == "float16"))
    module = simulated(folder, f"{row.module}_cuda")
    monkeypatch.setattr(module, "REALS", {"float32": "float"})
    assert comparison(folder).row(row)[0].missing == "not there yet: the module has float32"


@needs_compiler
def test_a_long_sequence_is_judged_by_its_beginning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.device import case as cases

    row = distinct()[0]
    case = make_case(row, simulated(folder, f"{row.module}_cuda"))
    monkeypatch.setattr(cases, "LARGEST", 2 * row.batch * 4 * row.units)
    short = case.short()
    assert (short.row.time, short.x.shape[0], short.d_outputs.shape[0]) == (2, 2, 2)
    assert comparison(folder).row(row)[0].error is not None


# --- times -----------------------------------------------------------------------------------------------------------


def test_contenders_take_turns_and_who_fails_drops_out() -> None:
    order: list[str] = []

    def contender(name: str, calls: int) -> Contender:
        left = itertools.count(calls, -1)

        def call() -> None:
            if not next(left):
                raise ValueError(f"{name} breaks")
            order.append(name)

        return Contender(name, call, call, lambda mode, found: {}, "other")

    class Clock(MadeUp):
        def prepare(self, contender: Contender, mode: Mode) -> tuple[Callable[[], dict[str, float]], list[str]]:
            sample, notes = super().prepare(contender, mode)
            return lambda: (contender.call(mode)(), sample())[1], notes

    found = in_turn(Clock(), [contender("a", 99), contender("b", 3), contender("c", 0)], "forward", 0.0)
    assert order == ["a", "b", "a", "b", "a", "b", "a"]
    assert isinstance(found[0], Times)
    assert found[0].median("wall") == 2.0
    assert [str(error) for error in found[1:]] == ["b breaks", "c breaks"]


def test_the_floor_is_what_its_parts_say() -> None:
    row = Row("LSTM", 1000, 16, 512, 512, "float32")
    product = 2 * 16000 * 512 * 2048 / 5e13
    assert floor.floor(row, "forward", RATES) == pytest.approx(product + 1000 * 1e-6)  # steps wait for the exchange
    small = floor.floor(row.like(units=64), "forward", RATES)
    arithmetic = 2 * 16 * 4 * 64**2 / 5e13
    assert small == pytest.approx(2 * 16000 * 512 * 256 / 5e13 + 1000 * arithmetic)  # one block keeps all weights
    both = floor.floor(row, "forward + backward", RATES)
    assert both is not None
    assert both > 3 * product + 2000 * 1e-6
    assert floor.floor(Row("LSTM", 10, 1, 8, 8, "bfloat16"), "forward", RATES) is None
    scan = floor.floor(Row("minGRU", 1000, 8, 512, 512, "float32"), "forward", RATES)
    assert scan == pytest.approx(2 * 8000 * 512 * 1024 / 5e13 + 8000 * 512 * 5 * 4 / 2e12)


@needs_compiler
def test_rates_are_measured_by_kernels_that_run(folder: Path) -> None:
    row = distinct()[0]
    module = simulated(folder, f"{row.module}_cuda")
    rates = floor.measure(module.cp, module._PRELUDE, floor.timer(module.cp), small=True)
    assert rates.multiprocessors == 4
    assert min(rates.meeting, rates.copy, rates.shared_reads, *rates.products.values()) > 0


# --- results ---------------------------------------------------------------------------------------------------------


@needs_compiler
def test_results_are_written_after_every_row(folder: Path, tmp_path: Path) -> None:
    pages: list[str] = []

    def done(figures: list[report.Figure]) -> None:
        report.write(tmp_path, {"device": "a card"}, RATES, figures)
        pages.append((tmp_path / "cuda_cells.md").read_text())

    half = tiny(next(row for row in rows() if row.dtype == "float16"))
    running = comparison(folder)
    running.run([distinct()[0], half], done)
    assert len(pages) == 2
    assert pages[1].startswith(pages[0].rstrip().split("\nMissing")[0])
    assert "- device: a card" in pages[1]
    assert "| LSTM | 3 x 2 x 5 x 4 | float32 | forward | rnnc | 2000.000 | 2000.000 | 2000.000 |" in pages[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cuda_cells.json", "cuda_cells.md"]
    running.until = 0
    (late, _) = running.run([half], done)
    assert late.missing == "no time was left"


@needs_compiler
def test_the_whole_benchmark_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All contenders on two rows, with made-up times."""
    few = [distinct()[0], tiny(next(row for row in rows() if row.dtype == "float16"))]
    monkeypatch.setattr(cuda_cells, "load", simulated)
    monkeypatch.setattr(cuda_cells, "Comparison", partial(compare.Comparison, loaded=simulated))
    monkeypatch.setattr(cuda_cells, "DeviceClock", lambda cupy: MadeUp())
    monkeypatch.setattr(cuda_cells, "environment", lambda cupy: {"device": "a card"})
    monkeypatch.setattr(cuda_cells, "measure", lambda *_: RATES)
    monkeypatch.setattr(torch_peers, "UNROLLED", 0)  # compiling takes its time
    assert cuda_cells.compare(Cupy(), few, folder, tmp_path, 0.0, time.monotonic() + 600) == 0
    page, printed = (tmp_path / "cuda_cells.md").read_text(), capsys.readouterr().out
    assert len(printed.splitlines()) == 2 * 2 * len(compare.CONTENDERS)
    assert "jax.lax.scan: " in page
    assert "- rnnc: " in page
    assert cuda_cells.compare(Cupy(), few[:1], folder, tmp_path / "none", 0.0, time.monotonic() + 600, ()) == 1


def test_what_a_step_costs_is_told() -> None:
    def figure(steps: int, kernel: float | None, **more: Any) -> report.Figure:
        shape = f"{steps} x 16 x 8 x 8"
        return report.Figure("LSTM", shape, "float32", "forward", "rnnc", kernel, wall=2e-6 * steps, floor=0.0, **more)

    three = [figure(256, 1e-3), figure(1024, 5e-3), figure(2048, 1e-3 + 1792e-6), figure(9, 1.0, missing="lost")]
    assert report.slopes(three)[-1] == (
        "| LSTM | 16 x 8 x 8 | float32 | forward | rnnc | 256 to 2048 | 1.000 | 2.000 | 0.000 |"
    )
    assert report.slopes([figure(256, None), figure(2048, 1.0)])[-1].endswith("|  | 2.000 | 0.000 |")
    assert report.slopes(three[:1]) == []


def test_the_page_of_results_says_that_it_is_empty_or_is_not() -> None:
    text = (report.RESULTS / "cuda_cells.md").read_text(encoding="utf-8")
    assert text == report.EMPTY or "| network |" in text


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_everybody_gets_numbers_that_the_dtype_has(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    array = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    expected = torch.from_numpy(array).to(getattr(torch, dtype)).float().numpy()
    np.testing.assert_array_equal(rounded(array, dtype), expected)
    np.testing.assert_array_equal(rounded(array, "float32"), array)


def test_not_there_is_told_without_its_kind() -> None:
    assert compare._told(NotThere("no")) == "no"
    assert compare._told(ValueError("no\nmore")) == "ValueError: no"


class Moment:
    """An event of a card that takes two milliseconds for everything, and is never done when one looks."""

    done = False

    def record(self, stream: Any = None) -> None:
        """Remember the moment."""

    def synchronize(self) -> None:
        """Wait for it."""


@needs_compiler
@pytest.mark.parametrize("captures", [True, False])
def test_a_card_is_timed_in_three_ways(folder: Path, captures: bool) -> None:
    """With a card's events and pools made up."""
    row = distinct()[0]
    module = simulated(folder, f"{row.module}_cuda")
    cupy = Cupy()
    vars(cupy).update(RawKernel=lambda code, name: lambda grid, block, arguments: None)
    vars(cupy.cuda).update(Event=Moment, get_elapsed_time=lambda start, end: 2.0)
    vars(cupy.cuda).update(MemoryPool=lambda: SimpleNamespace(malloc=None), using_allocator=lambda _: nullcontext())
    vars(cupy).update(get_default_memory_pool=lambda: SimpleNamespace(free_all_blocks=lambda: None))
    ours = generated(make_case(row, module))

    def call() -> Any:
        if not captures and cupy.cuda.get_current_stream().is_capturing():
            raise RuntimeError("cannot be captured")
        return ours.forward()

    contender = replace(ours, forward=call)
    clock = DeviceClock(cupy)
    times, broken = in_turn(
        clock, [contender, Contender("b", [].pop, [].pop, contender.results, "jax")], "forward", 0.0
    )
    clock.tidy()
    assert isinstance(times, Times)
    assert times.median("kernel") == 0.002
    assert times.median("wall") is not None
    assert (times.median("graph") is not None) == captures
    assert ("no graph: cannot be captured" in times.notes) != captures
    assert isinstance(broken, IndexError)


def test_kernels_of_the_benchmark_compile(folder: Path) -> None:
    pytest.importorskip("cupy_backends.cuda.libs.nvrtc", exc_type=ImportError)
    module = simulated(folder, f"{distinct()[0].module}_cuda")
    for text in (SPIN, f"{module._PRELUDE}\n{floor.KERNELS}"):
        assert all(not kernel.spill_stores for kernel in compile_kernels(text, ("sm_90",)))
