"""Weights that stay in registers: the same numbers whatever part of them does, and plans that say how much."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import rnnc
from rnnc.cli import loops as tables
from rnnc.compiler import compile_source
from rnnc.simulator.cupy_cuda import DeviceModel
from rnnc.simulator.cupy_like import How
from rnnc.simulator.loader import load
from rnnc.simulator.nvrtc import compile_kernels
from rnnc.syntax.source import Source, read_source
from rnnc.verify.proving.halves import TF32, products_in
from rnnc.verify.report import compare
from tests.cuda.support import needs_compiler, planner
from tests.cuda.teams import CELLS, TOLERANCES, half, results
from tests.cuda.test_heads import CELLS as HEADS
from tests.cuda.test_modules import EXAMPLES

ALL = {
    **CELLS,
    "behind": "cell C(units) {\n input x[input]\n state h[units]\n r = sigmoid(linear(x, h))\n"
    " u = sigmoid(linear(x, h))\n n = tanh(linear(x) + r * (linear(h) as rec))\n"
    " h' = u * h + (1 - u) * n\n output h'\n}",
    "two": "cell C(units) {\n input x[input]\n state h[units], m[23]\n g = sigmoid(linear(x, h))\n"
    " m' = tanh(linear(x, m, out = 23) as k)\n h' = g * h + linear(m')\n output h', m'\n}",
    "heads": HEADS["lstm"].replace("(d, ", "(units, ").replace(": d", ": units"),
    "heads_twice": HEADS["gru"].replace("(d, ", "(units, ").replace(": d", ": units"),
    "five": "cell C(units) {\n input x[input]\n state h[units], m[7]\n a = tanh(linear(x, h, out = 11) as a)\n"
    " b = tanh(linear(a, m, out = units) as b)\n m' = tanh(linear(b) + linear(x) as m)\n"
    " h' = 0.5 * h + tanh(linear(m', h) as h)\n output h'\n}",
}
ITEMS = planner()["_ITEMS"]
H100 = (132, 227 << 10)
ALLOWED = {**TOLERANCES, "tf32": TF32.tolerance, "float32": 2e-5, "float64": 1e-11}


def loaded(cell: str, strategy: str, registers: int, how: How | None = None, units: int = 6) -> ModuleType:
    """A module that wants so many registers of a thread for weights, however little that may save."""
    text = compile_source(
        Source("cell.rnn", ALL[cell]), None, {"units": units, "strategy": strategy}, target="cuda"
    ).text
    module = load(text, "cell", how)
    module._NEAR, module._REGISTERS = 1e-3, (registers,)  # shared memory is slow
    return module


def checked(module: ModuleType, cell: str, rows: int, dtype: str, units: int) -> None:
    kind = half(dtype) if dtype == "bfloat16" else np.dtype({"tf32": "float32"}.get(dtype, dtype))
    with products_in(TF32 if dtype == "tf32" else None):
        found = results(module, rows, dtype=kind)
    rounding = kind if ITEMS[dtype].bytes == 2 else None
    for name, value in results(rnnc.compile(ALL[cell], units=units), rows, rounding=rounding).items():
        row = compare(name, found[name], value, ALLOWED[dtype])
        assert row.passed, row


def _plans(module: ModuleType) -> list[tuple[Any, Any]]:
    (launch,) = (built for built in module._BUILT.values() if isinstance(built, module._Launch))
    return list(launch.plans.items())


# Of a thread: all weights that there are, or so few that most stay in shared memory.
CASES = [
    ("lstm", "persistent", "float32", 37, 5, 8),
    ("gru", "block", "float16", 70, 19, 12),
    ("gru", "persistent", "tf32", 37, 19, 12),
    pytest.param("behind", "block", "float32", 21, 3, 128, marks=pytest.mark.slow),
    ("lstm", "block", "tf32", 141, 35, 24),
    pytest.param("heads", "block", "tf32", 13, 3, 128, marks=pytest.mark.slow),
    ("two", "persistent", "bfloat16", 41, 3, 128),
    pytest.param("lstm", "block", "bfloat16", 140, 35, 24, marks=pytest.mark.slow),
    ("gru", "persistent", "float32", 70, 7, 24),
    pytest.param("behind", "persistent", "float16", 70, 3, 8, marks=pytest.mark.slow),
    pytest.param("two", "block", "float64", 41, 2, 16, marks=pytest.mark.slow),
    pytest.param("two", "block", "float32", 150, 2, 12, marks=pytest.mark.slow),
    pytest.param("projected", "persistent", "float16", 37, 5, 128, marks=pytest.mark.slow),
    pytest.param("attention", "block", "float16", 37, 3, 128, marks=pytest.mark.slow),
    ("five", "block", "float16", 37, 3, 128),
    pytest.param("five", "persistent", "float32", 37, 5, 128, marks=pytest.mark.slow),
]


@needs_compiler
@pytest.mark.parametrize(("cell", "strategy", "dtype", "units", "rows", "registers"), CASES)
def test_any_part_of_the_weights_may_stay_in_registers(
    cell: str, strategy: str, dtype: str, units: int, rows: int, registers: int
) -> None:
    """Sizes that nothing divides: of rows, columns, and steps of k."""
    module = loaded(cell, strategy, registers, How(device=DeviceModel(multiprocessors=2)), units)
    checked(module, cell, rows, dtype, units)
    for (_, _, loop), team in _plans(module):
        near, far = module._team_weights(ITEMS[dtype], team, loop.products)
        assert near
        assert module._registers(ITEMS[dtype], team.kept) <= registers
        assert (far > 0) == (registers < 128)


@needs_compiler
@pytest.mark.parametrize(
    ("dtype", "units", "rows", "registers", "multiprocessors", "kilobytes"),
    [("float16", 60, 9, 24, 1, 24), pytest.param("float32", 100, 9, 12, 2, 112, marks=pytest.mark.slow)],
)
def test_operands_may_come_in_several_chunks(
    dtype: str, units: int, rows: int, registers: int, multiprocessors: int, kilobytes: int
) -> None:
    """Each with its part of what registers hold, and some with none."""
    device = DeviceModel(multiprocessors, shared_bytes=kilobytes << 10)
    strategy = "block" if multiprocessors == 1 else "persistent"
    module = loaded("lstm", strategy, registers, How(device=device), units)
    checked(module, "lstm", rows, dtype, units)
    assert any(deep > part for _, team in _plans(module) for _, _, deep, part, _ in team.kept)


@needs_compiler
@pytest.mark.slow
def test_no_race_in_registers() -> None:
    module = loaded("gru", "block", 8, How(race=True, device=DeviceModel(multiprocessors=1)), 37)
    checked(module, "gru", 2, "float32", 37)


@needs_compiler
@pytest.mark.parametrize(
    ("cell", "dtype", "units", "multiprocessors", "registers", "heads"),
    [
        ("heads", "float32", 20, 3, 128, 1),
        ("heads", "float16", 37, 2, 128, 2),
        ("heads_twice", "float32", 37, 1, 60, 3),
        pytest.param("heads_twice", "bfloat16", 70, 2, 24, 2, marks=pytest.mark.slow),
        pytest.param("heads", "float64", 21, 1, 128, 3, marks=pytest.mark.slow),
    ],
)
def test_registers_hold_weights_of_each_head(
    cell: str, dtype: str, units: int, multiprocessors: int, registers: int, heads: int
) -> None:
    """Of the last team's too, which has fewer heads."""
    device = DeviceModel(multiprocessors, compute_capability="80")  # which has no clusters
    module = loaded(cell, "block", registers, How(device=device), units)
    checked(module, cell, 5 if multiprocessors == 1 else 1, dtype, units)
    found = [(team, loop.products) for (_, _, loop), team in _plans(module)]
    assert {team.heads for team, _ in found} == {heads}
    assert all(any(deep for _, _, deep, _, _ in team.kept) for team, _ in found)
    far = [module._team_weights(ITEMS[dtype], team, products)[1] for team, products in found]
    assert any(far) == (registers < 128)


