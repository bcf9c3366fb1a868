"""Initial values of states: they are made of what is there before the first step: parameters, numbers, and inputs that
come once per row."""

from __future__ import annotations

from rnnc.diagnostics import Note
from rnnc.semantics.bodies.frames import Body, StateSlot
from rnnc.semantics.shapes.nodes import Node

TOO_LATE = {"input": "an input", "state": "a state", "random": "a random mask"}  # by the operation of a node


def report_beginnings(body: Body) -> None:
    """Report every initial value that reads what only a step has; poison it."""
    for slot in body.all_states():
        found = _first_too_late(slot)
        if found is not None and slot.init is not None:
            _report(body, slot, slot.init, found)


def _first_too_late(slot: StateSlot) -> Node | None:
    """The first in the text, of the nodes that an initial value is made of, that is not there before the first step."""
    seen: set[Node] = set()
    stack = [] if slot.init is None else [slot.init]
    found: list[Node] = []
    while stack:
        node = stack.pop()
        if node.poisoned:
            return None
        if node not in seen:
            seen.add(node)
            stack.extend(node.args)
            if node.op in TOO_LATE and "per_row" not in node.attrs:
                found.append(node)
    return min(found, key=lambda node: node.span.start, default=None)


def _report(body: Body, slot: StateSlot, init: Node, found: Node) -> None:
    init.poisoned = True
    what = TOO_LATE[found.op]
    named = f"`{found.name}`, {what}" if found.name and found.op != "random" else what
    name = slot.name.rpartition(".")[2]
    fix = f"make it of parameters, numbers and inputs `per row`: `param {name}0[…] = zeros`"
    if found.op == "input":
        fix += f"; an equation reads what the first step is given, `where(step == 0, …, {name})`"
    apart = found.span.end <= init.span.start or init.span.end <= found.span.start
    body.graph.diagnostics.error(
        "E419",
        f"the initial value of `{slot.name}` reads {named}, which is not there before the first step",
        init.span,
        notes=[Note("this is read", found.span)] if apart else [],
        fix=fix,
        use=init.use,
    )
