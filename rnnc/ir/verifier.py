"""Checks that a program is well formed: an assertion of the compiler about itself, run between passes in tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rnnc.ir.operations import TABLE
from rnnc.ir.operations.table import TypeMismatch
from rnnc.ir.program import Carry, DType, Loop, Node, Op, Port, Program, Type, Value
from rnnc.ir.rewrite import loop_results
from rnnc.ir.trim import length_givers

INPUT_ROLES = frozenset({"param", "fixed", "input", "state", "lengths", "mask", "tape", "cotangent"})
OUTPUT_ROLES = frozenset({"output", "state", "expose", "tape", "gradient"})
LENGTHS = Type((), DType.INT, batch=True)
VALID = Type((), DType.BOOL, batch=True)


class InvalidProgram(Exception):
    """The program breaks a rule of `rnnc.ir.program`: a bug in what built it, never in a user's text."""


def verify(program: Program) -> None:
    """Raise `InvalidProgram` unless

    - every value is defined once, before it is read, in the block that reads it or in one around it;
    - every operation's types are what its row infers (labels aside), and its attributes are sorted;
    - every loop's sequences, parameters, carries and results have types that fit each other;
    - nothing in the body of a loop has time, but for stretches in that of a loop with `chunk`;
    - operations that couple steps stand where there is time;
    - what may be absent at run time (masks, lengths) is read only by what can do without;
    - ports have roles that fit their side, unique names within a role, and types that fit the role.
    """
    checker = _Checker()
    checker.ports(program.inputs, INPUT_ROLES)
    top = _Level(has_time=True)
    for port in program.inputs:
        checker.define(port.value, top, f"{port.role} {port.name!r}")
        if port.optional:
            checker.absent.add(port.value)
    checker.block(program.nodes, top)
    checker.ports(program.outputs, OUTPUT_ROLES)
    for port in program.outputs:
        checker.read(port.value, top, f"{port.role} {port.name!r}")


@dataclass
class _Level:
    """A block: what it defines, whether its values may have time, and the block around it."""

    has_time: bool
    outer: _Level | None = None
    defined: set[Value] = field(default_factory=set[Value])


class _Checker:
    def __init__(self) -> None:
        self._defined: dict[Value, str | _Place] = {}
        self.absent: set[Value] = set()  # what may be, at run time

    # Values -----------------------------------------------------------------------------------------------------------

    def define(self, value: Value, level: _Level, where: str | _Place) -> None:
        if value in self._defined:
            raise InvalidProgram(f"{where} defines {_show(value)} again, after {self._defined[value]}")
        if value.type.time and not level.has_time:
            raise InvalidProgram(f"{where} defines {_show(value)}, which has time, in a step's body")
        self._defined[value] = where
        level.defined.add(value)

    def read(self, value: Value, level: _Level, where: str | _Place) -> None:
        scope: _Level | None = level
        while scope is not None and value not in scope.defined:
            scope = scope.outer
        if scope is None:
            known = self._defined.get(value)
            why = f"which {known} defines out of its sight" if known else "which nothing before it defines"
            raise InvalidProgram(f"{where} reads {_show(value)}, {why}")
        if value.type.time and scope is not level:
            raise InvalidProgram(f"{where} reads the sequence {_show(value)} from outside its loop")

    # Nodes ------------------------------------------------------------------------------------------------------------

    def block(self, nodes: Sequence[Node], level: _Level) -> None:
        for node in nodes:
            if isinstance(node, Op):
                self._op(node, level)
            else:
                self._loop(node, level)

    def _op(self, op: Op, level: _Level) -> None:
        where = _Place(op)
        row = TABLE.get(op.name)
        if row is None:
            raise InvalidProgram(f"{where}: no such operation")
        keys = [key for key, _ in op.attrs]
        if keys != sorted(set(keys)):
            raise InvalidProgram(f"{where}: attributes {', '.join(keys)} are not sorted and unique")
        for place, arg in enumerate(op.args):
            self.read(arg, level, where)
            if arg in self.absent and place not in row.optional:
                raise InvalidProgram(f"{where} cannot do without {_show(arg)}, which may be absent")
        if row.kind == "time" and not level.has_time:
            raise InvalidProgram(f"{where} couples steps, but stands in a step's body")
        try:
            types = row.infer([arg.type for arg in op.args], dict(op.attrs))
        except TypeMismatch as error:
            raise InvalidProgram(f"{where}: {error}") from error
        _check(where, "outputs", [out.type for out in op.outs], types)
        for out in op.outs:
            self.define(out, level, where)

    def _loop(self, loop: Loop, level: _Level) -> None:
        where = f"loop {loop.name or '(unnamed)'}"
        if not level.has_time:
            raise InvalidProgram(f"{where} stands in a step's body, where there is no time to loop over")
        if loop.chunk is not None and loop.chunk < 1:
            raise InvalidProgram(f"{where} has stretches of {loop.chunk} steps")
        for value in loop.args:
            self.read(value, level, where)
        _check_header(loop, where)
        body = _Level(has_time=loop.chunk is not None, outer=level)
        for param in loop.params:
            self.define(param, body, f"{where} (parameter)")
        self._pass_absence(loop, where)
        self.block(loop.body, body)
        for carry in loop.carries:
            self.read(carry.next, body, f"{where} (next of {_show(carry.param)})")
        for value, seq in loop.ys:
            self.read(value, body, f"{where} (source of {_show(seq)})")
        for out in loop.outs:
            self.define(out, level, where)

    def _pass_absence(self, loop: Loop, where: str | _Place) -> None:
        """Elements of what may be absent may be, and so may `valid`; states and results may not."""
        self.absent.update(param for seq, param in loop.xs if seq in self.absent)
        if loop.valid is not None and loop.lengths in self.absent:
            self.absent.add(loop.valid)
        for value in (*(carry.init for carry in loop.carries), *loop_results(loop)):
            if value in self.absent:
                raise InvalidProgram(f"{where} cannot do without {_show(value)}, which may be absent")

    # Ports ------------------------------------------------------------------------------------------------------------

    def ports(self, ports: Iterable[Port], roles: frozenset[str]) -> None:
        seen: set[tuple[str, str]] = set()
        for port in ports:
            where = f"{port.role} {port.name!r}"
            if port.role not in roles:
                raise InvalidProgram(f"{where} stands on the wrong side of the program")
            if (port.role, port.name) in seen:
                raise InvalidProgram(f"{where} stands twice")
            seen.add((port.role, port.name))
            _check_port(port, where)


