"""Broken kernels: each is caught, and the report names kernel, block, thread and line."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest

from rnnc.simulator.faults import Fault, KernelFault
from rnnc.simulator.launch import Kernels, Schedule
from tests.simulator.texts import BROKEN, CLUSTERED, marked

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="CUDA on the CPU needs g++")

KERNELS = Kernels(BROKEN)


def floats(n: int) -> Any:
    """Zeros."""
    return np.zeros(n, np.float32)


def fault_of(name: str, grid: int, block: int, *args: Any, text: str = BROKEN, **how: Any) -> Fault:
    """The fault that a launch ends with; its message says who and where."""
    with pytest.raises(KernelFault) as caught:
        Kernels(text).get(name)(grid, block, args, **how)
    fault = caught.value.fault
    assert fault.kernel == name
    assert f"kernel {name}, block (" in str(caught.value)
    return fault


def at(fault: Fault) -> tuple[str, tuple[int, int, int] | None, tuple[int, int, int] | None]:
    """Kind and place of a fault."""
    return fault.kind, fault.block, fault.thread


def test_a_missing_barrier_shows_in_the_numbers() -> None:
    out = floats(64)
    KERNELS.get("no_barrier")(1, 64, (floats(64), out), shared_mem=256, schedule=("random", 3))
    assert np.isnan(out).any()  # shared memory starts poisoned


def test_a_missing_barrier_is_a_race() -> None:
    fault = fault_of("no_barrier", 1, 64, floats(64), floats(64), shared_mem=256, race=True)
    assert fault.kind == "race"
    assert fault.line in (marked(BROKEN, "no_barrier"), marked(BROKEN, "no_barrier") - 1)
    assert "shared memory of block (0,0,0)" in fault.message


@pytest.mark.parametrize("schedule", ["fifo", "reversed", ("random", 1)])
def test_a_skipped_barrier(schedule: Schedule) -> None:
    fault = fault_of("skipped_barrier", 1, 64, floats(64), schedule=schedule)
    assert fault.kind == "divergence"
    assert fault.line == marked(BROKEN, "skipped_barrier")


def test_different_barriers() -> None:
    fault = fault_of("two_barriers", 2, 64, floats(64))
    assert at(fault) == ("divergence", (0, 0, 0), (32, 0, 0))
    assert fault.line == marked(BROKEN, "other_barrier")
    assert f"line {marked(BROKEN, 'two_barriers')}" in fault.message


def test_half_a_warp_waits_elsewhere() -> None:
    fault = fault_of("half_a_warp", 1, 32, floats(32))
    assert fault.kind == "deadlock"
    assert "16 threads wait in __shfl_xor_sync (mask 0xffffffff)" in fault.message
    assert f"line {marked(BROKEN, 'half_a_warp')}" in fault.message
    assert "16 threads wait at a barrier of the block" in fault.message


def test_a_lane_outside_of_its_mask() -> None:
    fault = fault_of("not_in_mask", 1, 32, floats(32))
    assert at(fault) == ("divergence", (0, 0, 0), (16, 0, 0))
    assert fault.line == marked(BROKEN, "not_in_mask")


@pytest.mark.parametrize("schedule", ["fifo", "reversed", ("random", 1)])
def test_a_grid_barrier_that_waits_for_a_block_too_many(schedule: Schedule) -> None:
    fault = fault_of("block_too_many", 4, 64, np.zeros(1, np.uint32), schedule=schedule)
    assert fault.kind == "deadlock"
    assert fault.thread == (0, 0, 0)
    assert fault.line == marked(BROKEN, "block_too_many")
    assert "4 threads spin" in fault.message
    assert "252 threads wait at a barrier of the block" in fault.message


def test_livelock() -> None:
    fault = fault_of("live_lock", 2, 1, np.zeros(1, np.uint32))
    assert fault.kind == "livelock"
    assert fault.line == marked(BROKEN, "live_lock")


def test_a_loop_without_end() -> None:
    fault = fault_of("endless", 1, 1, np.zeros(4, np.int32), np.zeros(1, np.int32), seconds=0.2)
    assert at(fault) == ("hang", (0, 0, 0), (0, 0, 0))
    assert fault.line == marked(BROKEN, "endless")


@pytest.mark.parametrize("race", [False, True])
def test_past_the_end(race: bool) -> None:
    fault = fault_of("past_the_end", 2, 64, floats(100), floats(100), np.int32(100), race=race)
    assert at(fault) == ("out of bounds", (1, 0, 0), (36, 0, 0))
    assert fault.line == marked(BROKEN, "past_the_end")
    assert "offset 400 of argument 2 of 400 bytes" in fault.message


def test_right_past_the_end_where_no_page_ends() -> None:
    with pytest.raises(KernelFault, match=r"right beside argument 2.*race=True"):
        KERNELS.get("past_the_end")(2, 64, (floats(99), floats(99), np.int32(99)))
    fault = fault_of("past_the_end", 2, 64, floats(99), floats(99), np.int32(99), race=True)
    assert at(fault) == ("out of bounds", (1, 0, 0), (35, 0, 0))


def test_before_the_start() -> None:
    out = floats(32)
    KERNELS.get("before_the_start")(1, 32, (floats(32), out))
    assert np.isnan(out[0])
    fault = fault_of("before_the_start", 1, 32, floats(32), out, race=True)
    assert at(fault) == ("out of bounds", (0, 0, 0), (0, 0, 0))
    assert "4 bytes before argument 1" in fault.message


@pytest.mark.parametrize("race", [False, True])
def test_shared_memory_that_is_too_small(race: bool) -> None:
    fault = fault_of("shared_too_small", 2, 64, floats(64), shared_mem=160, race=race)
    assert at(fault) == ("out of bounds", (0, 0, 0), (40, 0, 0))
    assert fault.line == marked(BROKEN, "shared_too_small")


def test_an_index_of_a_local_array() -> None:
    fault = fault_of("local_array", 1, 4, floats(4), np.int32(4))
    assert at(fault) == ("out of bounds", (0, 0, 0), (0, 0, 0))
    assert fault.line == marked(BROKEN, "local_array")


@pytest.mark.parametrize("race", [False, True])
def test_a_misaligned_vector(race: bool) -> None:
    fault = fault_of("misaligned", 1, 4, floats(64), floats(64), race=race)
    assert at(fault) == ("misaligned", (0, 0, 0), (0, 0, 0))
    assert fault.line == marked(BROKEN, "misaligned")


def test_a_misaligned_copy() -> None:
    fault = fault_of("misaligned_copy", 1, 1, floats(64), shared_mem=64)
    assert fault.kind == "misaligned"
    assert fault.line == marked(BROKEN, "misaligned_copy")


def test_a_view_is_as_misaligned_as_on_a_device() -> None:
    fault = fault_of("misaligned_copy", 1, 1, floats(64)[1:], shared_mem=64)
    assert fault.kind == "misaligned"
    KERNELS.get("misaligned_copy")(1, 1, (floats(64)[2:],), shared_mem=64)  # 2 and 2 are 4


@pytest.mark.parametrize("race", [False, True])
def test_a_null_pointer(race: bool) -> None:
    fault = fault_of("null_pointer", 1, 4, None, floats(4), race=race)
    assert fault.kind == "out of bounds"
    assert fault.line == marked(BROKEN, "null_pointer")


def test_division_by_zero() -> None:
    fault = fault_of("zero_division", 1, 4, np.zeros(4, np.int32), np.int32(0))
    assert fault.kind == "arithmetic"
    assert fault.line == marked(BROKEN, "zero_division")


def test_a_missing_fence_shows_in_race_mode_only() -> None:
    KERNELS.get("no_fence")(4, 32, (floats(8), np.zeros(1, np.uint32)))
    fault = fault_of("no_fence", 4, 32, floats(8), np.zeros(1, np.uint32), race=True)
    assert fault.kind == "race"
    assert fault.line == marked(BROKEN, "no_fence")
    assert f"line {marked(BROKEN, 'no_fence_write')}" in fault.message
    KERNELS.get("with_fence")(4, 32, (floats(8), np.zeros(1, np.uint32)), race=True)


def test_a_block_that_leaves_its_cluster() -> None:
    fault = fault_of(
        "leaves_early", 4, 8, np.zeros(8, np.uint32), text=CLUSTERED, shared_mem=32, schedule="reversed", race=True
    )
    assert at(fault)[:2] == ("out of bounds", (0, 0, 0))
    assert fault.line == marked(CLUSTERED, "leaves_early")
    assert "has ended" in fault.message


@pytest.mark.parametrize("schedule", ["fifo", "reversed", ("random", 1)])
def test_what_others_write_shows_behind_a_barrier_of_the_cluster(schedule: Schedule) -> None:
    out = np.zeros((4, 8), np.uint32)
    Kernels(CLUSTERED).get("pushes_unseen")(4, 8, (out,), shared_mem=32, schedule=schedule)
    assert (out == 0xFFFFFFFF).all()  # as poisoned as at the start
    fault = fault_of(*("pushes_unseen", 4, 8, out), text=CLUSTERED, shared_mem=32, schedule=schedule, race=True)
    assert fault.kind == "race"
    assert fault.line in (marked(CLUSTERED, "pushes_unseen"), marked(CLUSTERED, "reads_unseen"))


@pytest.mark.parametrize(("rank", "place"), [(4, 0), (1, 8), (1, -1), (1, 10**6)])
def test_a_write_that_misses_the_shared_memory_of_another_block(rank: int, place: int) -> None:
    fault = fault_of("pushes_to", 4, 8, np.int32(rank), np.int32(place), text=CLUSTERED, shared_mem=32)
    assert (fault.kind, fault.line) == ("out of bounds", marked(CLUSTERED, "pushes_to"))


@pytest.mark.parametrize("schedule", ["fifo", "reversed", ("random", 1), ("random", 2)])
def test_a_block_that_ends_while_others_may_write_into_it(schedule: Schedule) -> None:
    fault = fault_of("pushes_and_leaves", 4, 8, text=CLUSTERED, shared_mem=32, schedule=schedule)
    assert fault.kind == "out of bounds"
    assert "has ended" in fault.message
    line = marked(CLUSTERED, "pushes_and_leaves")
    assert fault.line == line or f"in line {line}" in fault.message


def test_a_launch_after_a_fault_is_sound() -> None:
    fault_of("null_pointer", 1, 4, None, floats(4))
    out = np.ones(4, np.float32)
    KERNELS.get("null_pointer")(1, 4, (floats(4), out))
    assert not out.any()
