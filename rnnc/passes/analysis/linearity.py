"""What a step makes of one state, as a form in it: `scale * s + offset`, or `max(s + shift, floor)`.

Forms are found by walking over the operations between the state and its next value. The coefficients are built as
further nodes of the body, out of values that do not depend on the state; plain numbers are folded on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rnnc.ir.operations import Builder
from rnnc.ir.program import DType, Node, Op, Value, reads

Coefficient = Value | float | int


@dataclass(frozen=True)
class Affine:
    """scale * s + offset."""

    scale: Coefficient
    offset: Coefficient


@dataclass(frozen=True)
class MaxPlus:
    """max(s + shift, floor); `floor` None: there is none."""

    shift: Coefficient
    floor: Coefficient | None


class NoForm(Exception):
    """The next value is no such form of the state; `node` is the first that prevents it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        super().__init__(getattr(node, "name", ""))


class Coefficients(Builder):
    """Builds arithmetic on coefficients, with the neutral numbers left out."""

    def __init__(self, dtype: DType) -> None:
        super().__init__()
        self._dtype = dtype

    def value(self, coefficient: Coefficient) -> Value:
        """A coefficient as a value of the state's dtype."""
        if isinstance(coefficient, Value):
            return coefficient
        return self.const(int(coefficient) if self._dtype is DType.INT else float(coefficient))

    def free(self, value: Value) -> Value:
        """A value of the body as a coefficient: whole numbers in line with a state that is none."""
        same = value.type.dtype is self._dtype
        return value if same else self.op("cast", value, dtype=self._dtype.value, hint=value.name)

    def add(self, left: Coefficient, right: Coefficient) -> Coefficient:
        if _is(left, 0):
            return right
        if _is(right, 0):
            return left
        return self._op("add", left, right, lambda a, b: a + b)

    def sub(self, left: Coefficient, right: Coefficient) -> Coefficient:
        if _is(right, 0):
            return left
        return self.neg(right) if _is(left, 0) else self._op("sub", left, right, lambda a, b: a - b)

    def mul(self, left: Coefficient, right: Coefficient) -> Coefficient:
        if _is(left, 0) or _is(right, 0):
            return 0
        if _is(left, 1):
            return right
        return left if _is(right, 1) else self._op("mul", left, right, lambda a, b: a * b)

    def div(self, left: Coefficient, right: Coefficient) -> Coefficient:
        return left if _is(left, 0) or _is(right, 1) else self.op("div", self.value(left), self.value(right))

    def neg(self, coefficient: Coefficient) -> Coefficient:
        return self.op("neg", coefficient) if isinstance(coefficient, Value) else -coefficient

    def max(self, left: Coefficient, right: Coefficient) -> Coefficient:
        return self._op("max", left, right, max)

    def choose(self, op: Op, choices: Sequence[Coefficient], fixed: Mapping[int, Value]) -> Coefficient:
        """`op` on coefficients in place of its linear arguments, and `fixed` others by position."""
        if all(_is(choice, 0) for choice in choices):
            return 0
        rest = iter(choices)
        args = [fixed[n] if n in fixed else self.value(next(rest)) for n in range(len(op.args))]
        return self.op(op.name, *args, hint=op.out.name, **dict(op.attrs))

    def _op(
        self, name: str, left: Coefficient, right: Coefficient, fold: Callable[[float, float], float]
    ) -> Coefficient:
        if isinstance(left, Value) or isinstance(right, Value):
            return self.op(name, self.value(left), self.value(right))
        return fold(left, right)


CHOICES = {"where": (1, 2), "zoneout": (0, 1), "dropout": (0,)}  # linear in these arguments, taken together


def affine(body: Sequence[Node], state: Value, result: Value, build: Coefficients) -> Affine:
    """`result` as an affine form of `state`, elementwise. Raises NoForm."""
    forms: dict[Value, Affine] = {state: Affine(1, 0)}
    for node in between(body, [state], [result]):
        with build.at(node.spans):
            forms.update((out, _affine(node, forms, build)) for out in node.outs)
    return forms.get(result, Affine(0, result))


