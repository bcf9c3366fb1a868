"""`h[t - 1]`, `h_prev`, `prev(h)`: how other notations name a value of another step, and what is written for it."""

from __future__ import annotations

import re

from rnnc.semantics.bodies.frames import Context, Frame
from rnnc.semantics.problems import Problem
from rnnc.syntax import ast

_WORDS = frozenset({"t", "tau", "time", "step", "now", "timestep"})
_BEFORE = r"prev|previous|old|last|before|past"
_NOW = r"t|now|cur|current"
_OTHER = r"new|next|tp1|t1|tm1|t_1|t_minus_1"
_AFFIXED = re.compile(rf"(?:{_BEFORE})_(?P<name>\w+)|(?P<stem>\w+?)_(?:(?P<now>{_NOW})|{_BEFORE}|{_OTHER})")
FUNCTIONS = frozenset({"prev", "previous", "pre", "before", "delay", "delayed", "lag", "shift", "next", "old"})


def indexed(e: ast.Expr | ast.Target, c: Context) -> Problem | None:
    """`h[t - 1]`: a place in time, where brackets hold the members of a family."""
    if isinstance(e, ast.Target):
        name, items = e.name, e.indices
    elif isinstance(e, ast.Subscript) and isinstance(e.base, ast.Name):
        name, items = e.base.id, e.items
    else:
        return None
    is_known = (name, False) in c.frame.members or isinstance(e, ast.Target)
    if len(items) != 1 or not is_known or isinstance(items[0], ast.Slice) or not _is_time(items[0], c):
        return None
    return Problem(
        "E215", "steps are no index of a tensor", e.span, fix=of_step(name, c, isinstance(items[0], ast.Name))
    )


def called(e: ast.Call, c: Context) -> str | None:
    """The remedy for `h(t - 1)`."""
    argument = e.arguments[0] if len(e.arguments) == 1 else None
    if not isinstance(e.function, ast.Name) or not isinstance(argument, ast.Argument) or argument.mark is not None:
        return None
    return of_step(e.function.id, c, isinstance(argument.value, ast.Name)) if _is_time(argument.value, c) else None


def _is_time(e: ast.Expr, c: Context) -> bool:
    match e:
        case ast.Name(primed=False):
            is_free = c.scope.find(e.id) is None and (e.id, False) not in c.frame.members
            return e.id in _WORDS and is_free
        case ast.Binary(op="+" | "-", right=ast.Number() | ast.Name()):
            return _is_time(e.left, c)
        case _:
            return False


def meant_after(name: str, frame: Frame) -> str | None:
    """`h_t`, `h_new`: the equation that may have been meant for the value of a state after the step."""
    for other, primed in frame.members:
        found = None if primed else _AFFIXED.fullmatch(other)
        if found is not None and name in (found["name"], found["stem"]):
            return other
    return None


def suffixed(name: str, c: Context) -> str | None:
    """`h_prev`, `h_t`, `prev_h`: the remedy where `h` is known and this name is not."""
    found = _AFFIXED.fullmatch(name)
    if found is None:
        return None
    stem = found["name"] or found["stem"]
    return of_step(stem, c, found["now"] is not None) if (stem, False) in c.frame.members else None


def of_step(name: str, c: Context, is_now: bool = False) -> str:
    """How the values of a name at this step and at others are written."""
    if c.frame.body.kind == "network":
        return f"`{name}` is a sequence: `last({name})` and `at({name}, k)` are steps of it"
    if c.frame.has_state(name):
        return f"`{name}` is the value before the step, `{name}'` the one after it"
    if is_now:
        return f"write `{name}`, which is the value of this step"
    axes = _axes(name, c)
    return f"`{name}` is the value of this step; a state keeps it: `state old{axes}`, `old' = {name}`"


def _axes(name: str, c: Context) -> str:
    """`[input]`, as it is declared; `[…]` where it is not known."""
    node = next(iter(c.frame.members.get((name, False), {}).values()), None)
    labels = [a.label for a in node.shape] if node is not None and node.shape else []
    return f"[{', '.join(labels)}]" if labels and all(label.isidentifier() for label in labels) else "[…]"
