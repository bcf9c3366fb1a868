"""Numbers for values, so that equal numbers mean equal values: how nodes are told to be the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from rnnc.ir.program import AttrValue, Loop, Node, Op, Value
from rnnc.ir.rewrite import Substitution

# max and min are not among them: where both arguments are equal, the first takes the gradient.
COMMUTATIVE = frozenset({"add", "mul", "eq", "ne", "logical_and", "logical_or"})

Key = Hashable


class Numbering:
    """Structural numbers. A value that the numbering has not met counts as itself.

    Parameters of loops are numbered by position and depth, so that two loops that do the same get the same key, however
    their bodies name things. With `stand_ins`, a value counts as what stands in for it.
    """

    def __init__(self, stand_ins: Substitution | None = None) -> None:
        self._stand_ins = stand_ins or Substitution()
        self._numbers: dict[Value, Key] = {}
        self._ids: dict[Key, int] = {}

    def __getitem__(self, value: Value) -> Key:
        value = self._stand_ins[value]
        return self._numbers.get(value, value)

    def assume(self, value: Value, number: Key) -> None:
        """Number a value from outside: a parameter."""
        self._numbers[value] = number

    def block(self, nodes: Iterable[Node], depth: int = 0) -> None:
        """Number everything that a block defines."""
        for node in nodes:
            if isinstance(node, Op):
                number = self._id(self.op_key(node))
                self._numbers.update((out, (number, place)) for place, out in enumerate(node.outs))
            else:
                number = self._id(self.loop_key(node, depth + 1))
                self._numbers.update((seq, (number, key)) for key, seq in self.yields(node))
                self._numbers.update((c.final, (number, place)) for place, c in enumerate(node.carries))

    def op_key(self, op: Op) -> Key:
        """What an operation computes: the same key, the same outputs."""
        args = [self[arg] for arg in op.args]
        if op.name in COMMUTATIVE:
            args.sort(key=hash)
        attrs = tuple((key, _exact(value)) for key, value in op.attrs)
        return (op.name, tuple(args), attrs, tuple(out.type for out in op.outs))

    def loop_key(self, loop: Loop, depth: int = 0) -> Key:
        """What a loop computes, its ys apart: the same key, the same finals; see `yields`."""
        for place, param in enumerate(loop.params):
            self.assume(param, ("parameter", depth, place))
        self.block(loop.body, depth)
        return (
            tuple((self[seq], param.type) for seq, param in loop.xs),
            tuple((self[carry.init], carry.param.type, self[carry.next]) for carry in loop.carries),
            (loop.reverse, loop.chunk, loop.valid is None),
            *(None if value is None else self[value] for value in (loop.lengths, loop.like)),
        )

    def yields(self, loop: Loop) -> list[tuple[Key, Value]]:
        """What a numbered loop collects, by what it is: the value in the body, or the parameter of a carry."""
        befores = [(("before", place), c.before) for place, c in enumerate(loop.carries) if c.before is not None]
        return [*befores, *((self[value], seq) for value, seq in loop.ys)]

    def _id(self, key: Key) -> int:
        return self._ids.setdefault(key, len(self._ids))


def _exact(value: AttrValue) -> Key:
    """Attributes as keys: 1, 1.0 and True differ, and so do 0.0 and -0.0."""
    return (type(value).__name__, repr(value)) if isinstance(value, bool | int | float) else value
