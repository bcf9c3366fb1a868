"""`rnnc explain --target cuda`: how loops would run on a device, why some do not, and what kernels take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rnnc.backends.cuda import module as backend
from rnnc.backends.cuda.module import loops
from rnnc.backends.cuda.report import remarks
from rnnc.cli import loops as tables
from rnnc.compiler import compile_source
from rnnc.simulator.nvrtc import KernelResources, NvrtcMissing
from rnnc.syntax.source import Source, read_source
from tests.cli.support import RunRnnc
from tests.cuda.teams import CELLS
from tests.cuda.test_heads import CELLS as HEADS

ARGUMENTS = ("-D", "units=256", "--target", "cuda")


@pytest.fixture(autouse=True)
def nvrtc(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of NVRTC, which takes its time: two kernels for each program, of which the second one spills."""

    def compiled(text: str, archs: Sequence[str]) -> tuple[KernelResources, ...]:
        return tuple(
            KernelResources(f"k_{n}", arch, 20 + n, 0, 8 * n, 8 * n, 16) for arch in archs for n in range(2) if text
        )

    monkeypatch.setattr(tables, "compile_kernels", compiled)


def rows(text: str, title: str) -> list[list[str]]:
    """The cells of a table of the output, its headings first."""
    after = text.split(f"\n{title}", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in after.splitlines()[1:]]


def test_plans_are_those_of_the_planner(rnnc: RunRnnc, lstm: Path) -> None:
    found = rnnc("explain", lstm, *ARGUMENTS, "--batch", "1,16,4096", "--dtype", "float16,float32")
    assert found.status == 0, found.err
    headings, *lines = rows(found.out, "loops on h100: 132 multiprocessors, 227 KiB")
    assert headings == list(tables.PLAN_HEADINGS)
    assert len(lines) == 3 * 2 * 3  # loops, dtypes, rows
    space = tables.Loops(compile_source(read_source(lstm), None, {"units": 256}, target="cuda"), tables.DEVICES["h100"])
    for cells in lines:
        item = space.module._ITEMS[cells[1]]
        (kernel,) = [each.kernel for each in space.loops if each.kernel is not None and each.kernel.name == cells[0]]
        loop = space.module._Loop(
            products=tuple((a.evaluate({}), b.evaluate({}), n) for a, b, n in kernel.products),
            work=kernel.work.evaluate({}),
            sums=kernel.sums.evaluate({}),
            heads=1,
            alone=kernel.alone,
            meetings=kernel.meetings,
            stages=kernel.stages,
            exchanged=tuple((one.features.evaluate({}), one.number, one.batch) for one in kernel.exchanged),
            totals=kernel.totals,
        )
        room = space.module._Room(132, 227 << 10, clusters=16)
        crowd = {blocks: tables.DEVICES["h100"].clusters(blocks) for blocks in (2, 4, 8, 16)}
        plan = space.module._team_plan("auto", room, item, int(cells[2]), loop, registers=128, crowd=crowd)
        way = "step" if plan is None else "block" if plan.blocks == 1 else "persistent"
        assert cells[3] == ("block, clusters" if plan is not None and plan.clustered else way)
        if plan is not None:
            assert cells[4:6] == [f"{plan.teams} x {plan.blocks}", str(plan.rows)]
            assert cells[10] == ("shared memory" if plan.copies[2] >= 0 else "global memory")


@pytest.mark.parametrize("strategy", ["step", "block", "persistent"])
def test_a_forced_strategy_is_the_one_that_runs(rnnc: RunRnnc, lstm: Path, strategy: str) -> None:
    found = rnnc("explain", lstm, *ARGUMENTS, "-D", f"strategy={strategy}", "--device", "a100", "--batch", "4")
    assert found.status == 0, found.err
    assert {cells[3] for cells in rows(found.out, "loops on a100: 108 multiprocessors, 163 KiB")[1:]} == {strategy}


def test_kernels_that_spill_have_a_line_of_their_own(rnnc: RunRnnc, lstm: Path) -> None:
    headings, *lines = rows(rnnc("explain", lstm, *ARGUMENTS).out, "kernels")
    assert headings == list(tables.KERNEL_HEADINGS)
    assert ["k_1", "float32", "sm_90", "21", "16", "16"] in lines
    assert ["forward: 1 more, at most", "float32", "sm_90", "20", "0", "16"] in lines
    assert ["k_0", "float32", "sm_90", "20", "0", "16"] in lines  # of a loop


