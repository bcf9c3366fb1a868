"""What blocks of a team read of one another lies in the shared memory of each; clusters of all sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnc.compiler import compile_source
from rnnc.simulator.cupy_like import Cupy, How
from rnnc.simulator.driver import INVALID_VALUE, DeviceModel, Driver
from rnnc.simulator.faults import KernelFault
from rnnc.simulator.loader import load
from rnnc.syntax.source import Source, read_source
from rnnc.verify.commands import verify_source
from tests.cuda.support import needs_compiler
from tests.cuda.teams import assert_rounded, assert_same, expected, half, loaded, plans, replaced, results
from tests.cuda.test_heads import CELLS as HEADS
from tests.cuda.test_heads import expected as expected_heads

ROOT = Path(__file__).parents[2]
TWO = DeviceModel(multiprocessors=2)


# What the host says of the forward loop of an LSTM.
LSTM = ((36, 36, 4),), 36, 0, 1, False, 1, 1, ((36, "item", True),)  # what `_Loop` has


@needs_compiler
@pytest.mark.parametrize("cell", ["normed", "projected"])
def test_sums_and_states_of_many_kinds_are_exchanged(cell: str) -> None:
    """Sums over features, values without features, projections: by two blocks, where every access is checked."""
    module = loaded(cell, "cluster", How(race=True, device=TWO))
    lengths = np.array([4, 0, 2], np.int32)
    assert_same(results(module, 3, lengths), expected(cell, 3, lengths))
    assert {(plan.blocks, plan.clustered) for plan in plans(module)} == {(2, True)}
    assert all(place >= 0 for plan in plans(module) for place in plan.copies)


@needs_compiler
@pytest.mark.parametrize("rows", [1, 20])
def test_halves_are_exchanged(rows: int) -> None:
    """Lines and rows that fragments fill up."""
    module = loaded("gru", "cluster", How(device=TWO), units=20)
    assert_rounded(results(module, rows, dtype=half("float16")), "gru", rows, 20)
    assert all(place >= 0 for plan in plans(module) for place in plan.copies)


@needs_compiler
def test_heads_are_exchanged() -> None:
    """A cluster has some of the heads: what it has of an array lies otherwise than there."""
    text = compile_source(Source("cell.rnn", HEADS["gru"]), None, {"d": 5, "strategy": "cluster"}, target="cuda").text
    module = load(text, "cell", How(race=True, device=DeviceModel(multiprocessors=4)))
    assert_same(results(module, 2), expected_heads("gru", 2, d=5))
    assert {(plan.teams, plan.blocks) for plan in plans(module)} == {(2, 2)}
    assert {plan.heads for plan in plans(module)} == {3}  # and two
    assert all(place >= 0 for plan in plans(module) for place in plan.copies)


@needs_compiler
def test_a_cluster_of_sixteen() -> None:
    """The last blocks have fewer features than the others, or none, and meet them all the same."""
    module = loaded("lstm", "cluster", How(device=DeviceModel(multiprocessors=16)), units=36)
    module._MEET_CLUSTERED = 0.0  # seconds: so that the planner wants many blocks for a small cell
    assert_same(results(module, 1), expected("lstm", 1, units=36), 1e-11)
    assert 16 in {plan.blocks for plan in plans(module)}


def test_clusters_are_as_large_as_the_device_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    def blocks(device: DeviceModel, rows: int = 1) -> int | None:
        module = loaded("lstm", "cluster", How(device=device), units=36)
        module._MEET_CLUSTERED = 0.0
        plan = module._launcher("float32").team("forward_loop_1", rows, module._Loop(*LSTM))
        return None if plan is None else plan.blocks

    assert blocks(DeviceModel(multiprocessors=132)) == 16
    assert blocks(DeviceModel(multiprocessors=132, cluster=8)) == 8
    with pytest.warns(UserWarning, match="no room for the strategy cluster"):
        assert blocks(DeviceModel(multiprocessors=132, compute_capability="80")) is None
    monkeypatch.setattr(Driver, "_active_clusters", lambda *_: INVALID_VALUE)
    with pytest.warns(UserWarning, match="no room for the strategy cluster"):
        assert blocks(DeviceModel(multiprocessors=132)) is None


def test_a_large_cluster_that_nobody_asked_for_is_refused() -> None:
    kernel = 'extern "C" __global__ void __cluster_dims__(16, 1, 1) f(float* x) { *x = 1; }'
    with pytest.raises(ValueError, match="a cluster of 16 blocks, which nobody has asked for"):
        Cupy().RawModule(code=kernel).get_function("f")((16,), (32,), (np.zeros(1, np.float32),))


def test_the_planner_exchanges_through_shared_memory_where_it_has_room() -> None:
    module = loaded("lstm", "cluster")

    def plan(rows: int, kilobytes: int, strategy: str = "cluster", pairs: Any = (16, 4)) -> Any:
        exchanged = tuple((features, "item", True) for features in pairs)
        loop = module._Loop(((16, 16, 4),), 16, 0, heads=1, alone=True, meetings=1, stages=1, exchanged=exchanged)
        return module._team_plan(
            strategy, module._Room(8, kilobytes << 10, clusters=8), module._ITEMS["float32"], rows, loop
        )

    for kilobytes, kept in ((200, [True, True]), (60, [False, True]), (16, [False, False])):
        team = plan(256, kilobytes)
        begin, end, *places = team.copies
        assert [place >= 0 for place in places[::2]] == kept
        assert end == team.shared <= kilobytes << 10
        assert all(begin <= place < end and place % 16 == 0 for place in places if place >= 0)
        assert len({place for place in places if place >= 0}) == 2 * sum(kept)
    assert set(plan(16, 200, "persistent").copies[2:]) == {-1}
    assert plan(16, 200, pairs=()).copies == ()


BROKEN = {
    "no meeting": (r"team\.(?:meet|arrive|wait)\(\);", "", "race"),
    "no barrier before the first write": (r"team\.settle\(\);\n  const int", "const int", "race"),
    "no barrier behind the last write": (r"  }\n  team\.settle\(\);", "  }", "has ended"),
    "another block": (r"rank \+ i < blocks \? rank \+ i : .*, x\)", "rank + i, x)", "rank 2 of a cluster of 2 blocks"),
    "another place": (r"st_cluster\(at,", "st_cluster(at + 100000,", "out of bounds"),
}


@needs_compiler
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_found(kind: str) -> None:
    pattern, text, message = BROKEN[kind]

    module = loaded("gru", "cluster", How(race=message == "race", device=TWO), replaced(pattern, text))
    with pytest.raises(KernelFault, match=message):
        results(module, 2)


PROVED = [
    ("lstm.rnn", "LSTM", {"peepholes": True}),
    ("gru.rnn", "GRU", {"reset": "before"}),
    ("gru.rnn", "GRU", {"reset": "after"}),
    ("layer_norm_lstm.rnn", "LayerNormLSTM", {}),
    ("xlstm.rnn", "SLSTM", {"heads": 2, "units": 6}),
]


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize(("file", "name", "options"), PROVED, ids=str)
def test_clusters_are_proved(file: str, name: str, options: dict[str, Any]) -> None:
    """Against NumPy's modules and the interpreter, in float64, float32 and half types."""
    report = verify_source(
        read_source(ROOT / "examples" / file), name, {**options, "strategy": "cluster"}, target="cuda"
    )
    assert report.passed, [row for row in report.rows if not row.passed]
    assert not any("no room" in note for note in report.notes)