def plan(units: int, rows: int, dtype: str, registers: int, *, backward: bool = False, room: Any = H100) -> Any:
    """Of an LSTM, as one kernel."""
    space, products = planner(), ((units, 4 * units, 1) if backward else (units, units, 4),)
    loop = space["_Loop"](products, units, 0, 1, alone=False, meetings=1, stages=1, exchanged=())
    return space["_team_plan"]("persistent", space["_Room"](*room, clusters=8), ITEMS[dtype], rows, loop, registers)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("rows", [1, 16])
def test_a_larger_lstm_is_one_kernel(rows: int, backward: bool) -> None:
    """2048 units of bfloat16 on an H100: 256 KiB of weights for each multiprocessor, which has 227 to share."""
    assert plan(2048, rows, "bfloat16", 0, backward=backward).numbers[5] < 0  # weights that do not stay
    team = plan(2048, rows, "bfloat16", 128, backward=backward)
    assert (team.blocks, team.teams) == (132, 1)
    near, far = planner()["_team_weights"](ITEMS["bfloat16"], team, ((2048, 8192, 1) if backward else (2048, 2048, 4),))
    assert near == 128 << 10
    assert near + far >= 2048 * 8192 * 2 / 132
    assert far < team.shared <= 227 << 10


@pytest.mark.parametrize("dtype", ITEMS)
def test_weights_on_their_way_into_registers_have_room(dtype: str) -> None:
    """At least one step of k of each part at once, of all columns, in front of what is staged (see registers.cuh)."""
    space, found = planner(), 0
    for units, blocks, rows in product((8, 40, 64, 128, 300), (1, 2, 8, 16, 132), (1, 7, 32)):
        products = ((units, units, 4), (units, 4 * units, 1))
        loop = space["_Loop"](products, units, 0, 1, alone=False, meetings=1, stages=1, exchanged=())
        for end, _, (_, _, stage, _, _, *places), kept in (
            space["_team_buffers"](H100[1], ITEMS[dtype], space["_Part"](rows, 1, blocks), loop, True, registers)
            or (0, 0, (0, 0, 0, 0, 0), ())
            for registers in (128, 64)
        ):
            for (features, _, slots), held, splits in zip(products, kept, places[2::3], strict=bool(kept)):
                wide = space["_wide"](ITEMS[dtype], features, slots, blocks)
                needed = space["_weights"](ITEMS[dtype], splits * ITEMS[dtype].deep, wide)
                assert not held[2] or needed <= stage <= end
                found += held[2] > 0
    assert found > 50


