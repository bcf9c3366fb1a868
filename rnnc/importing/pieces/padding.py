"""Sequences whose rows have lengths of their own: PyTorch packs and pads them, and what it computes of what stands
behind a row counts; a module of rnnc is given the lengths, and knows of no such steps."""

from __future__ import annotations

import ast
from collections.abc import Callable

from rnnc.diagnostics import DiagnosticError, Span
from rnnc.importing.equations import Built
from rnnc.importing.python.values import problem

PACKED = "packed"
ZEROS = "zeros"  # padded again, and only what leaves zeros alone was done
NUMBERS = "numbers"  # padded with what a text computes of zeros
_KEEP_ZEROS = (
    "relu relu6 relu_ tanh sin tan sinh asinh atan elu selu celu gelu silu swish leaky_relu softsign mish abs sign"
    " square sqrt expm1 log1p erf negative neg tanhshrink hardshrink softshrink"
)
KEEP_ZEROS = frozenset(_KEEP_ZEROS.split())  # functions of which 0 is 0
KEEP_ALL = ("Dropout", "Identity", "Sequential")  # layers that do, or whose layers tell by themselves
REMARK = (
    "what stands behind the length of a row is 0 in the outputs here, and in PyTorch what the layers behind"
    " `pad_packed_sequence` make of zeros"
)
UNPACKED = "y, lengths = pad_packed_sequence(y, batch_first=True)"
_FIX = "write it with the lengths by hand: behind the layers, or in the description"


def over_steps(one: Built, name: str, span: Span) -> None:
    """E606: a fold over all steps that counts padding."""
    if one.padding == PACKED:
        raise packed(name, span)
    if one.padding == NUMBERS or (one.padding == ZEROS and name not in ("sum", "reduce_sum")):
        what = f"`{name}` over the steps counts those behind the lengths of rows, which a description has not"
        raise problem("E606", what, span, fix=_FIX)


def one_step(one: Built, k: int, span: Span) -> None:
    """E606: a step that only some rows have, of what is not 0 there."""
    if one.padding == PACKED:
        raise packed("a part", span)
    if one.padding == NUMBERS and k != 0:
        raise problem("E606", "this step is one behind the lengths of some rows", span, fix=_FIX)


def packed(what: str, span: Span) -> DiagnosticError:
    return problem("E606", f"{what} of a packed sequence is not read", span, fix=UNPACKED)


def after(node: ast.expr, padding: Callable[[ast.expr], str | None]) -> str:
    """What an expression makes of padding, whose parts that are arrays have some; None for what is a number."""
    parts = [found for each in ast.walk(node) if isinstance(each, ast.expr) and (found := padding(each)) is not None]
    if not any(parts):
        return ""
    return ZEROS if _is_zero(node, padding) else NUMBERS


def _is_zero(node: ast.expr, padding: Callable[[ast.expr], str | None]) -> bool:
    """Whether an expression is 0 where the padded arrays in it are."""
    own = padding(node)
    if own is not None:
        return own == ZEROS
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _is_zero(left, padding) or _is_zero(right, padding)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
            return _is_zero(left, padding) and _is_zero(right, padding)
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant()):
            return _is_zero(left, padding)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _is_zero(operand, padding)
        case ast.Call(func=function, args=[only]) if ast.unparse(function).rpartition(".")[2].strip("‹›") in KEEP_ZEROS:
            return _is_zero(only, padding)
        case ast.Call(func=function, args=[ast.List(elts=parts) | ast.Tuple(elts=parts), *_]) if ast.unparse(
            function
        ).rpartition(".")[2] in ("cat", "concat"):
            return all(_is_zero(each, padding) for each in parts)
        case _:
            return False
