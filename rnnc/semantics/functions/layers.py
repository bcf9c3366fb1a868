"""Layers of networks as the text makes them: directions and stacks of cells; and picks of one step."""

from __future__ import annotations

from rnnc.diagnostics import Span
from rnnc.ir.program import Value as IrValue
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.functions.builtins import builtin
from rnnc.semantics.functions.over_time import temporal
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import CellValue, Instance, LayerValue, Num, Value, describe
from rnnc.semantics.shapes.lower import Lowering, operation
from rnnc.semantics.shapes.nodes import Graph, Node, Rule
from rnnc.semantics.shapes.shaped import Shape

MERGES = ("concat", "sum", "mean", "product", "none")


# --- making layers ---


def _layer(a: Arguments, value: Value, span: Span) -> CellValue | LayerValue | Instance:
    if isinstance(value, CellValue | LayerValue | Instance):
        return value
    raise Problem("E239", f"`{a.name}` wants cells, not {describe(value)}", span, fix=f"{a.name}(LSTM(units))")


@builtin("bidirectional")
def _bidirectional(a: Arguments) -> Value:
    """bidirectional(cell) or bidirectional(forward = …, backward = …); merge = concat | sum | mean | product | none."""
    a.count(0, 2)
    a.allow("forward", "backward", "merge")
    given = [_layer(a, a.value(i), a.operands[i].span) for i in range(len(a.operands))]
    named = [n for n in ("forward", "backward") if a.has(n)]
    given += [_layer(a, a.option(n), a.options[n].value.span) for n in named]
    if not given or len(given) > 2:
        raise Problem("E223", "`bidirectional` wants one cell for both directions, or one for each", a.span)
    merge = a.word("merge", MERGES, "concat")
    return LayerValue("bidirectional", (("forward", given[0]), ("backward", given[-1])), (("merge", merge),))


@builtin("forward", "backward")
def _directed(a: Arguments) -> Value:
    """backward(cell): runs from the last step of each row to its first."""
    a.count(1)
    a.allow()
    return LayerValue(a.name, (("", _layer(a, a.value(0), a.operands[0].span)),))


@builtin("stack")
def _stack(a: Arguments) -> Value:
    """stack(cell, n), stack([a, b, …]) or stack(LSTM(n) for n in sizes); residual = true, dropout = rate."""
    a.allow("residual", "dropout", "mask")
    layers: list[Value] = []
    for i, operand in enumerate(a.operands):
        value = a.value(i)
        if isinstance(value, tuple):
            layers.extend(_layer(a, v, operand.span) for v in value)
        elif isinstance(value, Num) and i == 1 and len(layers) == 1:
            n = a.evaluate.integer(operand.expression, operand.context)
            if not 1 <= n <= 1000:
                raise Problem("E226", f"a stack has 1 to 1000 layers, not {n}", operand.span)
            layers = layers * n
        else:
            layers.append(_layer(a, value, operand.span))
    if not layers:
        raise Problem("E223", "a stack of nothing", a.span, fix="stack(LSTM(units), 2)")
    options: list[tuple[str, Value]] = [
        ("residual", a.flag("residual", False)),
        ("mask", a.word("mask", ("step", "sequence"), "step")),
    ]
    rate = a.number("dropout")
    if rate is not None:
        if not 0 <= rate < 1:
            raise Problem(
                "E228", f"a dropout rate is at least 0 and below 1, not {rate}", a.options["dropout"].value.span
            )
        options.append(("dropout", Num(rate)))
    return LayerValue("stack", tuple((f"[{k}]", layer) for k, layer in enumerate(layers)), tuple(options))


# --- picks of steps ---


@builtin("last", "reverse", "at")
def _temporal(a: Arguments) -> Value:
    """last(y): the last valid step of each row; at(y, -1): one step for all rows; reverse(y): within each length."""
    if a.context.frame.body.kind != "network":
        fix = "a cell sees one step: what came before is kept in a state, and a network turns or picks what cells give"
        raise Problem("E404", f"`{a.name}` picks from a sequence: it belongs in a network", a.span, fix=fix)
    a.allow("index")
    attrs: dict[str, object] = {}
    if a.name == "at":
        a.count(2)
        attrs["index"] = a.evaluate.integer(a.operands[1].expression, a.operands[1].context)
    else:
        a.count(1)
    given = a.operands[0].span
    if a.name == "reverse" and isinstance(a.value(0), CellValue | LayerValue):
        fix = f"`backward({given.text})` runs from the end of each row"
        raise Problem("E213", "`reverse` turns a sequence around, no cell", given, fix=fix)
    return temporal(a, attrs)


def _same(graph: Graph, node: Node) -> Shape | None:
    return node.args[0].shape


def _lower_temporal(lowering: Lowering, node: Node) -> IrValue:
    return lowering.level.temporal(lowering, node)


operation("temporal", Rule(_same), _lower_temporal)
operation("apply", Rule(lambda graph, node: node.shape), lambda lowering, node: lowering.level.apply(lowering, node))
operation("pick", Rule(lambda graph, node: node.shape), lambda lowering, node: lowering.level.picked(node))
