"""What a parameter that nobody has given may be, as the text uses it: a list, a function, a cell.

Without a default or a kind a parameter is read as an open size. What is said of that number shows what else is wanted:
the definition is read again with several values of that role, and what is wrong with all of them is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice, product

from rnnc.diagnostics import Diagnostic, Span
from rnnc.semantics.scopes.values import CellValue, Scope
from rnnc.syntax import ast

Options = dict[str, object]

_CELL = "StandIn(units = 3)"
# Lists of sizes and of numbers, short and long ones, of lists, and of what else a definition takes several of.
_LISTS = (
    "[12, 24]",
    "[24, 12, 12, 24, 12, 24, 12, 12]",
    "[0.5, 0.25]",
    "[0.5, 0.25, 0.5, 0.25, 0.5, 0.25, 0.5, 0.25]",
    "[[12, 24], [24, 12]]",
    "[tanh, sigmoid]",
    f"[{_CELL}, {_CELL}]",
    f"[[{_CELL}, {_CELL}], [{_CELL}, {_CELL}]]",
)
# By what is said of the number: the values that are tried instead.
_ROLES: dict[str, tuple[str, ...]] = {
    "E205": ("tanh", _CELL),
    "E206": (*_LISTS, "0.5"),
    "E210": _LISTS,
    "E215": _LISTS,
    "E226": ("3", "[3]", "[3, 3]", "[3, 3, 3]"),
    "E227": ("0.5", *_LISTS[:4], "zeros"),
    "E229": ("tanh",),
    "E239": (_CELL,),
    "E249": ("tanh", _CELL, *_LISTS[:5]),
}
# What says of a parameter that it is of the wrong kind.
_KINDS = frozenset({*_ROLES, "E208", "E209", "E213", "E228", "E404"})
# What is said of a call's arguments: of all, or of one.
SIGNATURES = frozenset({"E221", "E223", "E246"})
_MAX_ROWS = 56
_ROUNDS = 4  # what a first role hides may show a further one


@dataclass
class Roles:
    """The parameters of one definition that stand for something else than a size, and what is said of each."""

    names: frozenset[str]  # of all that nobody has given
    values: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    said: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def find(self, found: list[Diagnostic], read: Callable[[Options], list[Diagnostic]]) -> None:
        """Look for roles in what a first reading finds, and in what it finds with those."""
        for _ in range(_ROUNDS):
            new = {n: v for d in found for n in self._shown(d) if n not in self.values and (v := _ROLES.get(d.code))}
            self.said += [d for d in found if new.keys() & self._shown(d) and d.code in _ROLES]
            if not new:
                return
            self.values.update(new)
            found = read(self.rows()[0])

    def rows(self) -> list[Options]:
        """The options of every reading: the values of each parameter in turn, then one beside others."""
        names, longest = list(self.values), max(map(len, self.values.values()), default=1)
        level = [tuple(v[i % len(v)] for v in self.values.values()) for i in range(longest)]
        rows = dict.fromkeys([*level, *islice(product(*self.values.values()), _MAX_ROWS)])
        return [dict(zip(names, row, strict=True)) for row in list(rows)[:_MAX_ROWS]]

    def common(self, readings: Iterable[list[Diagnostic]]) -> list[Diagnostic]:
        """What is wrong with all readings whose values are of the kind that is wanted. Where none is, a parameter is a
        list here and a number there, say: what is said of the number tells more."""
        rows: list[list[Diagnostic]] = []
        for reading in readings:
            found = [d for d in reading if not self._is_of_a_signature(d)]
            if not found:
                return []
            rows.append(found)
        common = common_to(rows)
        others = {(d.code, d.span) for d in common if not self._named(d)}  # are wrong whatever is given
        fit = [r for r in rows if not any((d.code, d.span) not in others and self._is_mistaken(d) for d in r)]
        if fit:
            return common_to(fit)
        return [*self.said, *(d for d in common if (d.code, d.span) in others)]

    def _is_mistaken(self, d: Diagnostic) -> bool:
        """Is a value said to be of the wrong kind, which may be one that is tried, or a member of it?"""
        return d.code in _KINDS and (", not " in d.message or bool(self._named(d)))

    def _is_of_a_signature(self, d: Diagnostic) -> bool:
        """Is it said that what is tried takes other arguments? Nobody knows what is going to be given."""
        return d.code in SIGNATURES and d.span is not None and called(d.span) in self.values

    def _named(self, d: Diagnostic) -> set[str]:
        """The parameters of roles in the text of which something is said."""
        return set(re.findall(r"\w+", d.span.text)) & self.values.keys() if d.span is not None else set()

    def _shown(self, d: Diagnostic) -> set[str]:
        """The parameters that are no sizes as they are used: the number that a message tells of, the option that wants
        something else, or what a `let` has the sum or product of."""
        text = d.span.text if d.span is not None else ""
        if d.code == "E206":
            return set(re.findall(r"\((\w+)\)", text)) & self.names
        if d.code == "E226":
            return {text} & self.names
        return set(re.findall(r"the number (\w+)", d.message)) & self.names


def called(span: Span) -> str:
    """The name of the call that the text is, or that it is an argument of."""
    if call := re.match(r"(\w+)\(", span.text):
        return call[1]
    depth, text = 1, span.source.text
    for i in range(span.start - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[i], 0)
        if depth == 0:
            return "".join(re.findall(r"\w+$", text[max(0, i - 100) : i]))
    return ""


def common_to(readings: Iterable[list[Diagnostic]]) -> list[Diagnostic]:
    """What all readings find, as the first one says it. No more are made once there is nothing."""
    each = iter(readings)
    first = next(each, list[Diagnostic]())
    places = {(d.code, d.span) for d in first}
    for found in each:
        if not places:
            break
        places &= {(d.code, d.span) for d in found}
    return [d for d in first if (d.code, d.span) in places]


def ungiven(definition: ast.Cell | ast.Network | ast.Variant, scope: Scope) -> frozenset[str]:
    """The names of the parameters, of those that a variant derives from too, that have no default, and no kind."""
    names: set[str] = set()
    seen: set[str] = set()
    while True:
        names |= {p.name for p in definition.parameters if p.default is None and p.kind is None and not p.choices}
        base = definition.base if isinstance(definition, ast.Variant) else None
        while isinstance(base, ast.With | ast.Call):
            base = base.base if isinstance(base, ast.With) else base.function
        found = scope.find(base.id) if isinstance(base, ast.Name) and base.id not in seen else None
        if found is None or not isinstance(found[1], CellValue) or not isinstance(base, ast.Name):
            return frozenset(names)
        seen.add(base.id)
        definition = found[1].variant or found[1].definition
