"""Folding: constants are computed, and operations that come to less are replaced by that (rules: `folding.table`)."""

from __future__ import annotations

from dataclasses import replace

from rnnc.ir.operations import TABLE
from rnnc.ir.program import NO_SPANS, AttrValue, Carry, Loop, Op, Program, Spans, Value
from rnnc.passes.folding.table import RULES
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.rewriting import PassRewriter


@compiler_pass
def fold(program: Program, context: PassContext) -> Program:
    """Computes constants and simplifies by algebra, at any depth; a state that never changes is no state."""
    return _Fold(context).rewrite(program)


class _Fold(PassRewriter):
    """One forward walk; what a rule builds is simplified as it is built. It is the `Site` of the rules."""

    def __init__(self, context: PassContext) -> None:
        super().__init__(context)
        self._depth = 0  # of loops around
        self._spans: Spans = NO_SPANS
        self._hint = ""

    # As a Site --------------------------------------------------------------------------------------------------------

    def definition(self, value: Value, *names: str) -> Op | None:
        op = self.definitions.get(value)
        if not isinstance(op, Op) or (names and op.name not in names):
            return None
        # From inside a loop, what has time cannot be seen: such a definition cannot be looked through.
        hidden = self._depth and not value.type.time and any(arg.type.time for arg in op.args)
        return None if hidden else op

    def ops(self, name: str, *args: Value, **attrs: AttrValue) -> tuple[Value, ...]:
        types = TABLE[name].infer([arg.type for arg in args], attrs)
        outs = tuple(Value(type_, self._hint) for type_ in types)
        op = Op(name, args, outs, tuple(sorted(attrs.items())), self._spans)
        simpler = self._simplify(op)
        if simpler is not None:
            return simpler
        self.emit(op)
        return outs

    # The walk ---------------------------------------------------------------------------------------------------------

    def op(self, op: Op) -> None:
        self._spans, self._hint = op.spans, op.outs[0].name
        simpler = self._simplify(op)
        if simpler is None:
            self.emit(op)
            return
        for out, value in zip(op.outs, simpler, strict=True):
            self.replace(out, value)

    def loop(self, loop: Loop) -> None:
        self._depth += 1
        loop = self.body(loop)
        while constant := [carry for carry in loop.carries if _never_changes(carry)]:
            for carry in constant:
                self.replace(carry.param, carry.init)
                self.replace(carry.final, carry.init)
                self._context.remark("constant-state", f"state `{carry.param.name}` never changes", loop.spans)
            loop = self.body(replace(loop, carries=tuple(c for c in loop.carries if c not in constant)))
        self._depth -= 1
        self.emit(loop)

    def _simplify(self, op: Op) -> tuple[Value, ...] | None:
        """What stands in for the outputs: of the first rule whose result has their types."""
        for rule in RULES.get(op.name, ()):
            mark = self.mark()
            found = rule(self, op)
            values = (found,) if isinstance(found, Value) else found
            if values is not None and [v.type for v in values] == [out.type for out in op.outs]:
                return values
            self.rewind(mark)
        return None


def _never_changes(carry: Carry) -> bool:
    """Whether every step hands on what it got, or the initial value again. Not where a sequence collects it."""
    constant = carry.next is carry.param or carry.next is carry.init
    return constant and carry.before is None and carry.init.type == carry.param.type