def test_weights_in_registers_are_not_read() -> None:
    """Neither in the estimate: what is multiplied stays, and what is read is less."""
    for units, dtype in ((512, "float32"), (1024, "float32"), (512, "float16"), (1024, "tf32"), (1536, "float16")):
        without, team = plan(units, 16, dtype, 0), plan(units, 16, dtype, 128)
        assert team.seconds < without.seconds
        assert team.shared <= 227 << 10
    reading = planner()["_reading"]
    for item in set(ITEMS.values()):
        assert reading(item, 16, 64, 512, 0) < reading(item, 16, 64, 512, 0.5) < reading(item, 16, 64, 512, 1)


def test_kernels_that_spill_get_fewer_registers() -> None:
    asked: list[int] = []

    def found(registers: int) -> Any:
        asked.append(registers)
        return plan(2048, 16, "float16", registers)

    choose, count = planner()["_team_without_spills"], planner()["_registers"]

    def kept(spills: Callable[[Any], bool]) -> int:
        return count(ITEMS["float16"], choose(found, spills, lambda _: 255).kept)

    assert kept(lambda _: False) == 128
    assert kept(lambda team: count(ITEMS["float16"], team.kept) > 64) == 64
    assert kept(lambda _: True) == 0
    assert asked == [128, 128, 64, 128, 64, 0]


