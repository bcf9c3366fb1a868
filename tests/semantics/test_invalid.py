"""Invalid sources: every error that each states, no other one, under the right characters, and as people see it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnc.codes import CODES
from tests.semantics.corpus import FILES, INVALID, read_case

PACKAGE = Path(__file__).resolve().parents[2] / "rnnc"
USED = {
    code
    for path in PACKAGE.rglob("*.py")
    if path.name != "codes.py"
    for code in re.findall(r'"(E\d{3})"', path.read_text(encoding="utf-8"))
}

# Codes that no file of `tests/invalid` gives, with where they are tested, or why nothing in a file can give them.
ELSEWHERE = {
    **dict.fromkeys((c for c in CODES if c.startswith("E1")), "tests/syntax"),
    **dict.fromkeys((c for c in CODES if c.startswith("E6")), "tests/importing: calls, not sources"),
    **dict.fromkeys((c for c in CODES if c.startswith("E8")), "tests/verify: recordings, not sources"),
}


@pytest.fixture(autouse=True)
def in_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources are named, and imports found, as from the folder of invalid sources."""
    monkeypatch.chdir(INVALID)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_all_that_is_stated_and_nothing_else(path: Path) -> None:
    case = read_case(path)
    assert case.expected, "an invalid source states what is wrong with it"
    assert sorted(map(str, case.findings())) == sorted(map(str, case.expected)), case.rendering()


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_names_that_are_not_there_are_named(path: Path) -> None:
    """For programs, which do not read messages."""
    for d in read_case(path).diagnostics():
        said = re.fullmatch(r"`(.+)` is not defined|there is no function or cell `(.+)`", d.message)
        if said is not None and d.code in ("E201", "E205"):
            assert d.missing == (said[1] or said[2])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_rendering(path: Path, update_golden: bool) -> None:
    golden, rendering = path.with_suffix(".txt"), read_case(path).rendering()
    if update_golden:
        golden.write_text(rendering, encoding="utf-8")
    assert rendering == golden.read_text(encoding="utf-8"), "review with: pytest --update-golden; git diff"


def test_no_rendering_is_left_over() -> None:
    assert {p.stem for p in INVALID.glob("*.txt")} == {p.stem for p in FILES}


def test_every_code_is_in_the_table() -> None:
    assert USED - CODES.keys() == set(), "codes without a title in rnnc/codes.py"
    assert CODES.keys() - USED == set(), "codes that nothing gives any more"


def test_titles_are_unique() -> None:
    assert len(set(CODES.values())) == len(CODES)


def test_every_code_is_given_by_some_source() -> None:
    shown = {finding.code for path in FILES for finding in read_case(path).expected}
    assert CODES.keys() - shown - ELSEWHERE.keys() == set()
    assert ELSEWHERE.keys() <= CODES.keys()


def test_errors_come_in_the_order_of_the_text() -> None:
    found = read_case(INVALID / "several_errors.rnn").diagnostics()
    places = [d.span.start for d in found if d.span is not None]
    assert len(places) == len(found) == 6
    assert places == sorted(places)
