"""Functions that go along one axis of an array, and give parts of it, or turn it around: `y.chunk(2, -1)`,
`x.flip(1)`, `F.max_pool1d(y, y.size(2))`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from rnnc.diagnostics import Span
from rnnc.importing.equations import Built, Equations
from rnnc.importing.pieces import padding
from rnnc.importing.pieces.axes import FEATURES, ONE, STEPS, axes_of, letter_of, with_axes
from rnnc.importing.pieces.built import part_of_features, wrapped
from rnnc.importing.pieces.widths import number_of
from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import (
    Applied,
    Computed,
    Given,
    Made,
    Reference,
    Size,
    Tensor,
    Value,
    describe,
    problem,
)
from rnnc.importing.texts.asked import Asked
from rnnc.importing.texts.sizes import numbers, size_of

FOLDED = {"max_pool1d": "max", "avg_pool1d": "mean", "adaptive_max_pool1d": "max", "adaptive_avg_pool1d": "mean"}
DIVIDES = ("chunk", "split")
FLIPS = ("flip", "reverse")
SYNONYMS = {
    "axis": "dim", "split_size_or_sections": "sizes", "split_size": "sizes", "num_or_size_splits": "sizes",
    "chunks": "sizes", "indices_or_sections": "sizes", "output_size": "kernel_size",
}  # fmt: skip
CUTS = frozenset(("ops", "keras", "np", "numpy", "jnp"))  # whose `split` is told where parts end
BY_ITSELF = "a layer goes over the steps by itself: LSTM in the place of LSTMCell; a cell of your own is a `cell`"
BY_HAND = "write what it computes by hand, behind the layers"


def along(ev: Evaluates, asked: Asked) -> Value:
    """What such a function gives. E606: it is told something that is not read."""
    if asked.name in FLIPS:
        return _flipped(ev, asked)
    return _pooled(ev, asked) if asked.name in FOLDED else _divided(ev, asked)


def _given(asked: Asked, *parameters: str) -> dict[str, ast.expr]:
    """The arguments by the names of their parameters. E606: others."""
    found = dict(zip(parameters, asked.rest, strict=False))
    found |= {SYNONYMS.get(key, key): value for key, value in asked.named.items() if key != "name"}
    if len(asked.rest) > len(parameters) or not found.keys() <= {*parameters}:
        raise problem("E606", f"an argument of `{asked.name}` is not read here", asked.span, fix=BY_HAND)
    return found


def _flipped(ev: Evaluates, asked: Asked) -> Tensor:
    """The steps from the last to the first."""
    nodes = [*asked.rest, *(value for key, value in asked.named.items() if key in ("dims", "axis", "dim"))]
    known = numbers(ev, nodes, asked.names)

    def build(network: Equations, built: Sequence[Built]) -> Built:
        one, axis = built[0], known[0] if len(known) == 1 else None
        if not isinstance(axis, int) or letter_of(one, axis) != STEPS:
            raise problem(
                "E606", f"`{asked.name}` turns the steps around here", asked.span, fix=f"{asked.name}(y, [1])"
            )
        if one.padding:
            raise problem("E606", f"`{asked.name}` of rows that have lengths is not read", asked.span, fix=BY_HAND)
        return wrapped(network, one, "reverse({})")

    return Computed((asked.tensor,), build, alike=asked.tensor)


def _pooled(ev: Evaluates, asked: Asked) -> Tensor:
    """One value of all steps, which come last, in an axis of size 1."""
    node = _given(asked, "kernel_size").get("kernel_size")
    size = next(iter(numbers(ev, [node], asked.names)), None) if node is not None else None
    tensors = (size.tensor,) if isinstance(size, Size) else ()
    is_all = asked.name.startswith("adaptive") and size == 1

    def build(network: Equations, built: Sequence[Built]) -> Built:
        one = built[0]
        counts = is_all or (isinstance(size, Size) and size_of(one, size, built[-1]) == STEPS)
        if not counts or letter_of(one, -1) != STEPS:
            what = f"`{asked.name}` over some of the steps, or over something else, is not read"
            raise problem("E606", what, asked.span, fix="y.max(dim=1) goes over all steps")
        padding.over_steps(one, asked.name, asked.span)
        text = network.equation("p", f"{FOLDED[asked.name]}({one.text}, time)")
        return replace(with_axes(one, axes_of(one)[:-1] + ONE), text=text, padding="", steps_first=None)

    return Computed((asked.tensor, *tensors), build)


def _divided(ev: Evaluates, asked: Asked) -> list[Given]:
    """Some features after the others."""
    given = _given(asked, "sizes", "dim")
    sizes = numbers(ev, [given["sizes"]], asked.names) if "sizes" in given else []
    axis = next(iter(numbers(ev, [given["dim"]], asked.names)), None) if "dim" in given else 0
    counts = [each for each in sizes if isinstance(each, int)]
    if len(counts) < len(sizes) or not counts or min(counts) < 1 or not isinstance(axis, int):
        raise problem("E606", f"the numbers of `{asked.name}` are not known", asked.span, fix=BY_HAND)
    is_list = isinstance(ev.if_known(given["sizes"], asked.names).value, list)
    wide = width_of(asked.tensor)
    pieces = counts
    if not is_list and (asked.name == "chunk" or not asked.is_torch):
        return [_piece(asked, axis, k, counts[0]) for k in range(counts[0])]
    if not is_list:
        made = asked.tensor.layer.value if isinstance(asked.tensor, Applied) else None
        if isinstance(made, Made) and made.constructor.signature is None:
            raise problem("E606", f"{describe(made)} is not read, nor what it gives", made.span, fix=BY_HAND)
        if wide is None:
            what = f"how many parts `{asked.name}` gives is not known"
            raise problem("E606", what, asked.span, fix=BY_ITSELF if axis == 1 else "y.chunk(2, dim=-1)")
        pieces = [min(counts[0], wide - k) for k in range(0, wide, counts[0])]
    elif _is_cut(ev, asked):
        return [_cut(asked, axis, counts, k) for k in range(len(counts) + 1)]
    ends = [*accumulate(pieces)]
    return [_part(asked, axis, end - size, end, ends[-1]) for size, end in zip(pieces, ends, strict=True)]


def _is_cut(ev: Evaluates, asked: Asked) -> bool:
    """Whether a list says where parts end, as in NumPy and Keras; PyTorch and TensorFlow are told how wide they are."""
    function = ev.if_known(asked.node.func, asked.names).value if isinstance(asked.node, ast.Call) else None
    return isinstance(function, Reference) and not CUTS.isdisjoint(function.path.split(".")[:-1])


def _part(asked: Asked, axis: int, start: int, end: int, whole: int) -> Given:
    """One of several pieces, which together are as wide as what is divided."""
    take = part_of_features(start, end)

    def build(network: Equations, built: Sequence[Built]) -> Built:
        _check(built[0], axis, asked.span)
        if number_of(built[0].width) not in (whole, None):
            what = f"the parts of `{asked.name}` have {whole} features together, and what is divided {built[0].width}"
            raise problem("E606", what, asked.span, fix="as many in all parts as are divided")
        return take(network, built)

    return Given(Computed((asked.tensor,), build, asked.tensor), asked.span)


def _cut(asked: Asked, axis: int, points: Sequence[int], k: int) -> Given:
    """One of several pieces that end at such places, the last one with the array."""

    def build(network: Equations, built: Sequence[Built]) -> Built:
        _check(built[0], axis, asked.span)
        wide = number_of(built[0].width)
        if wide is None:
            what = f"how wide what `{asked.name}` divides is is not known"
            raise problem("E606", what, asked.span, fix="a slice: `y[..., :4]`")
        ends = [0, *points, wide]
        if any(a >= b for a, b in pairwise(ends)):
            shown = ", ".join(map(str, points))
            what = f"`{asked.name}` of {wide} features at {shown}, which leaves parts without any, is not read"
            raise problem("E606", what, asked.span, fix="a slice: `y[..., :4]`")
        return part_of_features(ends[k], ends[k + 1])(network, built)

    return Given(Computed((asked.tensor,), build, asked.tensor), asked.span)


def _piece(asked: Asked, axis: int, k: int, count: int) -> Given:
    """One of several pieces that are of one size."""

    def build(network: Equations, built: Sequence[Built]) -> Built:
        _check(built[0], axis, asked.span)
        wide = number_of(built[0].width)
        if wide is None or wide % count:
            what = f"how wide the parts of `{asked.name}` are is not known, or they are not of one size"
            raise problem("E606", what, asked.span, fix="a slice: `y[..., :4]`")
        return part_of_features(k * wide // count, (k + 1) * wide // count)(network, built)

    return Given(Computed((asked.tensor,), build, asked.tensor), asked.span)


def _check(one: Built, axis: int, span: Span) -> None:
    if letter_of(one, axis) != FEATURES or not axes_of(one).endswith(FEATURES):
        raise problem("E606", "what is divided here are not the features", span, fix="dim=-1")


def width_of(tensor: Tensor) -> int | None:
    """How many features an array has, where layers of PyTorch say so."""
    match tensor:
        case Computed(alike=Tensor() as inner):
            return width_of(inner)
        case Applied(layer=Given(value=Made() as made), inputs=inputs) if made.constructor.library == "torch":
            numbers = {name: given.value for name, given in made.arguments.items()}
            one = numbers.get("proj_size") or numbers.get("hidden_size", numbers.get("out_features"))
            if one is None and made.constructor.name in ("Dropout", "LayerNorm", "Identity", "ReLU", "Tanh") and inputs:
                return width_of(inputs[0])
            return one * (2 if numbers.get("bidirectional") is True else 1) if isinstance(one, int) else None
        case _:
            return None
