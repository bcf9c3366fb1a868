"""Loops as one kernel whose teams share heads: the same numbers, and no meeting of two heads."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.backends.cuda.module import loops
from rnnc.backends.cuda.teams import write
from rnnc.compiler import compile_source
from rnnc.passes.analysis.uncoupled import leading
from rnnc.simulator.cupy_like import Function, How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source
from rnnc.verify.report import compare
from tests.cuda.support import needs_compiler
from tests.cuda.teams import TOLERANCES, assert_same, half, meetings, plans, results
from tests.passes.test_uncoupled import CELLS as COUPLED

# One product and two in a row, weights that heads share, sums within a head, states without features, rows of a matrix.
CELLS = {
    "lstm": "cell C(d, heads = 3) {\n input x[input]\n state c[head: heads, unit: d], h[head: heads, unit: d]\n"
    " f = sigmoid(linear(x, out = [head, unit]) + linear(h, per = head) as rec)\n"
    " z = tanh(linear(x, out = [head, unit]) + linear(h, per = head) as rec)\n"
    " c' = f * c + (1 - f) * z\n h' = tanh(c')\n output h', c'\n}",
    "gru": "cell C(d, heads = 3) {\n input x[input]\n state h[head: heads, unit: d]\n"
    " r = sigmoid(linear(x, out = [head, unit]) + linear(h, per = head) as rec)\n"
    " n = tanh(linear(x, out = [head, unit]) + linear(q: r * h, per = head) as rec)\n"
    " h' = 0.5 * h + 0.5 * n\n output h'\n}",
    "alike": "cell C(d, heads = 3) {\n input x[input]\n state h[head: heads, unit: d]\n param U[from: d, unit: d]\n"
    " h' = tanh(linear(x, out = [head, unit]) + contract(relabel(h, head: heads, from: d), U, over = from))\n"
    " output h'\n}",
    "normed": "cell C(d, heads = 3) {\n input x[input]\n state h[head: heads, unit: d], m[head: heads]\n"
    " m' = tanh(linear(x, out = [head]) + m + sum(h * h, unit))\n"
    " z = linear(x, out = [head, unit]) + linear(h, per = head) as rec\n"
    " h' = tanh((z - mean(z, unit)) * m')\n output h', m'\n}",
    "rows": "cell C(d, heads = 3) {\n input x[input]\n state S[head: heads, value: 2, key: d]\n"
    " k = tanh(linear(x, out = [head, key]))\n v = linear(x, out = [head, value])\n"
    " S' = 0.9 * S + 0.2 * outer(tanh(v - contract(S, k, over = key)), k)\n output contract(S', k, over = key)\n}",
}


def loaded(cell: str, strategy: str, how: How | None = None, d: int = 4) -> ModuleType:
    text = compile_source(Source("cell.rnn", CELLS[cell]), None, {"d": d, "strategy": strategy}, target="cuda").text
    return load(text, "cell", how)


def expected(cell: str, rows: int, lengths: Any = None, d: int = 4, rounding: Any = None) -> dict[str, np.ndarray]:
    return results(rnnc.compile(CELLS[cell], d=d), rows, lengths, rounding=rounding)


@needs_compiler
@pytest.mark.parametrize(
    ("strategy", "multiprocessors"), [("block", 1), ("block", 2), ("persistent", 2), ("persistent", 6)]
)
@pytest.mark.parametrize("cell", CELLS)
def test_every_kind_of_step(cell: str, strategy: str, multiprocessors: int) -> None:
    """Teams with all heads, with some (of which the last team has fewer), and with one each."""
    how = How(device=DeviceModel(multiprocessors=multiprocessors, compute_capability="80"))
    lengths, module = np.array([4, 0, 2], np.int32), loaded(cell, strategy, how)
    assert_same(results(module, 3, lengths), expected(cell, 3, lengths))
    assert all((plan.blocks > 1) == (strategy == "persistent") for plan in plans(module))


@needs_compiler
@pytest.mark.parametrize("schedule", ["fifo", "reversed", ("random", 1)], ids=str)
@pytest.mark.parametrize("cell", ["lstm", "normed", "rows"])
def test_no_schedule_and_no_race_changes_numbers(cell: str, schedule: Any) -> None:
    """Three teams of two blocks; race mode looks at every access."""
    how = How(schedule=schedule, race=schedule == "fifo", device=DeviceModel(multiprocessors=6))
    module = loaded(cell, "persistent", how)
    assert_same(results(module, 1), expected(cell, 1))
    assert {(plan.teams, plan.blocks) for plan in plans(module)} == {(3, 2)}


@needs_compiler
@pytest.mark.parametrize(("strategy", "multiprocessors"), [("block", 1), ("persistent", 2)])
@pytest.mark.parametrize("cell", ["lstm", "gru", "normed"])
def test_heads_of_one_team_do_not_race(cell: str, strategy: str, multiprocessors: int) -> None:
    """Items that take one head after the other beside items that take all at once."""
    module = loaded(cell, strategy, How(race=True, device=DeviceModel(multiprocessors, compute_capability="80")))
    assert_same(results(module, 2), expected(cell, 2))
    assert {plan.heads for plan in plans(module)} == {3}


@needs_compiler
@pytest.mark.parametrize("multiprocessors", [1, 3])
def test_long_sums_within_a_head_are_made_by_warps(multiprocessors: int) -> None:
    module = loaded("normed", "block", How(race=multiprocessors == 1, device=DeviceModel(multiprocessors)), d=70)
    assert "joining.sum" in module._KERNELS["forward_loop_1"]
    assert_same(results(module, 3), expected("normed", 3, d=70), 1e-11)


@needs_compiler
def test_blocks_of_different_heads_never_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each team counts its own meetings: two blocks for each step, and not six."""
    module = loaded("lstm", "persistent", How(device=DeviceModel(multiprocessors=6)))
    zeros, counters = module.cp.zeros, list[Any]()

    def counted(shape: Any, dtype: Any = float) -> Any:
        found = zeros(shape, dtype)
        counters.extend([found] if dtype is np.uint32 else [])
        return found

    monkeypatch.setattr(module.cp, "zeros", counted)
    assert_same(results(module, 1), expected("lstm", 1))
    assert {(plan.teams, plan.blocks, plan.heads) for plan in plans(module)} == {(3, 2, 1)}
    assert len(counters) == 3
    for arrived in counters:
        assert list(np.asarray(arrived)[::32]) == [2 * 4] * 3


