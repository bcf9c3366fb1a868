"""What kernels want said otherwise: a softmax is exponentials over their sum, an outer product is a multiplication, and
windows stand before products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from rnnc.ir.operations import Builder
from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.operations.contraction import sums_nothing
from rnnc.ir.operations.convolution import Window
from rnnc.ir.program import Axis, Loop, Node, Op, Program, Value, reads
from rnnc.ir.size import Size

ONE = Size.of(1)


def lower(program: Program) -> Program:
    """The program in operations of which each is one map, one reduction or one product."""
    return replace(program, nodes=tuple(_nodes(program.nodes, [port.value for port in program.outputs])))


def _nodes(nodes: tuple[Node, ...], results: Iterable[Value]) -> list[Node]:
    found: list[Node] = []
    spread = _spreads(nodes, results)
    made = _made(nodes)
    for node in nodes:
        if isinstance(node, Loop):
            node = _windows_inside(node, made)
            inner = [*(carry.next for carry in node.carries), *(value for value, _ in node.ys)]
            found.append(replace(node, body=tuple(_nodes(node.body, inner))))
        elif node.outs[0] in spread:
            found += spread[node.outs[0]]
        elif node.name == "softmax":
            found += _softmax(node)
        elif node.name == "contract" and sums_nothing(node):
            found += _outer(node)
        else:
            found.append(node)
    return found


def _made(nodes: Iterable[Node]) -> dict[Value, Op]:
    """Operations by what they make."""
    return {node.out: node for node in nodes if isinstance(node, Op) and len(node.outs) == 1}


def _windows_inside(loop: Loop, made: dict[Value, Op]) -> Loop:
    """A loop that reads an image in every step, where it read windows that were made of all images before."""
    xs: list[tuple[Value, Value]] = []
    body: list[Node] = []
    for seq, param in loop.xs:
        op = made.get(seq)
        if op is None or op.name != "patches":
            xs.append((seq, param))
            continue
        image = Value(op.args[0].type.with_(time=param.type.time), op.args[0].name)
        xs.append((op.args[0], image))
        body.append(replace(op, args=(image,), outs=(param,)))
    return replace(loop, xs=tuple(xs), body=(*body, *loop.body)) if body else loop


def _spreads(nodes: tuple[Node, ...], results: Iterable[Value]) -> dict[Value, list[Op]]:
    """What the sums of windows become, and the products that nothing else reads: nothing."""
    uses = Counter([*(v for node in nodes for v in reads(node)), *results])
    made = _made(nodes)
    found: dict[Value, list[Op]] = {}
    for op in made.values():
        product = made.get(op.args[0]) if op.name == "unpatches" and uses[op.args[0]] == 1 else None
        if product is not None and product.name == "contract":
            instead = _spread(op, product)
            found |= {op.out: instead, product.out: []} if instead else {}
    return found


def _spread(op: Op, product: Op) -> list[Op]:
    """The sum of all windows of a product that lay over an element, as one product with what is spread of its operand:
    an element of an image meets, for each offset of the kernel, one place or none. Nothing where operands are mixed
    otherwise.
    """
    attrs, spatial = Attrs(product), Window.of(op).spatial
    out = attrs.text("out")
    places, kernel = out[:spatial], out[spatial : 2 * spatial]
    for operand, other, key, other_key in ((*product.args, "a", "b"), (*product.args[::-1], "b", "a")):
        letters = attrs.text(key)
        if not letters.startswith(places) or not set(kernel).isdisjoint(letters):
            continue
        if not set(places).isdisjoint(attrs.text(other_key)) or not set(kernel) <= set(attrs.text(other_key)):
            continue
        axes = (*op.out.type.axes[:spatial], *(Axis("", Size.of(k)) for k in Window.of(op).kernel))
        spread = Value(operand.type.with_(axes=(*axes, *operand.type.axes[spatial:])))
        window = tuple((name, value) for name, value in op.attrs if name != "axes")
        new = {key: places + kernel + letters[spatial:], "out": places + out[2 * spatial :]}
        args = (spread, other) if key == "a" else (other, spread)
        changed = tuple((name, new.get(name, value)) for name, value in product.attrs)
        return [
            Op("cuda.spread", (operand,), (spread,), window, op.spans),
            Op("contract", args, op.outs, changed, product.spans),
        ]
    return []


def _softmax(op: Op) -> list[Node]:
    """Shifted by the largest operand, so that no exponential overflows."""
    b = Builder(op.spans)
    (x,) = op.args
    axes = (Attrs(op).integer("axis"),)
    powers = b.op("exp", b.op("sub", x, b.op("reduce_max", x, axes=axes, keep=True)))
    total = b.op("reduce_sum", powers, axes=axes, keep=True)
    return [*b.nodes, Op("div", (powers, total), op.outs, (), op.spans)]


def _outer(op: Op) -> list[Node]:
    """A contraction that sums nothing, as a map: a reduction would be made in memory, for all to wait for."""
    b = Builder(op.spans)
    attrs, out = Attrs(op), Attrs(op).text("out")
    factors: list[Value] = []
    for arg, key in zip(op.args, ("a", "b"), strict=True):
        letters = attrs.text(key)
        own = [letter for letter in out if letter in letters]
        if own != list(letters):
            arg = b.op("transpose", arg, perm=tuple(letters.index(letter) for letter in own))
        if len(own) < len(out):
            axes = tuple(a if x in letters else Axis(a.label, ONE) for x, a in zip(out, op.out.type.axes, strict=True))
            arg = b.op("reshape", arg, axes=axes)
        factors.append(arg)
    return [*b.nodes, Op("mul", tuple(factors), op.outs, (), op.spans)]
