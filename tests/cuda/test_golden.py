"""CUDA modules of the examples against what the real TensorFlow 1.15 computed, with the kernels on the CPU.

Every pair of values of what tells recordings apart (driver, state, lengths, …) that some recording has is in a cover,
which the test command runs; the other recordings are slow tests. (NumPy's modules are compared with all of them.)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from rnnc.syntax.source import read_source
from rnnc.verify.commands import verify_against
from tests.cuda.support import needs_compiler
from tests.verify.cases import CASES, Case
from tests.verify.test_golden import GOLDEN, MANIFEST, ROOT

Pair = tuple[tuple[str, str], tuple[str, str]]


def pairs(case: Case) -> set[Pair]:
    """What two properties of a recording together are."""
    known = MANIFEST[case.golden]
    properties = {
        "driver": known["wrapper"],
        "family": known["family"],
        "dtype": known["dtype"],
        "state": known.get("initial_state") == "random, fed",
        "lengths": known.get("sequence_length") is not None,
        "time major": known.get("time_major"),
        "masks": "masks" in known,
    }
    return set(combinations(((name, str(value)) for name, value in properties.items()), 2))


def cover() -> Iterator[Case]:
    """Few recordings with all pairs: the next one is always that with the most of those that are left."""
    left = set[Pair]().union(*map(pairs, CASES))
    while left:
        best = max(CASES, key=lambda case: len(pairs(case) & left))
        left -= pairs(best)
        yield best


CHOSEN = {case.golden for case in cover()}


@needs_compiler
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if case.golden in CHOSEN else pytest.mark.slow, id=case.golden) for case in CASES],
)
def test_module_computes_what_tensorflow_did(case: Case) -> None:
    file, _, name = case.example.partition(":")
    source, path = read_source(ROOT / "examples" / file), GOLDEN / f"{case.golden}.npz"
    report = verify_against(source, path, name or None, case.options, target="cuda")
    assert report.passed, report.failures


def test_the_cover_is_small() -> None:
    assert len(CHOSEN) <= len(CASES) / 3
