"""Products that bring weights along: `linear` and `conv`."""

from __future__ import annotations

from rnnc.ir.program import DType, Type, Value
from rnnc.ir.size import Size
from rnnc.semantics.shapes.lower import Lowering, align, operation, subset
from rnnc.semantics.shapes.nodes import INPUT, Graph, Node, Rule, ShapeError, known
from rnnc.semantics.shapes.rules.axes import find_axis
from rnnc.semantics.shapes.rules.hints import instead
from rnnc.semantics.shapes.shaped import Shape, Shaped, show

LETTERS = "abcdefghijklmnopqrstuvwxyz"

# The hole: the axes that a product brings in; one hole serves all operands and the bias of one `linear`.


def _hole(graph: Graph, node: Node) -> Shape | None:
    return node.shape


def _no_value(lowering: Lowering, node: Node) -> Value:
    """Holes are shapes only; nothing reads the value."""
    return Value(Type())


def _stays(graph: Graph, node: Node) -> Shape | None:
    """Axes of the operands that stay, before those that a product brings in."""
    hole, *operands = node.args
    axes = [axis for x in operands for axis in graph.resolve_all(x.shape or ())]
    found = {label: next((axis for axis in axes if axis.label == label), None) for label in node.attrs["each"]}
    missing = next((label for label, axis in found.items() if axis is None), None)
    if missing is None:
        return tuple(axis for axis in found.values() if axis is not None) + graph.resolve_all(known(hole))
    if any(x.shape is None for x in operands):
        return None
    raise ShapeError("E304", f"no operand has an axis `{missing}`", instead(tuple(axes), missing), about=missing)


def _bias(graph: Graph, node: Node) -> Shape | None:
    """Of the axes that the products bring in: for all places of `each` it is the same."""
    out = graph.resolve_all(known(node.args[0]))
    each = _each(graph, node, out)
    return tuple(a for a in out if a.label not in each)


def _bias_backward(graph: Graph, node: Node) -> bool:
    return node.shape is not None and node.args[0].shape is None and graph.settle(node.args[0], node.shape)


# --- linear: weight [operand axes, out axes]; with `per`, the per axes stand first and are in both; axes of `each`, for
# whose places the weight is the same, stand in the operand and in the result, and not in it ---


def _split_per(graph: Graph, node: Node, operand: Shape) -> tuple[list[int], list[int]]:
    try:
        per = [find_axis(graph, operand, label) for label in node.attrs["per"]]
    except ShapeError as error:
        error.fix = error.fix or "`per` names an axis of every operand; what lacks it is added by a call of its own"
        raise
    return per, [i for i in range(len(operand)) if i not in per]


def _each(graph: Graph, node: Node, out: Shape) -> list[str]:
    """The axes of the result for whose places the weight is the same."""
    try:
        each = [out[find_axis(graph, out, label)].label for label in node.attrs.get("each", ())]
    except ShapeError as error:
        one = f"; or say what each place has: `out = [{', '.join(str(axis.label) for axis in out)}]`" if out else ""
        stays = f"an axis of `each` stays, so what reads the result has it, too{one}"
        raise ShapeError(error.code, error.message, error.fix or stays, about=error.about) from None
    both = [label for label in each if label in node.attrs.get("per", ())]
    if both:
        message = f"`{both[0]}` is among the axes of `per` and of `each`"
        raise ShapeError("E305", message, "`per`: a weight of its own for each place; `each`: the same", about=both[0])
    return each


def fan_in(graph: Graph, node: Node) -> tuple[int, ...]:
    """Which axes of a weight are inputs: those of the operand that are summed, and the kernel's."""
    operand, out = graph.resolve_all(known(node.args[0])), graph.resolve_all(known(node.args[1]))
    per, rest = _split_per(graph, node, operand)
    each = _each(graph, node, out)
    return tuple(range(len(per), len(per) + sum(operand[i].label not in each for i in rest)))


def _per_labels(graph: Graph, node: Node) -> list[str]:
    operand = graph.resolve_all(known(node.args[0]))
    per, _ = _split_per(graph, node, operand)
    return [operand[i].label for i in per]


def _out_rest(graph: Graph, node: Node, out: Shape) -> Shape:
    labels = _per_labels(graph, node)
    return tuple(a for a in out if a.label not in labels)


def _check_per(graph: Graph, node: Node, out: Shape, otherwise: str = "") -> None:
    """Axes of `per` are among those of the result."""
    per = _per_labels(graph, node)
    lost = [label for label in per if label not in {axis.label for axis in out}]
    if lost:
        wanted = ", ".join([*per, *(axis.label for axis in out if axis.label not in per)])
        fix = f"axes that `per` names stay: name them in `out`, too, `out = [{wanted}]`{otherwise}"
        raise ShapeError("E304", f"there is no axis `{lost[0]}` in the result {show(out)}", fix, about=lost[0])


