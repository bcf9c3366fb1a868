"""The one place where names, numbers and strings from a description become text of a Python program.

Whatever a description holds, what comes out is one identifier, one literal, or comment lines, and nothing else.
"""

from __future__ import annotations

import builtins
import keyword
import math
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

Literal: TypeAlias = "bool | int | float | str | Sequence[Literal] | Mapping[str, Literal] | None"

_RESERVED = frozenset(keyword.kwlist) | frozenset(keyword.softkwlist) | frozenset(dir(builtins)) | {"np"}


def identifier(text: str) -> str:
    """An ASCII Python identifier that reads like `text`: `i.x` gives `i_x`, `c'` gives `c_new`, `q[0]` gives `q_0`."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", text.replace("'", "_new").replace("-", "_minus_")).strip("_")
    plain = re.sub(r"__+", "_", plain)
    if not plain or plain[0].isdigit():
        plain = "v" + plain
    return plain + "_" if plain in _RESERVED else plain


class Names:
    """Hands out identifiers, each one once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._first = frozenset(self._taken)
        self._counts: dict[str, int] = {}  # of a stem: the last number it was given

    @property
    def handed_out(self) -> frozenset[str]:
        """All names that `new` gave."""
        return frozenset(self._taken - self._first)

    def new(self, hint: str) -> str:
        """A new identifier that reads like `hint`."""
        stem = identifier(hint or "v")
        name, count = stem, self._counts.get(stem, 1)
        while name in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name)
        self._counts[stem] = count
        return name

    def numbered(self, *stems: str, first: int) -> int:
        """The first number, from `first` on, behind which all of these names are new; they are not any more."""
        number = first
        while not self._taken.isdisjoint(f"{stem}_{number}" for stem in stems):
            number += 1
        self._taken.update(f"{stem}_{number}" for stem in stems)
        return number

    @contextmanager
    def on_trial(self) -> Generator[None]:
        """Names that are handed out inside are free again where that ends with an exception."""
        taken, counts = set(self._taken), dict(self._counts)
        try:
            yield
        except Exception:
            self._taken.intersection_update(taken)
            self._counts = counts
            raise


def number(value: float | int | bool) -> str:
    """A literal of a number; the values that have none are spelled through NumPy."""
    if isinstance(value, float):
        if math.isnan(value):
            return "np.nan"
        if math.isinf(value):
            return "np.inf" if value > 0 else "-np.inf"
    return repr(value)


def string(text: str) -> str:
    """A string literal, in double quotes and in ASCII, on one line."""
    body = ascii(text)[1:-1]
    if ascii(text)[0] == "'":
        body = body.replace("\\'", "'").replace('"', '\\"')
    return f'"{body}"'


def literal(value: Literal) -> str:
    """The literal of a plain value: None, numbers, strings, sequences (tuples) and mappings of strings, nested."""
    if value is None:
        return "None"
    if isinstance(value, str):
        return string(value)
    if isinstance(value, bool | int | float):
        return number(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{string(k)}: {literal(v)}" for k, v in value.items()) + "}"
    items = [literal(v) for v in value]
    return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"


def tuple_text(items: Sequence[str]) -> str:
    """The display of a tuple of finished expressions."""
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def mapping(items: Mapping[str, str], indent: str = "") -> str:
    """A dict display of strings to finished expressions, one entry a line."""
    if not items:
        return "{}"
    lines = [f"{indent}    {string(key)}: {text}," for key, text in items.items()]
    return "\n".join(["{", *lines, indent + "}"])


def comment(text: str) -> list[str]:
    """Comment lines. What is not printable (line breaks of all kinds, controls, direction marks) is escaped."""
    return [f"# {_printable(line)}".rstrip() for line in text.split("\n")]


def c_comment(text: str) -> str:
    """A comment line of C++, in a string of Python: ASCII, and nothing in it that ends or continues either."""
    plain = _printable(text).encode("ascii", "backslashreplace").decode("ascii")
    return ("// " + plain.replace('"', "'")).rstrip("\\ ")


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)