def _check_header(loop: Loop, where: str | _Place) -> None:
    chunked = loop.chunk is not None
    if not length_givers(loop) and loop.like is None:
        raise InvalidProgram(f"{where} has neither sequences nor `like`: nothing says how long it is")
    if loop.like is not None and not loop.like.type.time:
        raise InvalidProgram(f"{where} is to be as long as {_show(loop.like)}, which has no time")
    if loop.lengths is not None:
        _check(where, "lengths", [loop.lengths.type], [LENGTHS])
    if loop.valid is not None:
        if loop.lengths is None:
            raise InvalidProgram(f"{where} has `valid` without lengths")
        _check(where, "valid", [loop.valid.type], [LENGTHS if chunked else VALID])
    for seq, param in loop.xs:
        if not seq.type.time:
            raise InvalidProgram(f"{where} runs over {_show(seq)}, which has no time")
        _check(where, f"element of {_show(seq)}", [param.type], [seq.type.with_(time=chunked and param.type.time)])
    for carry in loop.carries:
        _check_carry(carry, where)
    for value, seq in loop.ys:
        _check(where, f"sequence of {_show(value)}", [seq.type], [value.type.with_(time=True)])


def _check_carry(carry: Carry, where: str | _Place) -> None:
    type_ = carry.param.type
    what = f"carry {_show(carry.param)}"
    if type_.time:
        raise InvalidProgram(f"{where}: {what} has time")
    if carry.init.type.batch and not type_.batch:
        raise InvalidProgram(f"{where}: {what} has no batch, but its initial value has")
    _check(where, f"initial value of {what}", [carry.init.type.with_(batch=type_.batch)], [type_])
    _check(where, f"next value of {what}", [carry.next.type], [type_])
    _check(where, f"final value of {what}", [carry.final.type], [type_])
    if carry.before is not None:
        _check(where, f"collected {what}", [carry.before.type], [type_.with_(time=True)])


def _check_port(port: Port, where: str | _Place) -> None:
    type_ = port.value.type
    if port.role == "lengths":
        _check(where, "type", [type_], [LENGTHS])
    if port.role in ("param", "fixed", "state") and type_.time:
        raise InvalidProgram(f"{where} has time: {type_}")
    if port.role in ("param", "fixed") and type_.batch:
        raise InvalidProgram(f"{where} has a batch axis: {type_}")
    if port.role in ("param", "mask", "cotangent", "gradient") and type_.dtype is not DType.FLOAT:
        raise InvalidProgram(f"{where} is not of floats: {type_}")


def _check(where: str | _Place, what: str, given: Sequence[Type], expected: Sequence[Type]) -> None:
    if tuple(given) != tuple(expected):
        shown = [", ".join(str(t) for t in types) or "nothing" for types in (given, expected)]
        raise InvalidProgram(f"{where}: {what}: {shown[0]}, should be {shown[1]}")


class _Place:
    """How messages call an operation: put into words only where there is something to say."""

    __slots__ = ("_op",)

    def __init__(self, op: Op) -> None:
        self._op = op

    def __str__(self) -> str:
        return f"{self._op.name} of {', '.join(_show(out) for out in self._op.outs)}"


def _show(value: Value) -> str:
    return f"%{value.name or '(unnamed)'}: {value.type}"