@pytest.mark.parametrize(("taken", "tried"), [(255, []), (201, []), (200, [128, 64]), (90, [128, 64])])
def test_long_kernels_without_room_are_not_compiled_for_weights(taken: int, tried: list[int]) -> None:
    """A step of many products compiles for half a minute each time: what it takes without weights is asked first."""
    space = planner()
    products = ((64, 64, 1),) * (space["_FEW_PRODUCTS"] + 1)
    loop = space["_Loop"](products, 64, 0, 1, alone=False, meetings=1, stages=1, exchanged=())
    compiled: list[int] = []

    def spills(team: Any) -> bool:
        compiled.append(space["_registers"](ITEMS["float16"], team.kept))
        return True

    def found(registers: int) -> Any:
        room = space["_Room"](132, 227 << 10, 16)
        return space["_team_plan"]("persistent", room, ITEMS["float16"], 16, loop, registers)

    team = space["_team_without_spills"](found, spills, lambda team: taken if not any(k[2] for k in team.kept) else 0)
    assert not any(deep for _, _, deep, _, _ in team.kept)
    assert len(compiled) == len(tried)
    assert all(a <= b for a, b in zip(compiled, tried, strict=True))


NVRTC = [
    ("lstm", 2048, "bfloat16", 16),
    pytest.param("gru", 1024, "bfloat16", 16, marks=pytest.mark.slow),
    pytest.param("gru", 2048, "bfloat16", 1, marks=pytest.mark.slow),
    pytest.param("lstm", 1024, "float32", 1, marks=pytest.mark.slow),
    pytest.param("lstm", 512, "float32", 64, marks=pytest.mark.slow),
    pytest.param("gru", 1024, "float32", 16, marks=pytest.mark.slow),
    pytest.param("lstm", 512, "float16", 64, marks=pytest.mark.slow),
    ("lstm", 512, "tf32", 64),
]


@pytest.mark.parametrize(("example", "units", "dtype", "rows"), NVRTC)
def test_registers_hold_what_the_plan_wants(example: str, units: int, dtype: str, rows: int) -> None:
    """As NVIDIA's compiler says: nothing is spilled."""
    pytest.importorskip("cupy_backends.cuda.libs.nvrtc", exc_type=ImportError)
    compiled = compile_source(read_source(EXAMPLES / f"{example}.rnn"), None, {"units": units}, target="cuda")
    space = tables.Loops(compiled, tables.DEVICES["h100"])
    for looped in space.loops:
        if looped.kernel is None or looped.program == "train":
            continue
        team = next(way.team for way in space.ways(looped, dtype, rows) if way.name == "persistent")
        wanted = space.module._registers(ITEMS[dtype], team.kept)
        assert wanted
        for kernel in compile_kernels(space.module._code(dtype, looped.kernel.name, 1, team.kept)):
            if kernel.name == looped.kernel.name:
                assert kernel.spill_stores == kernel.spill_loads == kernel.stack == 0, kernel
                assert kernel.registers > wanted + 64  # they are not elsewhere


@pytest.mark.parametrize(
    ("cell", "dtype", "kept"),
    [
        ("heads", "float16", (3, 1, 8, 8, 1)),
        pytest.param("heads", "float32", (3, 1, 8, 8, 1), marks=pytest.mark.slow),
        pytest.param("five", "bfloat16", (1, 1, 4, 4, 0), marks=pytest.mark.slow),
        pytest.param("five", "float32", (1, 1, 4, 4, 1), marks=pytest.mark.slow),
    ],
)
def test_heads_and_many_products_spill_nothing(cell: str, dtype: str, kept: tuple[int, ...]) -> None:
    pytest.importorskip("cupy_backends.cuda.libs.nvrtc", exc_type=ImportError)
    module = loaded(cell, "block", 128, units=200)
    for program in ("forward_loop_1", "backward_loop_1"):
        products = module._KERNELS[program].count("= multiply<")
        found = compile_kernels(module._code(dtype, program, 1, (kept,) * products), ("sm_80", "sm_90"))
        for kernel in found:
            assert kernel.spill_stores == kernel.spill_loads == kernel.stack == 0, kernel
            assert kernel.registers > module._registers(ITEMS[dtype], (kept,) * products) + 64
