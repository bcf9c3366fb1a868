"""Sums of products: `contract`, an einsum whose letters are the feature axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.evaluation import Array, Env, result
from rnnc.ir.operations.shapes import lead_letters, numeric, shown, union, with_ones, without_leads
from rnnc.ir.operations.table import Builder, Row, TypeMismatch, register
from rnnc.ir.operations.terms import is_float, of_one_output
from rnnc.ir.program import AttrValue, Axis, Op, Type, Value


def _named(operands: Sequence[tuple[str, Type]]) -> dict[str, Axis]:
    """The axis of every letter. Raises TypeMismatch where two axes of one letter differ."""
    found: dict[str, Axis] = {}
    for letters, type in operands:
        if len(letters) != type.rank or len(set(letters)) != len(letters) or not all("a" <= c <= "z" for c in letters):
            raise TypeMismatch(f"contract: {letters!r} does not name the axes of {shown(type.axes)}")
        for letter, axis in zip(letters, type.axes, strict=True):
            if found.setdefault(letter, axis) != axis:
                (_, left), (_, right) = operands
                raise TypeMismatch(
                    f"contract: {shown(left.axes)} and {shown(right.axes)} do not fit: "
                    f"{shown((found[letter],))} against {shown((axis,))}"
                )
    return found


def sums_nothing(op: Op) -> bool:
    """Whether a contraction is an outer product, or multiplies element by element: it costs what its result does."""
    a, b, out, reduce = (str(op.attr(key)) for key in ("a", "b", "out", "reduce"))
    return not reduce and set(a) | set(b) <= set(out)


def _infer_contract(types: Sequence[Type], attrs: Mapping[str, AttrValue]) -> tuple[Type, ...]:
    a, b = types
    wanted = Attrs(attrs)
    axes = _named(((wanted.text("a"), a), (wanted.text("b"), b)))
    out, reduce = wanted.text("out"), wanted.text("reduce")
    if len(set(out)) != len(out) or not set(out) <= set(axes):
        raise TypeMismatch(f"contract: the result {out!r} names axes that no operand has")
    if not set(reduce) <= set(lead_letters(a)) & set(lead_letters(b)):
        raise TypeMismatch(f"contract: cannot sum over {reduce!r}: {a} and {b} do not both have it")
    result = union(types, tuple(axes[c] for c in out), numeric("contract", types))
    return (without_leads(result, reduce),)


def _evaluate_contract(op: Op, args: Sequence[Array], env: Env) -> Array:
    import numpy as np

    a, b = (v.type for v in op.args)
    attrs = Attrs(op)
    letters_a = lead_letters(a).upper() + attrs.text("a")  # capitals are leads: never a feature's letter
    letters_b = lead_letters(b).upper() + attrs.text("b")
    letters_out = lead_letters(op.out.type).upper() + attrs.text("out")
    x, y = (arg.astype(env.dtype(op.out.type.dtype)) for arg in args)
    return result(np.einsum(f"{letters_a},{letters_b}->{letters_out}", x, y), op.out, env)


@of_one_output
def _derive_contract(builder: Builder, op: Op, d: Value) -> Sequence[Value | None]:
    a, b = op.args
    attrs = Attrs(op)
    letters_a, letters_b = attrs.text("a"), attrs.text("b")
    return [
        _operand_cotangent(builder, d, attrs.text("out"), b, letters_b, a, letters_a) if is_float(a) else None,
        _operand_cotangent(builder, d, attrs.text("out"), a, letters_a, b, letters_b) if is_float(b) else None,
    ]


def _operand_cotangent(
    builder: Builder, d: Value, letters_d: str, other: Value, letters_other: str, operand: Value, letters: str
) -> Value:
    """d contracted with the other operand. An axis that `operand` alone has was summed: its cotangent is stretched."""
    met = "".join(c for c in letters if c in letters_d + letters_other)
    # A lead that the operand lacks came from the other one, so that d has it too: the two are summed over it.
    reduce = "".join(c for c in lead_letters(other.type) if c not in lead_letters(operand.type))
    found = builder.op("contract", d, other, a=letters_d, b=letters_other, out=met, reduce=reduce)
    if met == letters:
        return found
    alone = [i for i, c in enumerate(letters) if c not in met]
    kept = builder.op("reshape", found, axes=with_ones(operand.type, alone))
    return builder.op("broadcast", kept, axes=operand.type.axes)


register(Row("contract", "contraction", _infer_contract, _evaluate_contract, _derive_contract, (0, 1)))
