"""The values of numbers and strings as they are written, and values as text of the language."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from numbers import Number
from typing import Protocol, cast

from rnnc.diagnostics import Diagnostic, DiagnosticError, Span

MAX_DIGITS = 18  # what fits an int64 in any case

_ESCAPES = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t"}
_ESCAPE = re.compile(r"\\.")


def number_value(text: str, span: Span) -> int | float:
    """The value of a NUMBER. Raises DiagnosticError (E114) where it is beyond an int64 or a double."""
    plain = text.replace("_", "")
    if plain.isdigit():
        if len(plain.lstrip("0")) > MAX_DIGITS:
            message = f"integers have at most {MAX_DIGITS} digits"
            raise DiagnosticError([Diagnostic("E114", message, span, fix="a larger number is a float: 1e30")])
        return int(plain)
    value = float(plain)
    if math.isinf(value):
        raise DiagnosticError([Diagnostic("E114", "this number is larger than any double", span, fix="write `inf`")])
    return value


def string_value(text: str) -> str:
    """The value of a STRING, quotes included in `text`."""
    return _ESCAPE.sub(lambda match: _ESCAPES[match[0]], text[1:-1])


def string_text(value: str) -> str:
    """A string as the language writes it: the inverse of `string_value`."""
    for escape, character in (("\\\\", "\\"), ('\\"', '"'), ("\\n", "\n"), ("\\t", "\t")):
        value = value.replace(character, escape)
    return f'"{value}"'


class SupportsList(Protocol):
    """An array or a scalar of NumPy."""

    def tolist(self) -> object: ...


def as_text(value: object) -> str:
    """A Python value, or NumPy's, as text of the language. TypeError of what has no text there."""
    if not isinstance(value, str) and callable(value):
        name = getattr(value, "__name__", "name")
        raise TypeError(f"functions and cells are given by their names in the language, {name!r}, not as {value!r}")
    if hasattr(value, "tolist"):
        value = cast("SupportsList", value).tolist()
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return "[" + ", ".join(map(as_text, cast("Sequence[object]", value))) + "]"
        case str() | Number():
            return str(value)
        case _:
            raise TypeError(f"the language has numbers, truth values, names and lists of them, not {value!r}")
