"""Damaged text of the language, and what must hold for any text: diagnostics, quickly, and nothing else.

Texts are stretches of real ones (cells, examples, the blocks of the language page, the prelude) with pieces cut out,
doubled, moved, exchanged for pieces of others, or put in.
"""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType

from rnnc.compiler import check, compile_source
from rnnc.diagnostics import DiagnosticError, Source
from rnnc.semantics.scopes.choose import definitions_of
from rnnc.syntax.parse import parse
from tests.support.choices import Choices

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 2.0  # to check one text, and to compile one definition: more than ten times what either takes
_TOKEN = re.compile(r'"""|"[^"\n]*"|[A-Za-z_]\w*\'?|\d+(?:\.\d+)?(?:e-?\d+)?|\*\*|//|\.\.|[<>=!]=|\s+|.', re.DOTALL)
_VALUES = ("0", "1", "2", "-1", "1000", "1e9", "1e400", "0.5", "none", "true", "inf", "[]", "[1, 2]", "tanh", "units")


class TooSlow(Exception):
    """One text took longer than SECONDS."""


@cache
def corpus() -> tuple[str, ...]:
    """Whole sources, and each of their definitions."""
    paths = [ROOT / "tests" / "data" / "cells.rnn", *sorted((ROOT / "examples").glob("*.rnn"))]
    paths.append(ROOT / "grammar" / "prelude.rnn")
    texts = [path.read_text(encoding="utf-8") for path in paths]
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    texts += re.findall(r"^```rnn[^\n]*\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    parts = [part for text in texts for part in re.split(r"\n(?=\S)", text) if "{" in part]
    return (*parts, *texts)


@cache
def tokens() -> tuple[tuple[str, ...], ...]:
    """The corpus in tokens, blanks included: joined, they are the text again."""
    return tuple(tuple(_TOKEN.findall(text)) for text in corpus())


def damaged(choices: Choices) -> str:
    """A text of at most some thousand characters, with up to eight edits."""
    text = list(choices.pick(tokens()))
    if choices.chance(4):
        start = choices.below(len(text))
        text = text[start : start + choices.between(1, 400)]
    for _ in range(choices.below(9)):
        _edit(text, choices)
    return "".join(text)[:20_000]


def damaged_option(choices: Choices) -> str:
    """The text of a value as `-D` takes it."""
    if choices.chance(2):
        return choices.pick(_VALUES)
    text = [t for t in choices.pick(tokens()) if not t.isspace()]
    start = choices.below(len(text))
    text = text[start : start + choices.between(1, 12)]
    _edit(text, choices)
    return " ".join(text)


def options_for(choices: Choices) -> dict[str, object] | None:
    """Now and then a value for a parameter that a text of the corpus may have."""
    if not choices.chance(8):
        return None
    return {choices.pick(("units", "input", "inner", "rate", "cells", "activation", "sizes")): damaged_option(choices)}


def _edit(text: list[str], choices: Choices) -> None:
    """One edit of tokens in place."""
    at = choices.below(len(text) + 1)
    width = choices.below(4) if choices.chance(2) else choices.below(30)
    kind = choices.below(7)
    other = choices.pick(tokens())
    start = choices.below(len(other))
    if kind == 0:
        del text[at : at + width]
    elif kind == 1:
        text[at:at] = text[at : at + width]
    elif kind == 2:
        text[at : at + 1] = other[start : start + 1]
    elif kind == 3:
        text[at:at] = other[start : start + width]
    elif kind == 4:
        text[at : at + width] = reversed(text[at : at + width])
    elif kind == 5 and text:
        text[at : at + 1] = [choices.pick(_VALUES)]
    elif text:  # a name for another name of the same text
        names = [i for i, token in enumerate(text) if token.isidentifier()]
        if names:
            text[choices.pick(names)] = text[choices.pick(names)]


def survives(text: str, options: dict[str, object] | None = None) -> tuple[int, int]:
    """Check a text, and compile each definition of one without errors (with options: of any that can be read).

    Returns how many definitions compiled, and how many did not, or 1 for a text that has errors. Raises whatever is
    not a diagnostic, and TooSlow.
    """
    with _limited(SECONDS):
        source = Source("damaged.rnn", text)
        found = check(source)
        assert all(d.span is None or 0 <= d.span.start <= d.span.end for d in found)
        if any(d.severity == "error" for d in found) and not options:
            return 0, 1
        try:
            names = [definition.name for definition in definitions_of(parse(source))]
        except DiagnosticError:
            return 0, 1
    compiled = sum(_compiles(source, name, options) for name in names)
    return compiled, len(names) - compiled


def _compiles(source: Source, name: str, options: dict[str, object] | None) -> bool:
    """Whether a definition becomes a module; otherwise there are diagnostics."""
    try:
        with _limited(SECONDS):
            compile(compile_source(source, name, options).text, "module", "exec")
    except DiagnosticError as error:
        if not error.diagnostics:
            raise AssertionError("an error without a diagnostic") from error
        return False
    return True


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise TooSlow after so many seconds of the process's own time: a busy machine slows nothing down here."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
