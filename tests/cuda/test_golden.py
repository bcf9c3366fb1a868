"""CUDA modules of the examples against what the real TensorFlow 1.15 computed, with the kernels on the CPU.

Every pair of values of what tells recordings apart (driver, state, lengths, …) that some recording has is in a cover,
which the test command runs as the planner would; a smaller one, with every single value but drivers and families, is
run in all ways that loops have and in half types, too. Everything else is a slow test. (NumPy's modules are compared
with all recordings.)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from rnnc.syntax.source import read_source
from rnnc.verify.commands import verify_against
from rnnc.verify.proving.halves import halves_here
from rnnc.verify.report import Report
from tests.cuda.support import needs_compiler
from tests.verify.cases import CASES, Case
from tests.verify.test_golden import GOLDEN, MANIFEST, ROOT

Values = tuple[tuple[str, str], ...]  # of some properties of a recording


def values(case: Case, together: int) -> set[Values]:
    """What so many properties of a recording together are; those with many values count in company."""
    known = MANIFEST[case.golden]
    properties = {
        **({"driver": known["wrapper"], "family": known["family"]} if together > 1 else {}),
        "dtype": known["dtype"],
        "state": known.get("initial_state") == "random, fed",
        "lengths": known.get("sequence_length") is not None,
        "time major": known.get("time_major"),
        "masks": "masks" in known,
    }
    return set(combinations(((name, str(value)) for name, value in properties.items()), together))


def cover(together: int) -> Iterator[Case]:
    """Few recordings with all values: the next one is always that with the most of those that are left."""
    left = set[Values]().union(*(values(case, together) for case in CASES))
    while left:
        best = max(CASES, key=lambda case: len(values(case, together) & left))
        left -= values(best, together)
        yield best


PAIRS, SINGLES = ({case.golden for case in cover(together)} for together in (2, 1))


def chosen(cases: set[str]) -> list[Any]:
    """All cases; those that are not chosen are slow."""
    return [
        pytest.param(case, marks=[] if case.golden in cases else pytest.mark.slow, id=case.golden) for case in CASES
    ]


def compared(case: Case, *, common: bool) -> Report:
    file, _, name = case.example.partition(":")
    source, path = read_source(ROOT / "examples" / file), GOLDEN / f"{case.golden}.npz"
    return verify_against(source, path, name or None, case.options, target="cuda", common=common)


@needs_compiler
@pytest.mark.parametrize("case", chosen(PAIRS - SINGLES))
def test_module_computes_what_tensorflow_did(case: Case) -> None:
    report = compared(case, common=True)
    assert report.passed, report.failures


@needs_compiler
@pytest.mark.parametrize("case", chosen(SINGLES))
def test_so_do_all_ways_to_run_loops_and_half_types(case: Case) -> None:
    report = compared(case, common=False)
    assert report.passed, report.failures
    if not MANIFEST[case.golden]["family"].startswith("train"):
        assert {half.name for half in halves_here()} <= {row.name.partition(",")[0] for row in report.rows}


def test_the_cover_is_small() -> None:
    assert len(SINGLES) <= len(CASES) / 12
    assert len(PAIRS) <= len(CASES) / 3
