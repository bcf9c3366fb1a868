"""Loops as one kernel: the same numbers however a device's blocks share them, and no race that any schedule hides."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.compiler import BadRequest, compile_source
from rnnc.simulator.cupy_like import How
from rnnc.simulator.driver import DeviceModel
from rnnc.simulator.faults import KernelFault
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source
from tests.cuda.support import needs_compiler
from tests.cuda.teams import (
    CELLS,
    TOLERANCES,
    assert_rounded,
    assert_same,
    expected,
    half,
    loaded,
    meetings,
    plans,
    replaced,
    results,
)


@needs_compiler
@pytest.mark.parametrize("strategy", ["block", "persistent"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_kind_of_step(cell: str, strategy: str) -> None:
    lengths = np.array([4, 0, 2], np.int32)
    assert_same(results(loaded(cell, strategy), 3, lengths), expected(cell, 3, lengths))


@needs_compiler
@pytest.mark.parametrize(("cell", "race"), [("lstm", False), ("lstm", True), ("gru", True), ("attention", True)])
def test_a_team_may_be_a_cluster(cell: str, race: bool) -> None:
    """Two blocks that meet at the barrier of the hardware: no cooperative launch, on devices of sm_90."""
    module = loaded(cell, "cluster", How(race=race, device=DeviceModel(multiprocessors=2)))
    assert_same(results(module, 3), expected(cell, 3))
    assert all(plan.clustered for plan in plans(module))


@needs_compiler
def test_without_clusters_a_team_is_a_block() -> None:
    module = loaded("lstm", "block", How(device=DeviceModel(compute_capability="80")), units=20)
    assert_same(results(module, 3), expected("lstm", 3, units=20))
    assert {(plan.blocks, plan.clustered) for plan in plans(module)} == {(1, False)}


@needs_compiler
@pytest.mark.parametrize("strategy", ["block", "persistent"])
@pytest.mark.parametrize(("cell", "units"), [("normed", 70), ("attention", 70), ("normed", 300), ("joined", 300)])
def test_long_sums_are_made_by_several_threads(cell: str, strategy: str, units: int) -> None:
    """What the first of them writes the others read: without a meeting, and without a race."""
    alone = strategy == "block"  # race mode has room for the threads of one multiprocessor
    how = How(race=alone, device=DeviceModel(multiprocessors=1 if alone else 3))
    module = loaded(cell, strategy, how, units=units)
    assert re.search("joining.sum|warp_sum", module._KERNELS["forward_loop_1"])
    assert_same(results(module, 3), expected(cell, 3, units=units), 1e-11)


UNLIKE = """
cell Unlike(first, second) {
  input x[input]
  state a[first], b[second], s[], t[]
  s' = sum(a * a)
  t' = sum(tanh(b + s'))
  a' = tanh(0.5 * a + linear(x) + 0.01 * t')
  b' = tanh(0.3 * b + linear(x))
  output t'
}
"""


@needs_compiler
@pytest.mark.parametrize("sizes", [(200, 300), (300, 200)], ids=str)
@pytest.mark.parametrize("strategy", ["block", "persistent"])
def test_sums_of_a_warp_and_of_a_block_are_not_by_the_same_threads(strategy: str, sizes: tuple[int, int]) -> None:
    options = {"first": sizes[0], "second": sizes[1]}
    how = How(race=True, device=DeviceModel(multiprocessors=1 if strategy == "block" else 2))
    text = compile_source(Source("cell.rnn", UNLIKE), None, {**options, "strategy": strategy}, target="cuda").text
    found = results(load(text, "cell", how), 3)
    assert_same(found, results(rnnc.compile(UNLIKE, **options), 3), 1e-9)


def test_what_sums_read_is_found_once() -> None:
    """And not by every way that leads to it."""
    steps = "".join(f" u{i + 1} = u{i} * v{i}\n v{i + 1} = u{i} - v{i}\n" for i in range(22))
    text = f"cell C {{\n input x[70]\n state q[]\n u0 = x + q\n v0 = x - q\n{steps}"
    text += " q' = tanh(sum(u22 + v22))\n output q'\n}"
    assert "joining.sum" in compile_source(Source("cell.rnn", text), None, {}, target="cuda").text


SECOND = """
cell Second(units) {
  input x[input]
  state h[units]
  z = linear(x, h)
  a = argmax(z)
  b = argmax(where(places(units) == a, -1000, z))
  h' = tanh(z + 0.01 * where(a > b, 1, -1))
  output h'
}
"""


@needs_compiler
def test_a_place_that_is_read_too_early_is_caught() -> None:
    """A block looks for the second largest number when all of its threads know the largest one's place."""
    source = compile_source(Source("cell.rnn", SECOND), None, {"units": 300, "strategy": "block"}, target="cuda").text
    how = How(race=True, device=DeviceModel(multiprocessors=1))
    assert_same(results(load(source, "cell", how), 1), results(rnnc.compile(SECOND, units=300), 1), 1e-9)
    broken = replaced(r"    else __syncthreads\(\);\n  }\n};", "  }\n};")(source)
    with pytest.raises(KernelFault, match="race"):
        results(load(broken, "cell", how), 1)


