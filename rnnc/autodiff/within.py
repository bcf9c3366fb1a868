"""The derivative of one number by a value that it is made of, as more operations of the same block: what a cell itself
asks for (an inner step of gradient descent, the force of an energy)."""

from __future__ import annotations

from rnnc.autodiff.activity import influencing, varied
from rnnc.autodiff.reverse import Cotangents, Reverse
from rnnc.ir.operations import Builder
from rnnc.ir.program import Loop, Value


def slope(builder: Builder, number: Value, at: Value) -> Value | None:
    """Append the derivative of `number` (no axes) by `at` to the builder's nodes: of the type of `at`.

    None where the number does not depend on it differentiably. Raises ValueError where a loop stands between the two.
    """
    nodes = tuple(builder.nodes)
    changing = varied(nodes, [at])
    if number not in changing:
        return None
    alive = influencing(nodes, [number], changing)
    between = [node for node in nodes if not alive.isdisjoint(node.outs)]
    if any(isinstance(node, Loop) for node in between):
        raise ValueError("a loop stands between the two")
    cotangents = Cotangents(builder)
    cotangents.add(number, builder.op("add", builder.op("zeros_like", number), builder.const(1.0)))
    Reverse(changing, states_only=False, free=set()).block(between, cotangents, builder)
    return cotangents.get(at)
