"""Recordings of both directions where only one of them was given states."""

from __future__ import annotations

import numpy as np
import pytest

from rnnc.verify.records.recording import Recording, begun


def recorded(given: list[int], ends: list[int], driver: str = "") -> Recording:
    arrays = {f"state0:{k}": np.ones((2, size)) for k, size in enumerate(given)}
    arrays |= {f"grad:state0:{k}": np.ones((2, size)) for k, size in enumerate(given)}
    arrays |= {f"final_state:{k}": np.ones((2, size)) for k, size in enumerate(ends)}
    return begun(Recording("case", arrays, {"driver": driver}))


FW, BW = "initial_state_fw=a", "initial_state_bw=a"


@pytest.mark.parametrize(
    ("given", "ends", "driver", "places"),
    [
        ([2], [2, 3, 3], "", [0]),
        ([3, 3], [2, 3, 3], "", [1, 2]),
        ([3], [3, 3], FW, [0]),
        ([3], [3, 3], BW, [1]),
        ([3], [3, 3], "", None),
        ([3], [3, 3], f"{FW}, {BW}", None),
        ([4], [3, 3], FW, None),
        ([3, 3], [3, 3], "", None),
        ([], [3, 3], "", None),
    ],
)
def test_the_other_direction_begins_with_zeros(
    given: list[int], ends: list[int], driver: str, places: list[int] | None
) -> None:
    found = recorded(given, ends, driver)
    assert found.begun is (places is not None)
    states = found.numbered("state0")
    if places is None:
        assert len(states) == len(given)
        return
    assert [state.shape for state in states] == [(2, size) for size in ends]
    assert [k for k, state in enumerate(states) if state.any()] == places
    assert sorted(found.under("grad:state0")) == [str(k) for k in places]