@needs_compiler
@pytest.mark.parametrize("schedule", ["fifo", "reversed", ("random", 1), ("random", 2)], ids=str)
@pytest.mark.parametrize("cell", ["lstm", "gru", "attention"])
def test_no_schedule_and_no_race_changes_numbers(cell: str, schedule: Any) -> None:
    """Race mode looks at every access: what no schedule shows is an error, too."""
    how = How(schedule=schedule, race=schedule == "fifo", device=DeviceModel(multiprocessors=3))
    assert_same(results(loaded(cell, "persistent", how), 2), expected(cell, 2))


ROOMS = (200, 60, 24, 16)  # KiB of shared memory


@needs_compiler
@pytest.mark.parametrize("kilobytes", ROOMS)
@pytest.mark.parametrize("rows", [1, 3, 70])
def test_any_room_gives_the_same_numbers(rows: int, kilobytes: int) -> None:
    """Weights that stay and weights that do not, sums in one piece and in many, all rows at once and a few."""
    device = DeviceModel(multiprocessors=2, shared_bytes=kilobytes << 10)
    module = loaded("gru", "block", How(device=device), units=40)
    module._REGISTERS = ()
    assert_same(results(module, rows), expected("gru", rows, units=40), 1e-11)


def test_the_planner_uses_all_the_ways_there_are() -> None:
    """So that the test above means something."""
    module = loaded("gru", "block")
    loop = module._Loop(((40, 40, 2), (40, 40, 1)), 120, 0, 1, alone=False, meetings=2, stages=2, exchanged=())
    found = {
        (kilobytes, rows): module._team_plan(
            "block", module._Room(2, kilobytes << 10, 0), module._ITEMS["float64"], rows, loop
        )
        for kilobytes in ROOMS
        for rows in (1, 3, 70)
    }
    numbers = [team.numbers for team in found.values()]
    assert {n[3] < 40 for n in numbers} == {True, False}  # chunks of k
    assert {n[5] < 0 for n in numbers} == {True, False}  # weights that do not stay
    assert {n[7] > 1 for n in numbers} == {True, False}  # sums in several parts
    assert {n[0] < team.rows for n, team in zip(numbers, found.values(), strict=True)} == {True, False}
    assert all(team.shared <= kilobytes << 10 for (kilobytes, _), team in found.items())


# Every word with every other one; half of all ways are slow tests.
WAYS = [
    pytest.param(cell, dtype, strategy, marks=[pytest.mark.slow] * ((a + b + c) % 2))
    for a, cell in enumerate(["lstm", "gru", "attention", "projected"])
    for b, dtype in enumerate(TOLERANCES)
    for c, strategy in enumerate(["step", "block", "persistent"])
]


@needs_compiler
@pytest.mark.parametrize(("cell", "dtype", "strategy"), WAYS)
def test_halves_are_rounded_and_nothing_else(cell: str, dtype: str, strategy: str) -> None:
    assert_rounded(results(loaded(cell, strategy), 3, dtype=half(dtype)), cell, 3)


@needs_compiler
@pytest.mark.parametrize("kilobytes", ROOMS)
@pytest.mark.parametrize("rows", [3, 20])
def test_halves_in_any_room(rows: int, kilobytes: int) -> None:
    """Fragments at the edges: rows, columns and chunks of k that 16 does not divide."""
    device = DeviceModel(multiprocessors=1, shared_bytes=kilobytes << 10)
    module = loaded("gru", "block", How(device=device), units=40)
    module._REGISTERS = ()
    assert_rounded(results(module, rows, dtype=half("float16")), "gru", rows, 40)


