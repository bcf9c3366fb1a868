"""What kernels want said otherwise: a softmax is exponentials over their sum."""

from __future__ import annotations

from dataclasses import replace

from rnnc.ir.builder import Builder
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Loop, Node, Op, Program


def lower(program: Program) -> Program:
    """The program in operations of which each is one map, one reduction or one product."""
    return replace(program, nodes=tuple(_nodes(program.nodes)))


def _nodes(nodes: tuple[Node, ...]) -> list[Node]:
    found: list[Node] = []
    for node in nodes:
        if isinstance(node, Loop):
            found.append(replace(node, body=tuple(_nodes(node.body))))
        elif node.name == "softmax":
            found += _softmax(node)
        else:
            found.append(node)
    return found


def _softmax(op: Op) -> list[Node]:
    """Shifted by the largest operand, so that no exponential overflows."""
    b = Builder(op.spans)
    (x,) = op.args
    axes = (Attrs(op).integer("axis"),)
    powers = b.op("exp", b.op("sub", x, b.op("reduce_max", x, axes=axes, keep=True)))
    total = b.op("reduce_sum", powers, axes=axes, keep=True)
    return [*b.nodes, Op("div", (powers, total), op.outs, (), op.spans)]
