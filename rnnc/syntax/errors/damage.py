"""What is left of a file with syntax errors, and what is missing there, so that what only follows is no further error.

A statement with an error in it, also one that could be mended, is left out together with the gap around it; every word
of that text may have been defined there, or meant something else. A definition whose braces or head are wrong is given
up, and its name is known to be lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnnc.diagnostics import Diagnostic, Span
from rnnc.syntax import ast
from rnnc.syntax.lexer import MAX_ERRORS

_WORD = re.compile(r"[^\W\d]\w*")
_HEAD = re.compile(r"^\w+[ \t]+([^\W\d]\w*)[ \t]*[({=]", re.MULTILINE)  # of a definition, with its name
_TOP = re.compile(r"^[^\s#}\"].*|^[ \t]+(?!for\b|if\b|else\b)\w.*\{[ \t]*$", re.MULTILINE)  # what could be a head
_IMPORT = re.compile(r"^import\b", re.MULTILINE)
_BLOCK = re.compile(r"[\s{}]*(?:else\b)?[\s{}]*")
_COMMENT = re.compile(r"#[^\n]*")
_NOT_CODE = re.compile(r'""".*?"""|"[^"\n]*"|#[^\n]*', re.DOTALL)
# Of a statement: behind this an error is none of its name.
_RESERVED = r"(?!(?:for|in|if|else|and|or|not|none|true|false|as|with|gate|let|use|param|fixed|state|input)\b)"
_NAMED = re.compile(
    rf"\s*(?:(?:output|return|carry|drop|layout)\b|(?:(?:gate|let|use)\s+)?{_RESERVED}[^\W\d]\w*'?\s*(?:\[[^][]*\]\s*)?=)"
)
_BRACES = ("{", "}", "`{`", "`}`")


@dataclass(frozen=True)
class Remains:
    """What could be read: definitions, some of them with `Damaged` for what is missing there; the names of what could
    not. `certain`: nothing else can be missing."""

    file: ast.File
    lost: frozenset[str]
    certain: bool


def remains(file: ast.File, found: Sequence[Diagnostic]) -> Remains:
    """What is left of a file that was read with these syntax errors."""
    found = [d for d in found if not d.mended]
    if not found:
        return Remains(file, frozenset(), certain=True)
    source = file.span.source
    places = [d.span for d in found if d.span is not None]
    if len(places) < len(found) or len(found) >= MAX_ERRORS or not file.definitions:
        return Remains(file, frozenset(), certain=False)
    wrong = [_start(d) for d in found]
    wrong += [note.span for d in found for note in d.notes if note.span is not None]
    braces = [d.span for d in found if _is_of_braces(d)]
    kept: list[ast.Definition] = []
    gaps: list[str] = []
    names: list[str] = []
    starts = [d.span.start for d in file.definitions]
    if any(w.start < starts[0] for w in wrong):
        gaps.append(source.text[: starts[0]])
    for definition, end in zip(file.definitions, [*starts[1:], len(source.text)], strict=True):
        span = definition.span
        inside = [w for w in wrong if w.start < span.end and span.start <= w.end]
        behind = [w for w in wrong if span.end <= w.start < end or w.start == end == len(source.text)]
        gap = source.text[span.end : end]
        left: ast.Definition | None = definition
        if behind:
            gaps.append(gap)
        goes_on = any("\n" not in source.text[span.end : w.start] for w in behind)
        if goes_on or (behind and not _balanced(gap)) or any(b in inside or b in behind for b in braces):
            left = None
        elif inside:
            left = _marked(definition, inside, [d.fix for d in found if d.fix is not None and d.span in inside])
        if left is not None:
            kept.append(left)
        elif isinstance(definition, ast.Import):
            gaps.append(span.text)
        else:
            names.append(definition.name)
    known = {d.name for d in kept if not isinstance(d, ast.Import)}
    names += [name for gap in gaps for name in _HEAD.findall(gap)]
    certain = all(_HEAD.match(top) and not _IMPORT.match(top) for gap in gaps for top in _TOP.findall(gap))
    return Remains(replace(file, definitions=tuple(kept)), frozenset(names) - known, certain)


def _start(diagnostic: Diagnostic) -> Span:
    """Where an error is; of what seems to go on a statement before it, from that one on."""
    span = diagnostic.span
    assert span is not None
    if diagnostic.code not in ("E123", "E125"):
        return span
    return Span(span.source, len(span.source.text[: span.start].rstrip()), span.end)


def damage_of(definition: ast.Definition) -> ast.Damaged | None:
    """What is missing of a body."""
    return next((s for s in _body(definition) or () if isinstance(s, ast.Damaged)), None)


def _body(definition: ast.Definition) -> tuple[ast.Statement, ...] | None:
    match definition:
        case ast.Import():
            return None
        case ast.Variant():
            return definition.base.body if isinstance(definition.base, ast.With) else None
        case _:
            return definition.body


def _balanced(text: str) -> bool:
    code = _NOT_CODE.sub("", text)
    return code.count("{") == code.count("}")


def _is_of_braces(diagnostic: Diagnostic) -> bool:
    """Is a block open or closed in the wrong place? Then nobody knows what stands in which."""
    assert diagnostic.span is not None
    texts = [diagnostic.span.text, *(n.span.text for n in diagnostic.notes if n.span is not None)]
    return any(t in _BRACES for t in texts) or any(b in diagnostic.message for b in _BRACES[2:])


def _marked(definition: ast.Definition, wrong: list[Span], fixes: list[str]) -> ast.Definition | None:
    """A definition without the statements that are wrong; None where its head is. What fixes propose may be read."""
    body, span = _body(definition), definition.span
    opening = span.text.find("{")
    if body is None or opening < 0 or any(w.start <= span.start + opening for w in wrong):
        return None
    texts: list[str] = []
    left = _without(body, span.start + opening + 1, span.end, wrong, texts)
    words = dict.fromkeys(word for text in (*texts, *fixes) for word in _WORD.findall(text))
    lines = [line for text in texts for line in _COMMENT.sub("", text).splitlines() if not _BLOCK.fullmatch(line)]
    named = all(_NAMED.match(line) for line in lines)
    left = (ast.Damaged(tuple(words), named, span=wrong[0]), *left)
    if isinstance(definition, ast.Variant):
        assert isinstance(definition.base, ast.With)
        return replace(definition, base=replace(definition.base, body=left))
    assert not isinstance(definition, ast.Import)
    return replace(definition, body=left)


def _without(
    body: tuple[ast.Statement, ...], start: int, end: int, wrong: list[Span], texts: list[str]
) -> tuple[ast.Statement, ...]:
    """The statements of a block [start, end) that are not wrong. `texts` gets all other text with an error."""
    text = wrong[0].source.text
    left: list[ast.Statement] = []
    last = start  # the end of the last statement that is kept
    told = not body  # whether something after it is wrong
    for s in body:
        here = [w for w in wrong if _touch(s.span, w)]
        told = told or any(last <= w.start < s.span.start for w in wrong)
        kept = s if not here else _block_without(s, here, texts)
        if kept is None:
            told = True
            continue
        if told:
            texts.append(text[last : s.span.start])
        left.append(kept)
        last, told = s.span.end, False
    if told or any(last < w.start <= end for w in wrong):
        texts.append(text[last:end])
    return tuple(left)


def _block_without(s: ast.Statement, wrong: list[Span], texts: list[str]) -> ast.Statement | None:
    """A `for` or `if` that is right but for what stands in its block; None for anything else."""
    if not isinstance(s, ast.For | ast.If):
        return None
    head = s.values if isinstance(s, ast.For) else s.test
    opening = s.span.source.text.find("{", head.span.end)
    if any(w.start <= opening or s.span.end <= w.end for w in wrong):
        return None
    if isinstance(s, ast.For):
        return replace(s, body=_without(s.body, opening + 1, s.span.end, wrong, texts))
    middle = s.orelse[0].span.start if s.orelse else s.span.end
    first = [w for w in wrong if w.start < middle]
    second = [w for w in wrong if w.start >= middle]
    body = _without(s.body, opening + 1, middle, first, texts) if first else s.body
    orelse = _without(s.orelse, middle, s.span.end, second, texts) if second else s.orelse
    return replace(s, body=body, orelse=orelse)


def _touch(a: Span, b: Span) -> bool:
    return a.start <= b.end and b.start <= a.end