@needs_compiler
def test_the_same_call_gives_the_same_bits() -> None:
    module = loaded("attention", "persistent")
    first, second = results(module, 3, dtype="float32"), results(module, 3, dtype="float32")
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


BROKEN = {
    "meeting": (r"team\.(?:meet|arrive|wait)\(\);", "", "race"),
    "release": (
        r"grid_arrive\(counter, blocks, &target\);",
        "{ target += blocks; __syncthreads(); if (threadIdx.x == 0) atomicAdd(counter, 1u); }",
        "race",
    ),
    "acquire": (
        r"else grid_wait\(counter, target\);",
        """else { if (threadIdx.x == 0) { while ((int)(ld_relaxed(counter) - target) < 0) spin_pause(); }
        __syncthreads(); }""",
        "race",
    ),
    "index": (r"(\w+)\[n\] = ", r"\1[n + 1000000] = ", "out"),
}


@needs_compiler
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_found(kind: str) -> None:
    pattern, text, word = BROKEN[kind]

    how = How(race=True, device=DeviceModel(multiprocessors=2))
    with pytest.raises(KernelFault, match=word):
        results(loaded("lstm", "persistent", how, replaced(pattern, text)), 2)


@pytest.mark.parametrize(
    ("cell", "forward", "backward"), [("lstm", 1, 1), ("gru", 2, 2), ("normed", 3, 5), ("projected", 2, 2)]
)
def test_threads_meet_no_more_than_they_must(cell: str, forward: int, backward: int) -> None:
    """An LSTM's step has one product, in both directions; a GRU with the reset gate in front has two in a row."""
    text = compile_source(Source("cell.rnn", CELLS[cell]), None, {"units": 6}, target="cuda").text
    assert meetings(text) == (forward, backward)


def test_the_planner_prefers_what_fits() -> None:
    module = loaded("lstm", "auto")
    room = module._Room(132, 227 << 10, clusters=0)

    def plan(rows: int, units: int, dtype: str = "float32") -> Any:
        loop = module._Loop(((units, units, 4),), units, 0, 1, alone=False, meetings=1, stages=1, exchanged=())
        return module._team_plan("auto", room, module._ITEMS[dtype], rows, loop)

    assert plan(32, 32).blocks == 1
    assert plan(16, 768).blocks > 1
    assert plan(2048, 4096) is None
    for rows in (1, 5, 64, 300):
        for units in (17, 64, 500, 1536):
            team = plan(rows, units)
            if team is not None:
                assert team.shared <= 227 << 10
                assert team.teams * team.rows >= rows > (team.teams - 1) * team.rows
                assert team.blocks == 1 or team.blocks * team.teams <= 132


def test_what_has_no_room_goes_step_by_step_and_says_so() -> None:
    module = loaded("lstm", "persistent", How(device=DeviceModel(multiprocessors=2, shared_bytes=256)))
    with pytest.warns(UserWarning, match="no room for the strategy persistent"):
        found = results(module, 2)
    assert_same(found, expected("lstm", 2))


HOSTILE = """
cell C(units) {
  input x[units]
  state h[units]
  g  = sigmoid(linear(x, h))  # \'\'\' %s */ #endif \u03c3 \\
  h' = g * h + tanh(x)  # ??/
  output h'
}
""" % ('"' * 3)


@needs_compiler
@pytest.mark.parametrize("strategy", ["step", "block"])
def test_equations_stand_above_their_statements_and_do_nothing_else(strategy: str) -> None:
    options = {"units": 3, "strategy": strategy}
    module = load(compile_source(Source("c.rnn", HOSTILE), None, options, target="cuda").text, "c")
    kernels = "".join(module._KERNELS.values())
    assert "// g  = sigmoid(linear(x, h))  # " in kernels
    assert kernels.isascii()
    assert not re.search(r"//.*\\$", kernels, re.MULTILINE)
    params = module.init_params(seed=0, dtype="float64")
    x = np.ones((2, 3, 3))
    numpy_module = rnnc.compile(HOSTILE, units=3)
    np.testing.assert_allclose(module.forward(params, x)[0], numpy_module.forward(params, x)[0], rtol=0, atol=1e-14)


def test_unknown_strategies_are_refused() -> None:
    with pytest.raises(BadRequest, match="no strategy 'fast'; there are auto, step, block, cluster, persistent"):
        compile_source(Source("cell.rnn", CELLS["lstm"]), None, {"units": 6, "strategy": "fast"}, target="cuda")
