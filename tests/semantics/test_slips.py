"""A slip in a source that is right otherwise is told as such, and nothing is told that only follows from it."""

from __future__ import annotations

import random

import pytest

from rnnc.compiler import check
from rnnc.diagnostics import Source
from tests.support.damaged_text import corpus

SLIPS = {
    "a bracket that is missing": (")", ""),
    "a bracket that is not opened": ("(", " "),
    "an operator twice": ("+", "+ *"),
    "an operator of another language": ("*", "&&"),
    "an equals sign twice": (" = ", " = = "),
    "a word too many": (" = ", " of = "),
}
SHARE = 0.12  # of the texts of the corpus, for each


@pytest.mark.parametrize(("old", "new"), SLIPS.values(), ids=SLIPS)
def test_no_error_that_only_follows(old: str, new: str) -> None:
    for text in corpus():
        choose = random.Random(old + new + text)  # of each text by itself: another one changes nothing for it
        if len(text) > 3000 or old not in text.partition("{")[2] or choose.random() > SHARE or check(Source("t", text)):
            continue  # or it is a part that needs others
        start = text.index("{")
        places = [i for i in range(start, len(text)) if text.startswith(old, i)]
        at = choose.choice(places)
        slipped = text[:at] + new + text[at + len(old) :]
        found = check(Source("t", slipped))
        if any(d.code < "E2" for d in found):
            assert [d.message for d in found if d.code >= "E2"] == [], slipped


def test_another_definition_is_checked() -> None:
    first = "cell A(units) {\n  input x[input]\n  state h[units]\n  h' = tanh(linear(x, h)\n  output h'\n}\n"
    second = "cell B(units) {\n  input x[input]\n  state h[units]\n  h' = tahn(linear(x, h))\n  output h'\n}\n"
    assert [d.code for d in check(Source("t", first + second))] == ["E120", "E205"]
    assert [d.code for d in check(Source("t", second + first))] == ["E205", "E120"]


def test_what_is_imported_by_a_line_with_an_error_is_not_missed() -> None:
    text = 'import A, from "a.rnn"\ncell B(units) {\n  input x[input]\n  use f = A(units)\n  output f(x)\n}\n'
    assert {d.code[:2] for d in check(Source("t", text))} == {"E1"}
