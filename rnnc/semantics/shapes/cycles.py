"""Equations that need themselves within one step."""

from __future__ import annotations

from rnnc.diagnostics import Note
from rnnc.semantics.shapes.nodes import Graph, Node

SHAPED = ("weight", "bias", "kernel", "channel_bias", "like")  # weights, whose arguments only tell their shapes


def report_cycles(graph: Graph) -> None:
    """Report every circle once, at its first equation in the text, with the way round; poison its nodes."""
    done: set[Node] = set()
    for root in graph.nodes:
        path: dict[Node, None] = {}
        stack: list[tuple[Node, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                path.pop(node, None)
                done.add(node)
            elif node in path:
                _report(graph, node, list(path))
            elif node not in done:
                path[node] = None
                stack.append((node, True))
                # a node of a reported circle leads no further: a second circle through it is no second error
                leads_on = not node.poisoned and node.op not in SHAPED
                stack.extend((a, False) for a in reversed(node.args) if leads_on)


def _report(graph: Graph, node: Node, path: list[Node]) -> None:
    circle = path[path.index(node) :]
    for n in circle:
        n.poisoned = True
    equations = [n for n in circle if n.op == "equation" and n.name]
    if not equations:
        return
    first = min(range(len(equations)), key=lambda i: equations[i].span.start)
    equations = equations[first:] + equations[:first]
    head = equations[0]
    steps = [f"`{a.name}` reads `{b.name}`" for a, b in zip(equations, [*equations[1:], head], strict=True)]
    way = f": {', '.join(steps)}" if len(steps) > 1 else ""
    has_states = any(n.op == "state" for n in graph.nodes)
    graph.diagnostics.error(
        "E401",
        f"`{head.name}` needs itself within one step{way}",
        head.span,
        notes=[Note(f"`{n.name}` is part of the circle", n.span) for n in equations[1:8]],
        fix="cut the circle: read a state before the step (`c` instead of `c'`)" if has_states else None,
        use=head.use,
    )
