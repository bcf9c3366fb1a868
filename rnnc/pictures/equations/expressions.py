"""Expressions as formulas: the text is read a second time, and what compile time decided is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from rnnc.pictures.equations import calls
from rnnc.pictures.equations.formula import (
    Formula,
    Items,
    Number,
    Operator,
    Part,
    Pick,
    Power,
    Quotient,
    Ref,
    StepIndex,
    Sum,
    Times,
    When,
    Word,
)
from rnnc.pictures.equations.formula import Not as NotFormula
from rnnc.pictures.equations.known import Known, Read, shown
from rnnc.semantics.bodies.frames import Context, Frame
from rnnc.semantics.bodies.instances import STATES, slots_of
from rnnc.semantics.definitions.elaborator import Elaborator
from rnnc.semantics.scopes.values import ABSENT, Absent, Instance, Many, Num, Tensor, Value
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast


class Reader:
    """Reads expressions of one model."""

    def __init__(self, elaborator: Elaborator) -> None:
        self.elaborator = elaborator
        self.evaluate = elaborator.expressions
        self._moves: dict[Node, bool] = {}

    # --- entry points ---

    def formula(self, e: ast.Expr, c: Context) -> Formula:
        """What an expression says, as it is shown."""
        return shown(self.read(e, c))

    def read(self, e: ast.Expr, c: Context) -> Read:
        """A formula, or what is known at compile time (a term that is absent, too)."""
        match e:
            case ast.Name():
                return self._name(e, c)
            case ast.Attribute():
                return self._attribute(e, c)
            case ast.Subscript():
                return self._subscript(e, c)
            case ast.Unary():
                return self._unary(e, c)
            case ast.Binary():
                return self._binary(e, c)
            case ast.Conditional():
                if self.evaluate.truth(e.test, c):
                    return self.read(e.value, c)
                return Known(ABSENT) if e.orelse is None else self.read(e.orelse, c)
            case ast.List() | ast.Comprehension():
                return self._items(e, c)
            case ast.As():
                return self.read(e.call, c.named(e.name))
            case ast.Call():
                return calls.call(self, e, c)
            case _:
                return Known(self.evaluate.value(e, c))

    # --- names ---

    def ref(self, node: Node, name: str, indices: tuple[int, ...], primed: bool, c: Context, owner: str = "") -> Ref:
        """A quantity of this body, with the step that its value belongs to."""
        when: When = ""
        if node.op == "final":
            when = "last"
        elif c.frame.kind == "cell" and (primed or self.moves(node)):
            when = "before" if node.op in ("state", "found") and not primed else "now"
        return Ref(name, indices, when, owner, node)

    def moves(self, node: Node) -> bool:
        """Does a value change from step to step? (Without recursion: graphs may be deep.)"""
        stack = [node]
        while stack:
            current = stack[-1]
            if current in self._moves:
                stack.pop()
                continue
            if current.op in ("state", "input"):
                self._moves[current] = "per_row" not in current.attrs
                continue
            waiting = [a for a in current.args if a not in self._moves]
            if waiting and not any(self._moves.get(a) for a in current.args):
                stack.extend(waiting)
            else:
                self._moves[current] = any(self._moves.get(a) for a in current.args)
        return self._moves[node]

    def _name(self, e: ast.Name, c: Context) -> Read:
        if e.id == "step" and c.frame.body.kind == "cell" and c.scope.find("step") is None and not _member(e, c):
            return StepIndex()
        value = self.evaluate.names.name(e, c)
        match value:
            case Tensor(node=node):
                return self.ref(node, e.id, (), e.primed, c)
            case Many():
                return parts_of(c.frame, e.id, ())
            case Num(label=str() as label) if label.startswith("?"):
                return Word(e.id)  # an axis of a pattern: `v[d]`
            case _:
                return Known(value)

    def _attribute(self, e: ast.Attribute, c: Context) -> Read:
        value = self.evaluate.names.attribute(e, c)
        if isinstance(value, tuple):
            return self._states(value, e, c)
        if not isinstance(value, Tensor):
            return Known(value)
        if value.node.op == "final":
            return self.named(value.node, c)
        if (owner := self._owner(e.base, c)) is not None:
            return self.ref(value.node, e.name, (), e.primed, c, owner)
        return Pick(self.formula(e.base, c), e.name)

    def _owner(self, e: ast.Expr, c: Context) -> str | None:
        """The instance of `f.h`, with the path behind it: `f.low` of `f.low.h`."""
        base = self.evaluate.elaborator.inner.inside(e, c)
        if base is not None:
            return f"{base.key}.{base.path}"
        whole = self.evaluate.value(e, c)
        return whole.key if isinstance(whole, Instance) else None

    def _states(self, values: tuple[Value, ...], e: ast.Attribute, c: Context) -> Items:
        """`f.states`: each state under its own name."""
        nodes = [value.node for value in values if isinstance(value, Tensor)]
        if c.frame.body.kind == "network":
            return Items(tuple(self.named(node, c) for node in nodes))
        owner = self._owner(e.base, c) or ""
        key = owner.partition(".")[0]
        paths = [path for slot in slots_of(c.frame.instances[key]) if (path := f"{key}.{slot}").startswith(f"{owner}.")]
        plain = [self.named_state(*path.rsplit(".", 1)) for path in paths]
        found = zip(nodes, plain, strict=True)
        return Items(tuple(self.ref(n, r.name, r.indices, e.primed, c, r.owner) for n, r in found))

    def named(self, node: Node, c: Context) -> Ref:
        """A quantity of an inner cell by the name that its node has: `f.ct[0,1]'`."""
        name = node.name.removeprefix(c.frame.prefix).removeprefix(c.frame.state_prefix)
        owner, _, local = name.rpartition(".")
        plain = self.named_state(owner, local.rstrip("'"))
        return self.ref(node, plain.name, plain.indices, local.endswith("'"), c, owner)

    def named_state(self, owner: str, local: str) -> Ref:
        """`ct[0,1]` of an instance, taken apart."""
        base, bracket, places = local.partition("[")
        indices = tuple(int(i) for i in places.rstrip("]").split(",")) if bracket else ()
        return Ref(base, indices, "", owner)

    def _subscript(self, e: ast.Subscript, c: Context) -> Read:
        slices = [i for i in e.items if isinstance(i, ast.Slice)]
        if slices:
            base = self.formula(e.base, c)
            for item in slices:
                label = self.evaluate.label(ast.Name(item.axis, span=item.span), c) or item.axis
                lo = None if item.lo is None else self.formula(item.lo, c)
                hi = None if item.hi is None else self.formula(item.hi, c)
                base = Part(base, label, lo, hi, item.is_range)
            return base
        value = self.evaluate.names.subscript(e, c)
        places = tuple(i for i in e.items if not isinstance(i, ast.Slice))
        if isinstance(value, Many) and isinstance(e.base, ast.Name):
            return parts_of(c.frame, e.base.id, self.evaluate.indices(places, c))
        if not isinstance(value, Tensor):
            return Known(value)
        if (name := self._of_parts(e.base, c)) is not None:  # `r[0]`, `q[1][0]`: a wire from the equation of the list
            whole, here = parts_of(c.frame, *name), self.evaluate.indices(places, c)
            return replace(self.ref(value.node, whole.name, (*whole.indices, *here), False, c), key=whole.key)
        if isinstance(e.base, ast.Name) and _member(e.base, c):
            indices = self.evaluate.indices(places, c)
            return self.ref(value.node, e.base.id, indices, e.base.primed, c)
        if isinstance(e.base, ast.Attribute) and e.base.name == STATES and len(places) == 1:
            states = self._attribute(e.base, c)
            return states.items[self.evaluate.integer(places[0], c)] if isinstance(states, Items) else states
        if isinstance(e.base, ast.Attribute) and value.node.op != "final":
            indices = self.evaluate.indices(places, c)
            owner = self._owner(e.base.base, c) or ""
            return self.ref(value.node, e.base.name, indices, e.base.primed, c, owner)
        return self.named(value.node, c)

    def _of_parts(self, e: ast.Expr, c: Context) -> tuple[str, tuple[int, ...]] | None:
        """The name of an equation that gives a list or several outputs, if this is one."""
        base, items = (e.base, e.items) if isinstance(e, ast.Subscript) else (e, ())
        places = tuple(i for i in items if not isinstance(i, ast.Slice))
        if not isinstance(base, ast.Name) or base.primed or len(places) < len(items):
            return None
        name = base.id, self.evaluate.indices(places, c)
        return name if name in c.frame.parts else None

    # --- operators ---

    def _unary(self, e: ast.Unary, c: Context) -> Read:
        value = self.read(e.operand, c)
        if isinstance(value, Known):
            return value if isinstance(value.value, Absent) else Known(self.evaluate.value(e, c))
        if e.op == "not":
            return NotFormula(value)
        return value if e.op == "+" else Sum(((True, value),))

    def _binary(self, e: ast.Binary, c: Context) -> Read:
        left = self.read(e.left, c)
        if e.op in ("and", "or") and isinstance(left, Known):
            return self._chosen(e, left, c)
        right = self.read(e.right, c)
        if isinstance(left, Known) and isinstance(right, Known):
            value = self.evaluate.operators.binary(e, c)
            if not isinstance(value, Tensor):
                return Known(value)
        if isinstance(right, Known) and isinstance(right.value, Absent):
            return left
        if isinstance(left, Known) and isinstance(left.value, Absent):
            return Sum(((True, shown(right)),)) if e.op == "-" else right
        return _OPERATORS.get(e.op, lambda a, b, op=e.op: Operator(op, a, b))(shown(left), shown(right))

    def _chosen(self, e: ast.Binary, left: Known, c: Context) -> Read:
        """`a or b` of compile-time values: one of the two."""
        if e.op == "or" and left.value is None:
            return self.read(e.right, c)
        return Known(self.evaluate.value(e, c))

    def _items(self, e: ast.List | ast.Comprehension, c: Context) -> Read:
        parts = [self.read(part, inner) for part, inner in self._spliced(e, c)]
        if all(isinstance(p, Known) for p in parts):
            return Known(tuple(p.value for p in parts if isinstance(p, Known)))
        return Items(tuple(shown(p) for p in parts))

    def _spliced(self, e: ast.Expr, c: Context) -> Iterator[tuple[ast.Expr, Context]]:
        if isinstance(e, ast.Comprehension):
            for inner in self.evaluate.each(e.clauses, c):
                yield e.value, inner
        elif isinstance(e, ast.List):
            for item in e.items:
                if isinstance(item, ast.Comprehension):
                    yield from self._spliced(item, c)
                else:
                    yield item, c


def parts_of(frame: Frame, name: str, indices: tuple[int, ...]) -> Ref:
    """What an equation gives whose name means several outputs, or a list."""
    return Ref(name, indices, key=(frame, name, indices))


def _member(e: ast.Name, c: Context) -> bool:
    """Is this the name of an equation, input, state or parameter of this body?"""
    return (e.id, e.primed) in c.frame.members


def _sum(left: Formula, right: Formula) -> Formula:
    if left == Number(0) or right == Number(0):  # an option that changes nothing
        return right if left == Number(0) else left
    return Sum((*_terms(left), *_terms(right)))


def _difference(left: Formula, right: Formula) -> Formula:
    return Sum((*_terms(left), (True, right)))


def _terms(formula: Formula) -> tuple[tuple[bool, Formula], ...]:
    return formula.terms if isinstance(formula, Sum) else ((False, formula),)


def _times(left: Formula, right: Formula) -> Formula:
    if left == Number(1) or right == Number(1):  # an option that changes nothing
        return right if left == Number(1) else left
    factors = left.factors if isinstance(left, Times) else (left,)
    return Times((*factors, *right.factors) if isinstance(right, Times) else (*factors, right))


_OPERATORS: dict[str, Callable[[Formula, Formula], Formula]] = {
    "+": _sum, "-": _difference, "*": _times, "/": Quotient, "**": Power,
}  # fmt: skip
