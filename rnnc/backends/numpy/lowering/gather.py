"""Results of a step that stem from the parts of one array are stacked as parts of one array, too.

The gates of a cell are split off one sum. Stacked together they have its shape, and go where the sequence that the
sum was made from is no longer needed; so a tape of gates costs no memory of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from rnnc.backends.numpy.lowering.walk import Lowering
from rnnc.ir.operations import TABLE, Builder
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Loop, Node, Op, Program, Value


class Gather(Lowering):
    """Joins stacked values of loops at the top level; their sequences become parts of the joined one."""

    def run(self) -> Program:
        nodes: list[Node] = []
        for node in self.program.nodes:
            nodes += self._gathered(node) if isinstance(node, Loop) and node.chunk is None else [node]
        return replace(self.program, nodes=tuple(nodes))

    def _gathered(self, loop: Loop) -> list[Node]:
        after: list[Node] = []
        readers = _readers(loop.body)
        carried = {carry.next for carry in loop.carries}
        for split in [node for node in loop.body if isinstance(node, Op) and node.name == "split"]:
            sequences = dict(loop.ys)
            stacked = [_stacked_from(part, readers, sequences, carried) for part in split.outs]
            values = [value for value in stacked if value is not None]
            if len(values) < len(split.outs) or len(values) < 2 or len(set(values)) < len(values):
                continue
            inside, outside = Builder(split.spans), Builder(split.spans)
            axis, sizes = Attrs(split).integer("axis"), Attrs(split).sizes("sizes")
            whole = inside.op("concat", *values, axis=axis)
            sequence = Value(whole.type.with_(time=True), "gates")
            outs = tuple(sequences[value] for value in values)
            outside.emit(Op("split", (sequence,), outs, (("axis", axis), ("sizes", sizes)), split.spans))
            after += outside.nodes
            kept = tuple((value, seq) for value, seq in loop.ys if seq not in outs)
            loop = replace(loop, body=(*loop.body, *inside.nodes), ys=(*kept, (whole, sequence)))
            for value, ops in _readers(inside.nodes).items():
                readers.setdefault(value, []).extend(ops)
        return [loop, *after]


def _readers(nodes: Iterable[Node]) -> dict[Value, list[Op]]:
    """The operations that read each value."""
    found: dict[Value, list[Op]] = {}
    for node in nodes:
        if isinstance(node, Op):
            for value in dict.fromkeys(node.args):
                found.setdefault(value, []).append(node)
    return found


def _stacked_from(
    part: Value, readers: Mapping[Value, Sequence[Op]], sequences: Mapping[Value, Value], carried: Set[Value]
) -> Value | None:
    """A stacked value that is a function of the part alone, element by element."""
    following = part
    while following not in sequences or following in carried:
        own = readers.get(following, ())
        if len(own) != 1 or not _unary(own[0], following):
            return None
        following = own[0].out
    return following


def _unary(op: Op, arg: Value) -> bool:
    """Whether an operation makes each element of `arg` into one, with nothing but numbers beside it."""
    others = {other for other in op.args if other is not arg}
    elementwise = op.name in TABLE and TABLE[op.name].kind == "elementwise"
    return elementwise and op.out.type == arg.type and not any(other.type.rank or other.type.batch for other in others)