def test_without_nvrtc_there_is_a_remedy(rnnc: RunRnnc, lstm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise NvrtcMissing("NVRTC is not there: pip install it")

    monkeypatch.setattr(tables, "compile_kernels", missing)
    found = rnnc("explain", lstm, *ARGUMENTS)
    assert found.status == 0
    assert "rnnc: no registers are shown: NVRTC is not there: pip install it" in found.err
    assert "loops on h100" in found.out


def test_open_sizes_are_asked_for(rnnc: RunRnnc, lstm: Path) -> None:
    found = rnnc("explain", lstm, "--target", "cuda")
    assert found.status == 1
    assert "sizes that are open (units): give them: -D units=…" in found.err
    assert "4 * units" in found.out  # what needs no sizes is there
    assert "loops on" not in found.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--batch", "1"), "are for --target cuda"),
        (
            ("--target", "cuda", "--dtype", "float8"),
            "--dtype takes float16, bfloat16, tf32, float32, float64, not 'float8'",
        ),
        (("--target", "cuda", "--batch", "0"), "numbers from 1 on"),
        (("--target", "cuda", "--device", "tpu"), "'tpu' is not one of"),
    ],
)
def test_wrong_options(rnnc: RunRnnc, lstm: Path, arguments: tuple[str, ...], message: str) -> None:
    found = rnnc("explain", lstm, *arguments)
    assert found.status == 2
    assert message in found.err


def test_lines_tell_why_a_loop_is_no_kernel(rnnc: RunRnnc, tmp_path: Path) -> None:
    path = tmp_path / "cell.rnn"
    path.write_text(CELLS["gru"])
    found = rnnc("explain", path, *ARGUMENTS, "-D", "strategy=step")
    assert "- strategies: forward, train: this loop goes step by step from the host: it is wanted" in found.out
    assert "step by step; some steps are a captured graph" in " ".join(found.out.split())
    found = rnnc("explain", path, *ARGUMENTS)
    assert (
        "+ strategies: forward, train: this loop can run as one kernel, whose blocks meet 2 times a step" in found.out
    )


def test_lines_and_plans_tell_which_axes_teams_share(rnnc: RunRnnc, tmp_path: Path) -> None:
    path = tmp_path / "cell.rnn"
    path.write_text(HEADS["lstm"])
    found = rnnc(
        "explain", path, "-D", "d=128", "-D", "heads=4", "--target", "cuda", "--dtype", "float16", "--batch", "1"
    )
    assert "+ strategies: forward, train: nothing in a step couples head: teams, which never meet, share" in found.out
    headings, *lines = rows(found.out, "loops on h100")
    for cells in lines:
        plan = dict(zip(headings, cells, strict=True))
        assert plan["teams x blocks"].startswith("4 x ")
        assert plan["heads of a team"] == "1 of 4"


def test_sizes_of_loops_without_products_are_asked_for(rnnc: RunRnnc, tmp_path: Path) -> None:
    path = tmp_path / "cell.rnn"
    path.write_text(HEADS["rows"].replace("(d, ", "(").replace(": d", ": input"))
    found = rnnc("explain", path, "--target", "cuda")
    assert found.status == 1
    assert "sizes that are open (input): give them: -D input=…" in found.err


@pytest.mark.parametrize("strategy", ["auto", "step"])
def test_a_module_is_written_once(rnnc: RunRnnc, lstm: Path, monkeypatch: pytest.MonkeyPatch, strategy: str) -> None:
    written: list[object] = []
    write = backend.write_program
    monkeypatch.setattr(backend, "write_program", lambda *a, **k: [written.append(a), write(*a, **k)][1])
    assert rnnc("explain", lstm, *ARGUMENTS, "-D", f"strategy={strategy}").status == 0
    assert len(written) == len({"forward", "step", "train", "backward"})


def test_stretches_are_loops_of_the_host() -> None:
    source = Source("cell.rnn", CELLS["lstm"])
    found = loops(compile_source(source, None, {"units": 6}, target="cuda", save="every=2").emitted)
    refused = [looped for looped in found if looped.refusal]
    assert {looped.refusal for looped in refused} == {"its steps are loops themselves"}
    assert all(looped.spans for looped in found)
    missed = [remark for remark in remarks(found) if remark.kind == "missed"]
    assert missed
    assert all("step by step from the host" in remark.message for remark in missed)


@pytest.mark.parametrize("cell", CELLS)
def test_every_product_of_a_kernel_is_explained(cell: str) -> None:
    for looped in loops(compile_source(Source("cell.rnn", CELLS[cell]), None, {"units": 6}, target="cuda").emitted):
        assert looped.kernel is not None
        products = looped.products
        shared = [product for product in products if not product.apart]
        assert len(shared) <= len(looped.kernel.products)
        assert bool(shared) == bool(looped.kernel.products)
        assert all(product.name and str(product.columns) for product in products)
