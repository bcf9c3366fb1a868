"""What names of a body stand for: each is defined once."""

from __future__ import annotations

from rnnc.diagnostics import Note, Span
from rnnc.semantics.bodies import remedies
from rnnc.semantics.bodies.frames import Frame, Indices, key_text, member_text
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Scope
from rnnc.semantics.shapes.nodes import Node


def define_member(
    frame: Frame,
    name: str,
    primed: bool,
    indices: Indices,
    node: Node,
    span: Span,
    scope: Scope | None = None,
) -> None:
    """Give a name of a frame, at indices where it is a family, what it stands for. E406: it stands for something."""
    family = frame.members.setdefault((name, primed), {})
    other = family.get(indices)
    if other is None and not primed and name in frame.instances:
        raise Problem(
            "E406", f"`{name}` is an instance already", span, notes=[Note("here", frame.instances[name].span)]
        )
    if other is not None:
        node.poisoned = True
        raise _again(frame, name, primed, indices, other, span, scope, node.op == "equation")
    if not primed and name in frame.lets:
        notes = [Note("first here", frame.lets[name])]
        raise Problem("E406", f"`{name}` is defined twice", span, notes=notes, fix=remedies.ONCE)
    parameter = frame.parameters.get(name)
    if parameter is not None and not primed and node.op != "state":
        notes = [Note("the parameter", parameter.span)]
        fix = f"its value is given where the cell is used, `…({name} = …)`; another value takes another name"
        raise Problem("E406", f"`{name}` is a parameter already", span, notes=notes, fix=fix)
    family[indices] = node


def refuse_second(frame: Frame, name: str, indices: Indices, span: Span) -> None:
    """Of a declaration that brings weights, before there are any: two of one name are one slip, wherever it is read."""
    other = frame.members.get((name, False), {}).get(indices)
    if other is not None:
        raise _again(frame, name, False, indices, other, span, None, False)


def _again(
    frame: Frame,
    name: str,
    primed: bool,
    indices: Indices,
    other: Node,
    span: Span,
    scope: Scope | None,
    is_equation: bool,
) -> Problem:
    """E406: what is defined at `span` stands for `other` already."""
    shown = member_text(name, indices, primed)
    notes = [Note("first here", other.span)]
    if other.op == "state" and is_equation:
        after = member_text(name, indices, True)
        message = f"`{shown}` is the state before the step, which no equation defines"
        return Problem("E406", message, span, notes=notes, fix=f"its value after the step is `{after} = …`")
    if other.span == span:
        member = key_text(name, (), primed) + ("[k]" if is_equation else "[k][…]")
        fix = f"each turn defines a member of its own: `{member}`, with the loop's variable"
        return Problem("E406", f"`{shown}` is defined by every turn of the loop", span, fix=fix)
    fix = remedies.of_again(name, primed, frame, scope)
    return Problem("E406", f"`{shown}` is defined twice", span, notes=notes, fix=fix)
