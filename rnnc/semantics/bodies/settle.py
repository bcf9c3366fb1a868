"""The end of shape inference: everything is known, or reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.diagnostics import Note
from rnnc.semantics.bodies.beginnings import report_beginnings
from rnnc.semantics.bodies.frames import Body
from rnnc.semantics.problems import located
from rnnc.semantics.shapes.cycles import report_cycles
from rnnc.semantics.shapes.inference import infer_all
from rnnc.semantics.shapes.nodes import Graph, Node


def settle_body(body: Body, outputs: Sequence[Node]) -> None:
    """Report what needs itself, find the shapes that are left, and report products whose result nothing determines."""
    graph = body.graph
    report_cycles(graph)
    report_beginnings(body)
    infer_all(graph)
    _report_undetermined(body, outputs)
    for node in graph.nodes:
        if node.shape is None:
            if not node.poisoned and not body.damaged and not graph.diagnostics.has_errors:
                span, notes = located(node.span, node.calls)
                graph.diagnostics.error("E311", "nothing determines the axes of this", span, notes=notes, use=node.use)
            node.shape = ()
            node.poisoned = True
    for node in graph.nodes:
        node.shape = graph.resolve_all(node.shape or ())


def _report_undetermined(body: Body, outputs: Sequence[Node]) -> None:
    """Holes without axes, or with one of which no more is known than that a function has it in its pattern. A hole that
    could only learn its axes from what is wrong elsewhere is no error of its own."""
    graph = body.graph
    holes = [n for n in graph.nodes if n.op == "hole" and not n.poisoned and _is_open(graph, n)]
    if not holes:
        return
    users = _users(graph)
    read = {*outputs, *(slot.next for slot in body.all_states())}
    declared = _needed([n for n in graph.nodes if "declared" in n.attrs])
    # first those that no declared shape could have reached: the others may be waiting for them
    for hole in sorted(holes, key=lambda h: h in declared):
        reached = _reached(graph, hole, users)
        if not body.damaged and not any(n.poisoned for n in reached):
            unread = [n for n in reached if n.op == "equation" and n not in users and n not in read]
            _report(graph, hole, unread)
        for node in (hole, *reached):
            node.poisoned = True


def _is_open(graph: Graph, node: Node) -> bool:
    return node.shape is None or any(graph.is_open(axis) for axis in graph.resolve_all(node.shape))


def _report(graph: Graph, hole: Node, unread: list[Node]) -> None:
    call = hole.attrs.get("call", "linear")
    span, notes = located(hole.span, hole.calls)
    notes += [Note(f"nothing reads `{n.name}`", n.span) for n in unread[:1]]
    fix = "state them: `out = units`, or `out = [head, unit]`"
    graph.diagnostics.error(
        "E311", f"nothing determines the axes of this `{call}`'s result", span, notes=notes, fix=fix, use=hole.use
    )


def _users(graph: Graph) -> dict[Node, list[Node]]:
    users: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        for arg in node.args:
            users.setdefault(arg, []).append(node)
    return users


def _reached(graph: Graph, hole: Node, users: Mapping[Node, list[Node]]) -> list[Node]:
    """Everything whose shape hangs on this hole, up to what is known to be wrong."""
    found: dict[Node, None] = {}
    stack = [hole]
    while stack:
        for user in users.get(stack.pop(), ()):
            if user not in found and (user.poisoned or _is_open(graph, user)):
                found[user] = None
                if not user.poisoned:
                    stack.append(user)
    return list(found)


def _needed(roots: Sequence[Node]) -> set[Node]:
    """Everything without a shape that these nodes need."""
    found: set[Node] = set()
    stack = list(roots)
    while stack:
        for arg in stack.pop().args:
            if arg.shape is None and arg not in found:
                found.add(arg)
                stack.append(arg)
    return found
