"""Damaged text through the whole compiler: diagnostics, or modules; never another exception, and never for long."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.choices import Choices, Drawn
from tests.support.damaged_text import corpus, damaged, options_for, survives


@st.composite
def damage(draw: st.DrawFn) -> tuple[str, dict[str, object] | None]:
    choices: Choices = Drawn(draw)
    return damaged(choices), options_for(choices)


@settings(max_examples=settings.default.max_examples * 3)  # pyright: ignore[reportOptionalMemberAccess]
@given(damage())
@example(("cell C(a, b) { input x[input]\n param p[a * b]\n output sum(p) + x }", None))
@example(("cell C(units) { input x[input]\n state h[units]\n h' = tanh(linear(x, h))\n output h' }", {"units": "0"}))
def test_damaged_text_gives_diagnostics_or_modules(case: tuple[str, dict[str, object] | None]) -> None:
    survives(*case)


def test_the_corpus_holds_definitions_of_all_kinds() -> None:
    text = "\n".join(corpus())
    assert all(f"\n{word} " in text for word in ("cell", "network", "fn", "import"))
    assert len(corpus()) > 100
