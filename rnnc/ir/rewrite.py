"""Helpers for passes: programs are immutable, so a change is a walk that builds a new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rnnc.ir.program import Carry, Loop, Node, Op, Port, Program, Value, reads, walk


class Substitution:
    """Values that stand in for others. A stand-in may be replaced in turn: look-ups follow the chain."""

    def __init__(self, values: Mapping[Value, Value] | None = None) -> None:
        self._to: dict[Value, Value] = dict(values or {})

    def __bool__(self) -> bool:
        return bool(self._to)

    def __getitem__(self, value: Value) -> Value:
        while (other := self._to.get(value)) is not None:
            value = other
        return value

    def __call__(self, values: Iterable[Value]) -> tuple[Value, ...]:
        """Every value of a sequence, replaced."""
        return tuple(self[value] for value in values)

    def replace(self, old: Value, new: Value) -> None:
        """Let `new` stand in for `old`. A value never comes to stand in for itself."""
        new = self[new]
        if new is not old:
            self._to[old] = new


def substitute(node: Node, values: Substitution) -> Node:
    """The node with everything that it reads replaced, in bodies at any depth too; its outputs stay."""
    if isinstance(node, Op):
        return with_args(node, values(node.args))
    body = tuple(substitute(inner, values) for inner in node.body)
    return replace(substitute_results(substitute_header(node, values), values), body=body)


def substitute_header(loop: Loop, values: Substitution) -> Loop:
    """The loop with what enters it from outside replaced: sequences, initial values, lengths, `like`."""
    return replace(
        loop,
        xs=tuple((values[seq], param) for seq, param in loop.xs),
        carries=tuple(replace(carry, init=values[carry.init]) for carry in loop.carries),
        lengths=None if loop.lengths is None else values[loop.lengths],
        like=None if loop.like is None else values[loop.like],
    )


def substitute_results(loop: Loop, values: Substitution) -> Loop:
    """The loop with what its body hands out replaced: the carries' next values and the ys."""
    return replace(
        loop,
        carries=tuple(replace(carry, next=values[carry.next]) for carry in loop.carries),
        ys=tuple((values[value], seq) for value, seq in loop.ys),
    )


def substitute_outputs(outputs: Sequence[Port], values: Substitution) -> tuple[Port, ...]:
    """Output ports with their values replaced."""
    return tuple(replace(port, value=values[port.value]) for port in outputs)


def with_args(op: Op, args: tuple[Value, ...]) -> Op:
    """The operation on other arguments of the same types; itself where they are the same."""
    unchanged = len(args) == len(op.args) and all(a is b for a, b in zip(args, op.args, strict=True))
    return op if unchanged else replace(op, args=args)


def fresh(value: Value) -> Value:
    """Another value of the same type and name."""
    return Value(value.type, value.name)


def clone(nodes: Sequence[Node], values: Mapping[Value, Value]) -> tuple[tuple[Node, ...], Substitution]:
    """A copy of a block that defines values of its own, reading `values` in place of others.

    Returns the copy and the mapping from every value that the block defined (and the given ones) to its copy.
    """
    mapping = Substitution(values)
    return tuple(_clone(node, mapping) for node in nodes), mapping


class Rewriter:
    """One forward walk over all nodes of a program, at any depth.

    Subclasses override `op` and `loop`, which get nodes that already read what earlier replacements put in place, and
    call `emit` for what shall stand in the block and `replace` for values that others stand in for.
    `definitions` finds the node that defines a value, among those emitted so far.
    """

    def __init__(self) -> None:
        self.values = Substitution()
        self.definitions: dict[Value, Node] = {}
        self._block: list[Node] = []

    def rewrite(self, program: Program) -> Program:
        """The program after the walk."""
        nodes = self.block(program.nodes)
        return replace(program, nodes=nodes, outputs=substitute_outputs(program.outputs, self.values))

    def block(self, nodes: Sequence[Node]) -> tuple[Node, ...]:
        """Walk over one block and return what was emitted into it."""
        outer, self._block = self._block, []
        for node in nodes:
            if isinstance(node, Op):
                self.op(with_args(node, self.values(node.args)))
            else:
                self.loop(substitute_header(node, self.values))
        inner, self._block = self._block, outer
        return tuple(inner)

    def body(self, loop: Loop) -> Loop:
        """The loop with its body walked over."""
        return substitute_results(replace(loop, body=self.block(loop.body)), self.values)

    def emit(self, node: Node) -> None:
        """Append to the block that is being walked over."""
        self._block.append(node)
        self.definitions.update((out, node) for out in node.outs)

    def mark(self) -> int:
        """A place in the block that is being walked over, to go back to."""
        return len(self._block)

    def rewind(self, mark: int) -> None:
        """Take back what was emitted into the block since a mark."""
        del self._block[mark:]

    def replace(self, old: Value, new: Value) -> None:
        """Everything that is visited from now on reads `new` where it read `old`."""
        self.values.replace(old, new)

    def op(self, op: Op) -> None:
        """Keep an operation."""
        self.emit(op)

    def loop(self, loop: Loop) -> None:
        """Keep a loop, walking over its body."""
        self.emit(self.body(loop))


def use_counts(program: Program) -> Counter[Value]:
    """How often each value is read: by operations, by loops (header and results), and by output ports."""
    counts: Counter[Value] = Counter(port.value for port in program.outputs)
    for node in walk(program.nodes):
        counts.update(node.args)
        if isinstance(node, Loop):
            counts.update(loop_results(node))
    return counts


def loop_results(loop: Loop) -> tuple[Value, ...]:
    """What the body of a loop hands out: the carries' next values, then the ys."""
    return (*(carry.next for carry in loop.carries), *(value for value, _ in loop.ys))


def definitions(program: Program) -> dict[Value, Node]:
    """The node that defines each value (program inputs and loop parameters have none)."""
    return {out: node for node in walk(program.nodes) for out in node.outs}


def dependents(nodes: Sequence[Node], roots: Iterable[Value]) -> set[Value]:
    """`roots` and every value of the block that is computed from them, directly or not."""
    found = set(roots)
    for node in nodes:
        if not found.isdisjoint(reads(node)):
            found.update(node.outs)
    return found


def _clone(node: Node, mapping: Substitution) -> Node:
    if isinstance(node, Op):
        outs = _clone_values(node.outs, mapping)
        return replace(node, args=mapping(node.args), outs=outs)
    header = substitute_header(node, mapping)
    _clone_values((*node.params, *node.outs), mapping)
    inner = tuple(_clone(child, mapping) for child in node.body)
    carries = tuple(
        Carry(
            init=new.init,
            param=mapping[old.param],
            next=mapping[old.next],
            final=mapping[old.final],
            before=None if old.before is None else mapping[old.before],
        )
        for old, new in zip(node.carries, header.carries, strict=True)
    )
    return replace(
        header,
        xs=tuple((seq, mapping[param]) for seq, param in header.xs),
        carries=carries,
        body=inner,
        ys=tuple((mapping[value], mapping[seq]) for value, seq in node.ys),
        valid=None if node.valid is None else mapping[node.valid],
    )


def _clone_values(values: Iterable[Value], mapping: Substitution) -> tuple[Value, ...]:
    copies: list[Value] = []
    for value in values:
        copies.append(fresh(value))
        mapping.replace(value, copies[-1])
    return tuple(copies)
