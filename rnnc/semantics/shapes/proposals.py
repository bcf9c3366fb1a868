"""What several users say of one unknown node, and which of that is taken, whatever the order of the text is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.semantics.shapes.lower import subset
from rnnc.semantics.shapes.nodes import RULES, Graph, Node, ShapeError, check_size
from rnnc.semantics.shapes.shaped import Shape, show

HOLES = ("hole", "stays")  # what products bring in

Proposed = dict[Node, list[Shape]]


def users_first(roots: Sequence[Node]) -> list[Node]:
    """These nodes and the unknown ones that may hear of them, each before all that it tells."""
    order: list[Node] = []
    seen = set[Node]()
    for root in roots:
        stack = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend((a, False) for a in _told(node) if a not in seen)
    return order[::-1]


def _told(node: Node) -> list[Node]:
    """The unknown arguments that may hear of a node's shape."""
    takes = RULES[node.op].takes
    if takes not in ("own", "arguments"):
        return []
    return [a for a in node.args if not a.settled and (takes == "arguments" or a.op in HOLES)]


def independent(proposed: Mapping[Node, object]) -> list[Node]:
    """Those that are made of no other one."""
    found: list[Node] = []
    for node in proposed:
        stack, seen, alone = list(node.args), set[Node](), True
        while stack and alone:
            part = stack.pop()
            alone = part not in proposed
            new = [a for a in part.args if not a.settled and a not in seen]
            seen.update(new)
            stack.extend(new)
        if alone:
            found.append(node)
    return found or list(proposed)


def chosen(graph: Graph, node: Node, shapes: Sequence[Shape], *, doubtful: bool = False) -> Shape | None:
    """The shape that suits all users: that whose axes are among those of every other. None: nobody says anything.

    `doubtful`: these are guesses, and a larger one would do as well, which is E311. Raises ShapeError, also where no
    shape suits all."""
    kinds: list[Shape] = []
    for shape in shapes:
        like = next((i for i, other in enumerate(kinds) if graph.equal(other, shape)), None)
        if like is None:
            kinds.append(shape)
        elif not any(map(graph.is_open, kinds[like])):  # what a pattern leaves open may turn out to be either
            kinds[like] = shape if any(map(graph.is_open, shape)) else graph.unify_all(kinds[like], shape)
    for shape in kinds:
        check_size(shape)
    if len(kinds) < 2:
        return kinds[0] if kinds else None
    suiting = (s for s in kinds if all(s is t or subset(graph, s, t) is not None for t in kinds))
    smallest = min(suiting, key=show, default=None)  # several: the same axes in another order
    if smallest is None or doubtful:
        raise _undecided(node, [graph.resolve_all(s) for s in kinds], smallest is not None, doubtful=doubtful)
    return smallest


def _undecided(node: Node, kinds: Sequence[Shape], has_smallest: bool, *, doubtful: bool) -> ShapeError:
    """Several shapes of which none is decided on: the same error whatever the order of the text is."""
    what = f"`{node.name}`" if node.op == "equation" else "this"
    ordered = sorted(kinds, key=lambda shape: (-len(shape), show(shape)))
    if not doubtful:
        message = f"{what} is wanted as {' and as '.join(map(show, ordered))}"
        return ShapeError("E301", message, "make a value for each, `a = linear(…)` and `b = linear(…)`, for example")
    shown = [ordered[0], ordered[-1]] if has_smallest else ordered
    message = f"{what} may have the axes {' or '.join(map(show, shown))}: it meets values of both"
    fix = f"state them where it is made: `out = [{', '.join(axis.label for axis in ordered[-1])}]`, for example"
    return ShapeError("E311", message, fix if has_smallest else f"{fix}; what it does not suit needs another value")
