"""Damaged and random text: a diagnostic or a tree, never a traceback, and never for long."""

from __future__ import annotations

import contextlib
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from rnnc.diagnostics import DiagnosticError, Diagnostics, Source
from rnnc.syntax.parse import parse, parse_expression, parse_partial
from rnnc.syntax.printing.dump import print_ast, read_ast
from rnnc.syntax.printing.format import format_source
from rnnc.syntax.source import source_from_bytes
from tests.syntax.samples import SAMPLES

SECONDS = 5.0  # for a text of a few thousand characters; it takes a tenth of a second
_SIGNS = '( ) [ ] { } = == < .. . , : | + - * ** / // % @ \' " """ # 1 2.5 1e9 x c\' h[k] f(x) σ ′ ; && ! \\ \0'
_RESERVED = "for in if else and or not none true false as with"
_WORDS = """cell fn network import from gate let state input output param use carry drop layout scope order mask
shared over return"""
_PIECES = [*_SIGNS.split(), *_RESERVED.split(), *_WORDS.split(), "\n"]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A stretch of a valid source with a few edits: pieces cut, doubled, moved or put in."""
    text = draw(st.sampled_from(list(SAMPLES.values())))
    start = draw(st.integers(0, len(text)))
    text = text[start : start + draw(st.integers(0, 1500))]
    for _ in range(draw(st.integers(0, 6))):
        lo = draw(st.integers(0, len(text)))
        hi = min(len(text), lo + draw(st.integers(0, 20)))
        put = draw(st.one_of(st.just(""), st.sampled_from(_PIECES), st.just(text[lo:hi] * 2), st.text(max_size=3)))
        text = text[:lo] + put + text[hi:]
    return text


@given(damaged())
@settings(max_examples=4 * settings.default.max_examples)  # pyright: ignore[reportOptionalMemberAccess]
def test_damaged_text(text: str) -> None:
    _survives(text)


@given(st.lists(st.sampled_from(_PIECES), max_size=60), st.sampled_from(["", " "]))
@settings(max_examples=4 * settings.default.max_examples)  # pyright: ignore[reportOptionalMemberAccess]
def test_random_tokens(pieces: list[str], between: str) -> None:
    _survives(between.join(pieces))
    _survives("cell A {\n" + between.join(pieces) + "\n}")


@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    try:
        source = source_from_bytes("t", data)
    except DiagnosticError:
        return
    _survives(source.text)


def _survives(text: str) -> None:
    """Only DiagnosticError is raised, its spans lie in the text, and what does parse can be formatted and dumped."""
    source = Source("t", text)
    began = time.perf_counter()
    diagnostics = Diagnostics()
    parse_partial(source, diagnostics)
    for found in diagnostics:
        assert found.span is not None
        assert 0 <= found.span.start <= found.span.end <= len(text)
    with contextlib.suppress(DiagnosticError):
        parse_expression(source)
    if not diagnostics.has_errors:
        file = parse(source)
        formatted = format_source(source)
        assert parse(Source("f", formatted)) == file
        assert format_source(Source("f", formatted)) == formatted
        assert read_ast(print_ast(file)) == file
    assert time.perf_counter() - began < SECONDS
