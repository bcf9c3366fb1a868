"""Statements that fit on one line, and imports, as text."""

from __future__ import annotations

from rnnc.syntax import ast
from rnnc.syntax.literals import string_text
from rnnc.syntax.printing.spell import Mark, Speller, flat

_PREFIXES = {"plain": "", "gate": "gate ", "let": "let "}


def aligned_text(node: ast.Statement | ast.Definition) -> str | None:
    """What stands before the `=` of a node whose `=` is aligned with those of its neighbours."""
    speller = Speller()
    match node:
        case ast.Equation(kind="plain" | "gate" as kind, target=target):
            speller.text(_PREFIXES[kind])
            speller.target(target)
        case ast.Variant():
            speller.definition("cell", node)
        case _:
            return None
    return flat(speller.pieces)


def simple_pieces(speller: Speller, node: ast.Statement, width: int, *, in_parentheses: bool = False) -> None:
    """Spell a statement without blocks of its own. What stands before its `=` is padded to `width`; its value gets
    parentheses if that is asked for, so that it can be wrapped."""

    def value(expression: ast.Expr) -> None:
        if in_parentheses:
            speller.text("(", Mark.OPEN)
        speller.expression(expression)
        if in_parentheses:
            speller.text(Mark.CLOSE, ")")

    match node:
        case ast.Equation(kind=kind, target=target, value=right):
            speller.text(_PREFIXES[kind])
            speller.target(target)
            speller.text(" " * (width - len(flat(speller.pieces))), " = ")
            value(right)
        case ast.Use(target=target, cell=cell):
            speller.text("use ")
            speller.target(target)
            speller.text(" = ")
            value(cell)
        case ast.Carry(target=target, value=right):
            speller.text("carry ")
            speller.target(target)
            speller.text(" = ")
            value(right)
        case ast.Declaration(kind=kind, items=items):
            speller.text(kind, " ")
            speller.separated(items, speller.declared)
        case ast.Output(items=items):
            speller.text("output ")
            speller.separated(items, speller.output_item)
        case ast.Return(value=result):
            speller.text("return ")
            value(result)
        case ast.Drop(targets=targets):
            speller.text("drop ")
            speller.separated(targets, speller.dropped)
        case ast.Entry(foreign=foreign, value=right):
            speller.text(f"{string_text(foreign.value)} = ")
            value(right)
        case ast.Scope(target=target, name=name):
            speller.text("scope ")
            speller.expression(target)
            speller.text(f" = {string_text(name.value)}")
        case ast.Order(kind=kind, value=order):
            speller.text(f"order {kind} = ")
            speller.expression(order)
        case ast.MaskName(foreign=foreign, target=masked):
            speller.text(f"mask {string_text(foreign.value)} = ")
            value(masked)
        case ast.For() | ast.If() | ast.Layout() | ast.Damaged():
            raise ValueError("a statement with a block is not simple")


def import_text(node: ast.Import) -> str:
    """`import LSTM, GRU as G from "cells.rnn"`."""
    path = string_text(node.path.value)
    if node.names is None:
        return f"import {path}"
    names = [item.name if item.alias == item.name else f"{item.name} as {item.alias}" for item in node.names]
    return f"import {', '.join(names)} from {path}"
