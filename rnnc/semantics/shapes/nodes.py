"""The graph of one cell while its shapes are being found.

Equations may stand in any order and most weights get their shape from where they are used, so expressions become nodes
whose shape may still be unknown; `inference.py` finds them, by the rules of the operations.

Backward shapes only go where a product can take them (`receptive`): a reduction's result is never guessed.

Axes of a function's or inner cell's pattern (`v[d]`) are placeholders (`?1`) that unification binds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rnnc.diagnostics import Diagnostics, Span, Use
from rnnc.ir.size import Size
from rnnc.semantics.problems import Work, located
from rnnc.semantics.shapes.shaped import Shape, Shaped, show


@dataclass(eq=False)
class Node:
    """One operation of the language. `shape` is None while unknown; `poisoned` once an error has been reported."""

    op: str
    args: list[Node]
    span: Span
    attrs: dict[str, Any] = field(default_factory=dict[str, Any])
    shape: Shape | None = None
    poisoned: bool = False
    equation: str = ""
    name: str = ""
    calls: tuple[Span, ...] = ()  # the calls of functions that it was read in, outermost first
    called: str = ""  # the name that the text gives to this value, if it has one
    use: Use | None = None  # what led to the body that it was read in

    @property
    def settled(self) -> bool:
        return self.poisoned or self.shape is not None


class ShapeError(Exception):
    """What a rule raises: code, message, and what would mend it."""

    def __init__(
        self, code: str, message: str, fix: str | None = None, *, about: str | None = None, alike: Hashable = None
    ) -> None:
        self.code, self.message, self.fix = code, message, fix
        self.alike = alike  # what errors of one body share that are most likely one slip
        self.about = about  # the label that is wrong: carets stand under it where the text has it
        super().__init__(message)


@dataclass(frozen=True)
class Rule:
    """How an operation finds its shape (None: not yet), and what it tells its arguments. (What it becomes stands in
    `lower.py`.)"""

    shape: Callable[[Graph, Node], Shape | None]
    backward: Callable[[Graph, Node], bool] | None = None
    guess: Callable[[Graph, Node], bool] | None = None
    takes: Literal["own", "arguments", "never", "skips"] = (
        "never"  # a shape from behind: itself, as its arguments do, …
    )
    waits: bool = True  # call `shape` only once every argument is known
    doubt: Callable[[Graph, Node], tuple[Node, ShapeError] | None] | None = None  # an argument of several readings


RULES: dict[str, Rule] = {}
INPUT = "_in"  # ends the label of a weight's input axis where its output has the same
MAX_SIZE = 2**40
MAX_RANK = 12
TAKES, BLOCKS = 1, 2  # of what is behind a node: something takes a shape, something stands in the way
NODE_COST = 4  # in units of work: inferred and lowered, a node costs more than reading an expression


class Graph:
    """Nodes in the order of the text, and what is known of placeholders."""

    def __init__(self, diagnostics: Diagnostics, work: Work | None = None) -> None:
        self.diagnostics = diagnostics
        self.work = work  # what inference may spend
        self.nodes: list[Node] = []
        self._bindings: dict[str, Shaped] = {}
        self.news: list[Node] = []  # nodes that have got a shape, or were poisoned, since somebody looked
        self.equation = ""
        self.calls: tuple[Span, ...] = ()
        self.is_bold = False  # shapes go from behind past what takes none: a guess
        self.proposed: dict[Node, list[Shape]] | None = None  # shapes for unknown nodes, while they are only collected
        self._behind: dict[str, dict[Node, int]] = {}  # what has been found behind nodes meanwhile
        self.unread: dict[Node, Callable[[], None]] = {}  # reads an equation that stands further down in a cell

    # --- building ---

    def add(self, op: str, args: Iterable[Node], span: Span, shape: Shape | None = None, **attrs: Any) -> Node:
        node = Node(op, list(args), span, attrs, shape, equation=self.equation, calls=self.calls)
        node.use = self.diagnostics.use
        self.nodes.append(node)
        if self.work is not None:
            self.work.spend(NODE_COST, span)
        return node

    def poison(self, span: Span) -> Node:
        """A node that stands for an expression with an error in it."""
        node = self.add("poison", (), span, ())
        node.poisoned = True
        return node

    # --- placeholders and unification ---

    def placeholder(self) -> Shaped:
        label = f"?{len(self._bindings) + 1}"
        self._bindings[label] = Shaped(label, Size.of(label))
        return self._bindings[label]

    def resolve_size(self, size: Size) -> Size:
        while True:
            known = {
                s: self._bindings[s].size for s in size.symbols if s in self._bindings and self._bindings[s].label != s
            }
            if not known:
                return size
            size = size.substitute(known)

    def resolve(self, axis: Shaped) -> Shaped:
        while axis.label in self._bindings and self._bindings[axis.label].label != axis.label:
            axis = self._bindings[axis.label]
        label, size = self._label(axis.label), self.resolve_size(axis.size)
        return axis if (label, size) == (axis.label, axis.size) else Shaped(label, size, axis.strong)

    def _label(self, label: str) -> str:
        """A label that was made of a placeholder's (`?1_in`), of what that is by now."""
        made = label.removesuffix(INPUT)
        if made == label or not made.startswith("?"):
            return label
        return self.resolve(Shaped(made, Size.of(0))).label + INPUT

    def resolve_all(self, shape: Shape) -> Shape:
        return tuple(self.resolve(axis) for axis in shape)

    def is_open(self, axis: Shaped) -> bool:
        """A placeholder that nothing has bound yet."""
        return axis.label in self._bindings

    def compatible(self, a: Shaped, b: Shaped) -> bool:
        """Could the two be one axis? (Does not bind.)"""
        a, b = self.resolve(a), self.resolve(b)
        if self.is_open(a) or self.is_open(b):
            return True
        if a.strong and b.strong and a.label != b.label:
            return False
        return a.size == b.size or self._free(a.size) or self._free(b.size)

    def _free(self, size: Size) -> bool:
        symbol = size.symbol
        return symbol is not None and symbol in self._bindings

    def same_size(self, a: Size, b: Size) -> bool:
        """Equal sizes; a free one becomes the other."""
        a, b = self.resolve_size(a), self.resolve_size(b)
        for one, other in ((a, b), (b, a)):
            if one != other and self._free(one):
                self._bindings[str(one.symbol)] = Shaped(str(other), other)
                return True
        return a == b

    def unify(self, a: Shaped, b: Shaped) -> Shaped:
        """Make compatible axes one; the better-known label wins."""
        a, b = self.resolve(a), self.resolve(b)
        if self.is_open(a) and a.label != b.label:
            self._bindings[a.label] = b
            return b
        if self.is_open(b) and a.label != b.label:
            self._bindings[b.label] = a
            return a
        for one, other in ((a.size, b.size), (b.size, a.size)):
            if one != other and self._free(one):
                self._bindings[str(one.symbol)] = Shaped(f"{other}", other)
                break
        better = b if b.strong and not a.strong else a
        return self.resolve(better)

    def equal(self, a: Shape, b: Shape) -> bool:
        return len(a) == len(b) and all(self.compatible(x, y) for x, y in zip(a, b, strict=True))

    def unify_all(self, a: Shape, b: Shape) -> Shape:
        return tuple(self.unify(x, y) for x, y in zip(a, b, strict=True))

    # --- inference ---

    def settle(self, node: Node, shape: Shape) -> bool:
        """Give a node a shape, or check it against the one that it has. True where that is news."""
        shape = self.resolve_all(shape)
        if node.shape is None and self.proposed is not None:
            self.proposed.setdefault(node, []).append(shape)
            return True
        if node.shape is None:
            check_size(shape)
            node.shape = shape
            self.news.append(node)
            return True
        if not self.equal(node.shape, shape):
            raise ShapeError("E301", f"this is {show(self.resolve_all(node.shape))} here but {show(shape)} there")
        node.shape = self.unify_all(node.shape, shape)
        return False

    def infer(self, *wanted: Node) -> None:
        """Run forward rules for these nodes and for what they need, as far as they go.

        Equations that stand further down are read first."""
        self._read(wanted)
        seen: set[Node] = set()
        for root in wanted:
            stack = [(root, False)]
            while stack:
                node, ready = stack.pop()
                if ready:
                    self.forward(node)
                elif not node.settled and node not in seen:
                    seen.add(node)
                    self.spend(node)
                    stack.append((node, True))
                    stack.extend((a, False) for a in reversed(node.args))

    def _read(self, wanted: Iterable[Node]) -> None:
        """Read what these nodes need and what nobody has read yet, but for states, of which the axes are declared."""
        stack, seen = list(wanted), set[Node]()
        while stack and self.unread:
            node = stack.pop()
            if node.settled or node in seen:
                continue
            seen.add(node)
            if node in self.unread and "declared" not in node.attrs:
                self.unread[node]()
            stack.extend(node.args)

    def forward(self, node: Node) -> None:
        """Give a node its shape, if its arguments tell it."""
        rule = RULES[node.op]
        if any(a.poisoned for a in node.args):
            node.poisoned = True
            self.news.append(node)
            return
        if rule.waits and not all(a.shape is not None for a in node.args):
            return
        try:
            shape = rule.shape(self, node)
            if shape is not None:
                self.settle(node, shape)
        except ShapeError as error:
            self.report(node, error)

    def spend(self, node: Node) -> None:
        """Count a step of inference."""
        if self.work is not None:
            self.work.spend(1, node.span)

    def receptive(self, node: Node) -> bool:
        """May the node's unknown shape be given from behind?"""
        if node.shape is None and RULES[node.op].takes == "never":
            return False
        return self.behind("takes", node, self._takes, _arguments) == TAKES

    def _takes(self, node: Node) -> int:
        takes = RULES[node.op].takes
        if node.shape is not None or takes in ("arguments", "skips"):  # "skips" neither takes one nor stands in the way
            return 0
        if takes == "never":
            return 0 if self.is_bold and not node.calls else BLOCKS
        return TAKES

    def behind(self, what: str, root: Node, own: Callable[[Node], int], parts: Callable[[Node], Sequence[Node]]) -> int:
        """The bits of a node and of all parts behind it. While shapes are only collected, those of each node are found
        once: a sweep goes from users to what they are made of, and changes nothing behind what has not had its turn."""
        found = self._behind.setdefault(what, {}) if self.proposed is not None else dict[Node, int]()
        stack = [] if root in found else [root]
        while stack:
            node = stack[-1]
            if node not in found:
                found[node] = own(node)
                stack.extend(part for part in parts(node) if part not in found)
                continue
            stack.pop()
            for part in parts(node):
                found[node] |= found[part]
        return found[root]

    def collect(self, proposed: dict[Node, list[Shape]] | None) -> None:
        """From now on shapes are proposed here, and not taken. None: they are taken again."""
        self.proposed = proposed
        self._behind.clear()

    def report(self, node: Node, error: ShapeError) -> None:
        node.poisoned = True
        self.news.append(node)
        spots: dict[str, Span] = node.attrs.get("spots", {})
        span, notes = located(spots.get(error.about or "", node.span), node.calls)
        alike = (self, error.alike) if error.alike is not None else None
        self.diagnostics.error(error.code, error.message, span, notes=notes, fix=error.fix, use=node.use, alike=alike)
        if node.shape is None:
            node.shape = ()


def _arguments(node: Node) -> Sequence[Node]:
    """Whose shape decides whether an unknown node may be given one."""
    return node.args if node.shape is None and RULES[node.op].takes == "arguments" else ()


def check_size(shape: Shape) -> None:
    """Refuse more axes or places than there can be."""
    if len(shape) > MAX_RANK:
        raise ShapeError("E314", f"this would have {len(shape)} axes; at most {MAX_RANK} are possible")
    for axis in shape:
        if (axis.size.constant or 0) > MAX_SIZE:
            raise ShapeError("E208", f"this would be {show(shape)}: an axis has at most {MAX_SIZE} places")


def known(node: Node) -> Shape:
    """The shape of a node that must have one by now."""
    assert node.shape is not None, node.op
    return node.shape