def _weight_shape(graph: Graph, node: Node) -> Shape | None:
    operand = graph.resolve_all(known(node.args[0]))
    out = graph.resolve_all(known(node.args[1]))
    per, rest = _split_per(graph, node, operand)
    each = _each(graph, node, out)
    _check_per(graph, node, out, "; to sum over it, leave `per` out: `linear` has weights for each place anyway")
    new = tuple(a for a in _out_rest(graph, node, out) if a.label not in each)
    inputs = tuple(operand[i] for i in rest if operand[i].label not in each)
    return tuple(operand[i] for i in per) + distinct(inputs, new) + new


def distinct(inputs: Shape, outputs: Shape) -> Shape:
    """Axes of a weight that are inputs, under labels that no output axis has (`units_in`)."""
    labels = {a.label for a in outputs}
    return tuple(Shaped(f"{a.label}{INPUT}", a.size) if a.label in labels else a for a in inputs)


def _product_shape(graph: Graph, node: Node) -> Shape | None:
    return node.args[2].shape


def _product_backward(graph: Graph, node: Node) -> bool:
    return node.shape is not None and node.args[2].shape is None and graph.settle(node.args[2], node.shape)


def _product(lowering: Lowering, node: Node) -> Value:
    """args = operand, weight, hole."""
    graph = lowering.graph
    operand, out = lowering.shape(node.args[0]), lowering.shape(node)
    per, rest = _split_per(graph, node, operand)
    each = _each(graph, node, out)
    kept = [i for i in rest if operand[i].label in each]
    new = tuple(a for a in _out_rest(graph, node, out) if a.label not in each)
    letters = LETTERS[: len(operand)]
    fresh = LETTERS[len(operand) : len(operand) + len(new)]
    weight = "".join(letters[i] for i in per + rest if i not in kept) + fresh
    by_label = {operand[i].label: letters[i] for i in per + kept}
    by_label |= {axis.label: letter for axis, letter in zip(new, fresh, strict=True)}
    if len(by_label) != len(per) + len(kept) + len(new):
        raise ShapeError("E305", f"two axes of the result {show(out)} have one label", "give them labels of their own")
    own = tuple(a for a in out if a.label in by_label)
    result = "".join(by_label[a.label] for a in own)
    value = lowering.op(
        "contract", lowering[node.args[0]], lowering[node.args[1]], a=letters, b=weight, out=result, reduce=""
    )
    if own == out:
        return value
    # An operand without an axis of `each` is the same for all its places.
    return lowering.op("broadcast", align(graph, lowering.builder, value, own, out), axes=lowering.axes(out))


# --- conv: weight [per axes…, kernel…, channels of the operand, channels of the result] ---


def _window(graph: Graph, node: Node) -> tuple[list[int], list[int], list[int]]:
    """Places of the axes that the kernel slides over, of those that have kernels of their own, and of the channels."""
    operand = graph.resolve_all(known(node.args[0]))
    over = [find_axis(graph, operand, label) for label in node.attrs["over"]]
    per, rest = _split_per(graph, node, operand)
    both = [operand[i].label for i in per if i in over]
    if both:
        message = f"the kernel slides over `{both[0]}`, so that has none of its own in each place"
        raise ShapeError("E305", message, "`per` names axes beside those of `over`", about=both[0])
    return over, per, [i for i in rest if i not in over]


def _kernel_shape(graph: Graph, node: Node) -> Shape | None:
    operand, hole = graph.resolve_all(known(node.args[0])), graph.resolve_all(known(node.args[1]))
    _, per, channels = _window(graph, node)
    new = _out_rest(graph, node, hole)
    kernel = tuple(
        Shaped(f"kernel_{n}", Size.of(k)) for n, k in zip(node.attrs["over"], node.attrs["kernel"], strict=True)
    )
    own = tuple(operand[i] for i in per)
    return own + kernel + distinct(tuple(operand[i] for i in channels), new) + new


def _slid(axis: Shaped, kernel: int, stride: int, dilation: int, padding: str) -> Shaped:
    """The axis of the result of sliding over an axis."""
    if padding == "same" and stride == 1:
        return axis
    size = axis.size if padding == "same" else axis.size - dilation * (kernel - 1)
    size = (size + (stride - 1)) // stride
    return Shaped(axis.label if axis.strong else str(size), size, axis.strong)


def _slid_axes(graph: Graph, node: Node) -> Shape:
    operand = graph.resolve_all(known(node.args[0]))
    over = _window(graph, node)[0]
    settings = zip(over, node.attrs["kernel"], node.attrs["stride"], node.attrs["dilation"], strict=True)
    return tuple(_slid(operand[p], k, s, d, node.attrs["padding"]) for p, k, s, d in settings)