def _affine(node: Node, forms: Mapping[Value, Affine], build: Coefficients) -> Affine:
    if not isinstance(node, Op):
        raise NoForm(node)
    linear = CHOICES.get(node.name, range(len(node.args)))
    args = [forms.get(arg) or Affine(0, build.free(arg) if n in linear else arg) for n, arg in enumerate(node.args)]
    match node.name, args:
        case "add", [a, b]:
            return Affine(build.add(a.scale, b.scale), build.add(a.offset, b.offset))
        case "sub", [a, b]:
            return Affine(build.sub(a.scale, b.scale), build.sub(a.offset, b.offset))
        case "neg", [a]:
            return Affine(build.neg(a.scale), build.neg(a.offset))
        case "mul", [a, b] if _is(b.scale, 0):
            return Affine(build.mul(a.scale, b.offset), build.mul(a.offset, b.offset))
        case "mul", [a, b] if _is(a.scale, 0):
            return Affine(build.mul(a.offset, b.scale), build.mul(a.offset, b.offset))
        case "div", [a, b] if _is(b.scale, 0) and node.out.type.dtype is DType.FLOAT:
            return Affine(build.div(a.scale, b.offset), build.div(a.offset, b.offset))
        case name, _ if name in CHOICES:
            fixed = {n: arg for n, arg in enumerate(node.args) if n not in linear}
            if any(arg in forms for arg in fixed.values()):
                raise NoForm(node)
            scales = build.choose(node, [args[n].scale for n in linear], fixed)
            return Affine(scales, build.choose(node, [args[n].offset for n in linear], fixed))
        case _:
            raise NoForm(node)


def max_plus(body: Sequence[Node], state: Value, result: Value, build: Coefficients) -> MaxPlus:
    """`result` as max(state + shift, floor), elementwise. Raises NoForm."""
    forms: dict[Value, MaxPlus] = {state: MaxPlus(0, None)}
    for node in between(body, [state], [result]):
        with build.at(node.spans):
            forms.update((out, _max_plus(node, forms, build)) for out in node.outs)
    if result not in forms:
        raise NoForm(body[-1])
    return forms[result]


def _max_plus(node: Node, forms: Mapping[Value, MaxPlus], build: Coefficients) -> MaxPlus:
    if not isinstance(node, Op):
        raise NoForm(node)
    inner = [forms.get(arg) for arg in node.args]
    match node.name, inner, node.args:
        case "add", [MaxPlus() as form, None], (_, free):
            return _moved(form, build.free(free), build.add)
        case "add", [None, MaxPlus() as form], (free, _):
            return _moved(form, build.free(free), build.add)
        case "sub", [MaxPlus() as form, None], (_, free):
            return _moved(form, build.free(free), build.sub)
        case "max", [MaxPlus() as form, None], (_, free):
            floor = build.free(free)
            return MaxPlus(form.shift, floor if form.floor is None else build.max(form.floor, floor))
        case _:  # max(free, state) and relu(state) give a tie's gradient to the other side, which no scan does
            raise NoForm(node)


def _moved(form: MaxPlus, by: Value, move: Callable[[Coefficient, Coefficient], Coefficient]) -> MaxPlus:
    return MaxPlus(move(form.shift, by), None if form.floor is None else move(form.floor, by))


def between(body: Sequence[Node], states: Iterable[Value], results: Iterable[Value]) -> list[Node]:
    """The nodes that lie on a way from one of the states to one of the results, in order."""
    reached = set(states)
    forwards: list[Node] = []
    for node in body:
        if not reached.isdisjoint(reads(node)):
            reached.update(node.outs)
            forwards.append(node)
    wanted = set(results)
    found: list[Node] = []
    for node in reversed(forwards):
        if not wanted.isdisjoint(node.outs):
            wanted.update(reads(node))
            found.append(node)
    return found[::-1]


def _is(coefficient: Coefficient, number: int) -> bool:
    return not isinstance(coefficient, Value) and coefficient == number