@needs_compiler
def test_a_block_for_each_head_meets_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of one head in each block; no barrier but the block's own, so no cooperative launch, and no counter."""
    module, cooperative = loaded("lstm", "block", How(device=DeviceModel(multiprocessors=3)), d=20), set[bool]()
    launch = Function.__call__

    def noted(kernel: Function, *given: Any, **how: Any) -> None:
        cooperative.add(how.get("enable_cooperative_groups", False))
        launch(kernel, *given, **how)

    zeros, numbers = module.cp.zeros, set[str]()

    def kinds(shape: Any, dtype: Any = float) -> Any:
        numbers.add(np.dtype(dtype).name)
        return zeros(shape, dtype)

    monkeypatch.setattr(module.cp, "zeros", kinds)
    monkeypatch.setattr(Function, "__call__", noted)
    assert_same(results(module, 1), expected("lstm", 1, d=20), 1e-11)
    assert "uint32" not in numbers
    assert {(plan.teams, plan.blocks, plan.heads) for plan in plans(module)} == {(3, 1, 1)}
    assert cooperative == {False}


ROOMS = (200, 40, 24)  # KiB of shared memory


@needs_compiler
@pytest.mark.parametrize("kilobytes", ROOMS)
@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_any_room_gives_the_same_numbers(dtype: str, kilobytes: int) -> None:
    """Weights of all heads that stay, and weights that do not; fragments at edges that 16 does not divide."""
    module = loaded("gru", "block", How(device=DeviceModel(multiprocessors=1, shared_bytes=kilobytes << 10)), d=20)
    module._REGISTERS = ()
    if dtype == "float64":
        assert_same(results(module, 3), expected("gru", 3, d=20), 1e-11)
    else:
        found = results(module, 3, dtype=half(dtype))
        for name, value in expected("gru", 3, d=20, rounding=half(dtype)).items():
            row = compare(name, found[name], value, TOLERANCES[dtype])
            assert row.passed, row
    assert {plan.heads for plan in plans(module)} == {3}


@pytest.mark.parametrize(
    ("cell", "forward", "backward"), [("lstm", 1, 1), ("gru", 2, 2), ("alike", 1, 1), ("rows", 2, 2)]
)
def test_products_of_heads_are_multiplied_where_they_are_read(cell: str, forward: int, backward: int) -> None:
    text = compile_source(Source("cell.rnn", CELLS[cell]), None, {"d": 4}, target="cuda").text
    assert meetings(text) == (forward, backward)


def test_the_planner_shares_heads_before_features() -> None:
    module = loaded("lstm", "auto")
    room = module._Room(132, 227 << 10, clusters=0)

    def plan(rows: int, units: int, heads: int) -> Any:
        loop = module._Loop(((units, units, 4),), heads * units, 0, heads, False, meetings=1, stages=1, exchanged=())
        return module._team_plan("auto", room, module._ITEMS["float16"], rows, loop)

    assert plan(1, 32, 4)[:4] == (1, 4, 1, 1)
    assert plan(32, 32, 4).blocks == 1
    for rows in (1, 5, 64, 300):
        for heads in (2, 6, 150):
            team = plan(rows, 32, heads)
            if team is None:
                continue
            across = -(-heads // team.heads)
            assert team.teams * team.blocks <= 132
            assert team.teams % across == 0
            assert team.teams // across * team.rows >= rows
            assert team.heads <= heads


@pytest.mark.parametrize("cell", COUPLED)
def test_kernels_are_written_only_where_nothing_is_read_across_heads(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the analysis says that all axes of the first state are uncoupled."""
    monkeypatch.setattr(write, "leading", lambda loop: loop.carries[0].param.type.axes)
    compiled = compile_source(Source("cell.rnn", COUPLED[cell][0]), None, {"input": 4}, target="cuda")
    for looped in loops(compiled.emitted):
        assert looped.kernel is not None
        (loop,) = looped.loops
        assert looped.kernel.heads == leading(loop)


MEMORY = """cell C(units, N = 4) {
 input x[units]
 state h[units, N]
 key = linear(x, bias = false, out = [N])
 gate = sigmoid(linear(x, out = [N]))
 h' = gate * h + outer(x, key)
 output sum(h' * key, N)
}"""


def test_an_outer_product_is_made_where_it_is_read() -> None:
    """No array of it, for which a sum over the state that it enters would wait. All that is left to meet for is the end
    of a step."""
    text = compile_source(Source("cell.rnn", MEMORY), None, {"units": 8}, target="cuda").text
    assert meetings(text) == (1, 1)