def _conv_shape(graph: Graph, node: Node) -> Shape | None:
    over, per, channels = _window(graph, node)
    out = graph.resolve_all(known(node.args[2]))
    _check_per(graph, node, out)
    if 2 * len(over) + len(per) + len(channels) + len(out) > len(LETTERS):
        raise ShapeError("E314", f"a convolution over {len(over)} axes at once is not possible", "convolve over fewer")
    return _in_order(graph, _slid_axes(graph, node) + out, node)[0]


def _in_order(graph: Graph, shape: Shape, node: Node) -> tuple[Shape, list[int]]:
    """The axes of a convolution, places before channels, as its reader has them where it knows them already, in another
    order maybe; and where each stands in `shape`."""
    own = list(range(len(shape)))
    if node.shape is None or len(node.shape) != len(shape) or graph.equal(shape, node.shape):
        return shape, own
    places = subset(graph, graph.resolve_all(node.shape), shape) or own
    return tuple(shape[p] for p in places), places


def _conv_backward(graph: Graph, node: Node) -> bool:
    """The channels of a known result are its axes that the kernel does not slide over."""
    if node.shape is None or node.args[2].shape is not None or node.args[0].shape is None:
        return False
    slid = _slid_axes(graph, node)
    result = graph.resolve_all(node.shape)
    channels = list(result)
    for axis in slid:
        # An axis that changed its size has no name of its own, but in the result it may.
        same = [a for a in channels if a.label == axis.label] or [
            a for a in channels if a.size == axis.size and not (a.strong and axis.strong)
        ]
        if not same:
            raise ShapeError("E304", f"a convolution over {show(slid)} cannot give {show(result)}")
        channels.remove(same[0])
    return graph.settle(node.args[2], tuple(channels))


def _conv_guess(graph: Graph, node: Node) -> bool:
    """Where every channel has a kernel of its own, these are the channels of the result."""
    if node.args[0].shape is None:
        return False
    _, per, channels = _window(graph, node)
    if not per or channels:
        return False
    operand = graph.resolve_all(known(node.args[0]))
    return graph.settle(node.args[2], tuple(operand[i] for i in per))


def _convolve(lowering: Lowering, node: Node) -> Value:
    """Patches of the operand times the kernel. args = operand, weight, hole."""
    operand = lowering.shape(node.args[0])
    over, per, channels = _window(lowering.graph, node)
    new = _out_rest(lowering.graph, node, lowering.shape(node.args[2]))
    value = lowering[node.args[0]]
    if value.type.dtype is DType.INT:
        value = lowering.op("cast", value, dtype="float")
    if over + per + channels != list(range(len(operand))):
        value = lowering.op("transpose", value, perm=tuple(over + per + channels))
    patches = lowering.op(
        "patches",
        value,
        spatial=len(over),
        kernel=tuple(node.attrs["kernel"]),
        stride=tuple(node.attrs["stride"]),
        dilation=tuple(node.attrs["dilation"]),
        padding=node.attrs["padding"],
    )
    n, p, end = len(over), len(per), 2 * len(over) + len(per) + len(channels)
    letters, fresh = LETTERS[:end], LETTERS[end : end + len(new)]
    places, kernel, own, summed = letters[:n], letters[n : 2 * n], letters[2 * n : 2 * n + p], letters[2 * n + p :]
    by_label = {operand[i].label: x for i, x in zip(per, own, strict=True)}
    by_label |= {axis.label: x for axis, x in zip(new, fresh, strict=True)}
    hole = lowering.shape(node.args[2])
    result = places + (fresh if not per else "".join(by_label[axis.label] for axis in hole))
    _, order = _in_order(lowering.graph, _slid_axes(lowering.graph, node) + hole, node)
    weight, result = own + kernel + summed + fresh, "".join(result[p] for p in order)
    return lowering.op("contract", patches, lowering[node.args[1]], a=letters, b=weight, out=result, reduce="")


def _given(lowering: Lowering, node: Node) -> Value:
    raise AssertionError(f"weight {node.name} was not given to the lowering")


operation("hole", Rule(_hole, waits=False), _no_value)
operation("stays", Rule(_stays, waits=False), _no_value)
operation("bias", Rule(_bias, _bias_backward, takes="own"), _given)
operation("channel_bias", Rule(_bias, takes="skips"), _given)
operation("weight", Rule(_weight_shape), _given)
operation("product", Rule(_product_shape, _product_backward, takes="own", waits=False), _product)
operation("kernel", Rule(_kernel_shape), _given)
operation("convolve", Rule(_conv_shape, _conv_backward, _conv_guess, takes="own"), _convolve)
