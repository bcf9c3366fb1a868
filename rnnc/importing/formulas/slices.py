"""Parts of what a function of the text is given, along the features: `i[:, :4]`, `tf.slice(i, [0, 1], [-1, 3])`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from rnnc.importing.formulas.written import WIDER

WIDENS = re.compile(rf"\b(concat|{'|'.join(WIDER)})\(")  # what has another number of features than it is given

Whole = Callable[[ast.expr], int | None]


def along_features(place: ast.expr, axes: int, whole: Whole) -> tuple[int | None, int | None] | None:
    """Start and end of a slice that takes all of every axis but the last; None where it is another one."""
    parts = place.elts if isinstance(place, ast.Tuple) else [place]
    *before, last = parts
    rest = before[1:] if before and _is_ellipsis(before[0]) else before
    is_last = len(parts) == axes or bool(before and _is_ellipsis(before[0]) and len(parts) <= axes + 1)
    if not is_last or not all(isinstance(part, ast.Slice) and ast.unparse(part) == ":" for part in rest):
        return None
    if not isinstance(last, ast.Slice) or last.step is not None:
        return None
    ends = [None if end is None else whole(end) for end in (last.lower, last.upper)]
    known = [end is None or number is not None for end, number in zip((last.lower, last.upper), ends, strict=True)]
    return (ends[0], ends[1]) if all(known) else None


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def of_sizes(begin: Sequence[int], size: Sequence[int]) -> tuple[int | None, int | None] | None:
    """What `tf.slice(v, begin, size)` takes of the last axis; None where it takes a part of another."""
    if len(begin) != len(size) or any(begin[:-1]) or any(each != -1 for each in size[:-1]):
        return None
    return begin[-1] or None, None if size[-1] == -1 else begin[-1] + size[-1]


def written(name: str, start: int | None, end: int | str | None) -> str:
    """A part of the parameter of a function, whose axis has a name for that."""
    return f"{name}[{name}_axis = {'' if start is None else start}:{'' if end is None else end}]"


def implied(name: str, other: str, wide: int, text: str) -> int | None:
    """How many features `name` has where a formula takes parts of it, and those of `other` are `wide`; None where
    nothing tells, or not all of it the same. What a formula puts together element by element is of one width."""
    if WIDENS.search(text):
        return None
    whole = [wide] if is_whole(other, text) else []
    parts = [_length(*part, wide) for part in _parts(other, text)]
    fixed = [end - start if end is not None else -start for start, end in _parts(name, text) if _is_fixed(start, end)]
    left = [start - (end or 0) for start, end in _parts(name, text) if not _is_fixed(start, end)]
    found = {of_all + each for of_all in (*whole, *parts, *fixed) for each in left}
    return found.pop() if len(found) == 1 else None


def is_whole(name: str, text: str) -> bool:
    """Whether a formula takes all features of a parameter."""
    return re.search(rf"\b{name}\b(?!_axis|\[)", text) is not None


def _parts(name: str, text: str) -> list[tuple[int, int | None]]:
    """Start and end of every part of a parameter that ends at numbers."""
    found = re.findall(rf"\b{name}\[{name}_axis = (-?\d*):(-?\d*)\]", text)
    return [(int(start or 0), int(end) if end else None) for start, end in found]


def _is_fixed(start: int, end: int | None) -> bool:
    """Whether a part is as long, however many features there are."""
    return (start < 0) == (end is None or end < 0)


def _length(start: int, end: int | None, wide: int) -> int:
    return len(range(wide)[start:end])


def parameter(name: str, text: str) -> str:
    """The parameter as the function that computes `text` declares it."""
    return f"{name}[{name}_axis]" if re.search(rf"\b{name}_axis\b", text) else name
