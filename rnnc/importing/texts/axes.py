"""Functions and methods of tensors that are no formulas: one value of all steps, other axes, other types, dropout. What
they are given is read whole: an argument that says something else than what is read is an error at its place."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from rnnc.diagnostics import Span
from rnnc.importing.equations import Built, Equations
from rnnc.importing.pieces import padding
from rnnc.importing.pieces.axes import (
    FEATURES,
    MERGED,
    ONE,
    PLAIN,
    STEPS,
    axes_of,
    axis_of,
    letter_of,
    with_axes,
    without_features,
)
from rnnc.importing.pieces.built import softmax, wrapped
from rnnc.importing.pieces.widths import number_of
from rnnc.importing.python.values import Computed, Given, Reference, Size, Value, problem
from rnnc.importing.texts.along import DIVIDES, FLIPS, FOLDED, along
from rnnc.importing.texts.arrays import OPAQUE, casts
from rnnc.importing.texts.asked import Asked
from rnnc.importing.texts.reads import Reads
from rnnc.importing.texts.sizes import AXES, numbers, size_of

SAME = ("contiguous", "identity", "convert_to_tensor", "requires_grad_", "retain_grad")
CASTS = ("to", "type", "cast", "float", "double", "cuda", "cpu", "astype", "type_as")
OVER = {
    "mean": "mean", "sum": "sum", "max": "max", "min": "min", "amax": "max", "amin": "min", "reduce_mean": "mean",
    "reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min",
}  # fmt: skip
WITH_PLACES = ("max", "min")  # of these PyTorch also tells where they are
TURNS = ("transpose", "permute", "swapaxes", "swapdims")
FLAT = ("view", "reshape", "flatten")
ONES = ("squeeze", "unsqueeze", "expand_dims")
DROPOUTS = ("dropout",)
PACKS = ("pack_padded_sequence", "pad_packed_sequence")
SPECIAL = frozenset((*SAME, *CASTS, *OVER, *TURNS, *FLAT, *ONES, *DROPOUTS, *PACKS, "clone", "detach", "softmax",
                     "stop_gradient", *FOLDED, *DIVIDES, *FLIPS))  # fmt: skip
ALIKE = (*TURNS, *DROPOUTS, *PACKS, "clone", "detach", "stop_gradient")  # what they give has as many features
# Keywords that change nothing of what is computed, and those whose values are read.
PLAIN_KEYWORDS = frozenset(("name", "non_blocking", "copy", "memory_format", "enforce_sorted", "total_length"))


class Axes:
    """Reads such calls of one text."""

    def __init__(self, evaluator: Reads) -> None:
        self._ev = evaluator

    def called(self, asked: Asked) -> Value:
        """What the call gives. E606: an argument of it is not read."""
        name, tensor = asked.name, asked.tensor
        if name not in CASTS and (kind := asked.named.get("dtype")) is not None:
            casts(self._ev, name, tensor, [kind], asked.names, asked.span)
            asked = replace(asked, named={key: value for key, value in asked.named.items() if key != "dtype"})
        if name in CASTS:
            self._check(asked, ("dtype", "device", "tensor", "other"))
            return casts(self._ev, name, tensor, [*asked.rest, *asked.named.values()], asked.names, asked.span)
        if name == "pack_padded_sequence":
            return self._packed(asked)
        if name == "pad_packed_sequence":
            return self._padded(asked)
        if name in SAME:
            self._check(asked)
            return tensor
        if name == "clone":
            self._check(asked)
            return Computed((tensor,), lambda network, built: built[0])
        if name in OVER:
            return self._over(asked)
        if name == "softmax":
            return self._softmax(asked)
        if name in TURNS:
            return self._turned(asked)
        if name in DROPOUTS:
            return self._dropped(asked)
        if name in ("detach", "stop_gradient"):
            self._check(asked)
            return Computed((tensor,), lambda n, built: wrapped(n, built[0], "stop_gradient({})"), tensor)
        if name in (*FOLDED, *FLIPS, *DIVIDES):
            return along(self._ev, asked)
        return self._ones(asked) if name in ONES else self._flat(asked)

    def _check(self, asked: Asked, known: Sequence[str] = ()) -> None:
        """E606: a keyword that nobody reads."""
        for key, value in asked.named.items():
            if key not in known and key not in PLAIN_KEYWORDS:
                what = f"`{key}` of `{asked.name}` is not read here"
                raise problem(
                    "E606", what, self._ev.span(value), fix="write what it computes by hand, behind the layers"
                )

    def _numbers(self, asked: Asked, nodes: Sequence[ast.expr]) -> list[Size | int | None]:
        return numbers(self._ev, nodes, asked.names)

    def _axes(self, asked: Asked, count: int | None = None) -> list[int]:
        """The axes that a call names, by their numbers. E606: what is not known, or another number of them."""
        self._check(asked, (*AXES, "keepdim", "keepdims"))
        named = [value for key, value in asked.named.items() if key in AXES]
        found = self._numbers(asked, [*asked.rest[: None if count is None else count], *named])
        known = [each for each in found if isinstance(each, int)]
        if len(known) < len(found) or (count is not None and len(known) != count):
            what = f"the axes of `{asked.name}` are no numbers that are known"
            raise problem("E606", what, asked.span, fix="write one axis as a number: `dim=1`")
        return known

    def _truth(self, asked: Asked, value: ast.expr | None) -> bool:
        found = self._ev.given(value, asked.names).value if value is not None else False
        if not isinstance(found, bool):
            raise problem("E606", f"this argument of `{asked.name}` is not known", asked.span, fix="True or False")
        return found

    # --- one value of several ---

    def _over(self, asked: Asked) -> Value:
        """One value of all steps. A maximum of two arrays is a formula."""
        if not asked.rest and not any(key in asked.named for key in AXES):
            what = f"`{asked.name}` of everything, rows of the batch too, is not read"
            raise problem("E606", what, asked.span, fix="say over which axis: `dim=1`")
        keep = next((value for key, value in asked.named.items() if key in ("keepdim", "keepdims")), None)
        keeps = self._truth(asked, keep if keep is not None else asked.rest[1] if len(asked.rest) > 1 else None)
        (number,) = self._axes(replace(asked, rest=asked.rest[:1]), 1)
        fold = OVER[asked.name]

        def build(network: Equations, built: Sequence[Built]) -> Built:
            one, place = built[0], axis_of(built[0], number)
            axes, letter = axes_of(one), letter_of(one, number)
            left = axes[: place or 0] + (ONE if keeps else "") + axes[(place or 0) + 1 :]
            if place is not None and letter == ONE:
                return with_axes(one, left)
            if letter != STEPS or not one.is_sequence:
                kind = "steps" if one.is_sequence else "one step"
                what = f"`{asked.name}` over the axis {number} of {kind} is not read"
                raise problem("E606", what, asked.span, fix="write what it computes by hand, behind the layers")
            padding.over_steps(one, asked.name, asked.span)
            text = network.equation("p", f"{fold}({one.text}, time)")
            return replace(with_axes(one, left), text=text, padding="", steps_first=None)

        found = Computed((asked.tensor,), build)
        if asked.name in WITH_PLACES and asked.is_torch:
            return [Given(found, asked.span), Given(Reference(OPAQUE), asked.span)]
        return found

    def _softmax(self, asked: Asked) -> Value:
        """Over the features, or over the steps, as attention has it."""
        given = bool(asked.rest) or any(key in asked.named for key in ("dim", "axis"))
        if asked.is_torch and not given:
            what = "without an axis PyTorch's softmax goes over whichever it finds first"
            raise problem("E606", what, asked.span, fix="softmax(y, dim=-1)")
        axis = self._axes(asked, 1)[0] if given else -1

        def build(network: Equations, built: Sequence[Built]) -> Built:
            text = network.equation("w", softmax(built[0], axis, asked.span))
            return replace(built[0], text=text, padding=padding.NUMBERS if built[0].padding else "")

        return Computed((asked.tensor,), build)

    # --- other axes ---

    def _turned(self, asked: Asked) -> Value:
        """Axes change places; two of them, where the library is told two."""
        order = self._axes(asked)
        swaps = asked.name in ("swapaxes", "swapdims") or (asked.name == "transpose" and len(order) == 2)
        if not order:
            raise problem("E606", "read are transposes that tell the axes", asked.span, fix="transpose(0, 1)")

        def build(network: Equations, built: Sequence[Built]) -> Built:
            one = built[0]
            axes = axes_of(one)
            places = [axis_of(one, each) for each in order]
            known = [each for each in places if each is not None]
            wanted = [*range(len(axes))]
            if swaps and len(known) == 2:  # `y.transpose(0, 1)`
                a, b = known
                wanted[a], wanted[b] = b, a
                known = wanted
            if sorted(known) != [*range(len(axes))]:
                what = (
                    "what is turned here has no steps" if not one.is_sequence else "these are not the axes of the array"
                )
                raise problem("E606", what, asked.span)
            if axes in PLAIN and one.is_sequence and known == [1, 0, 2]:
                return replace(one, steps_first=None if one.steps_first is None else not one.steps_first)
            return with_axes(one, "".join(axes[k] for k in known))

        return Computed((asked.tensor,), build, asked.tensor)

    def _ones(self, asked: Asked) -> Value:
        """`y.squeeze(-1)`, `h.unsqueeze(0)`: an axis of size 1, which is taken away or put in."""
        if not (asked.rest or asked.named):
            return Computed((asked.tensor,), lambda _, built: _without_ones(built[0], asked.span), asked.tensor)
        (number,) = self._axes(asked, 1)

        def build(network: Equations, built: Sequence[Built]) -> Built:
            one = built[0]
            axes = axes_of(one)
            if asked.name != "squeeze":
                place = number % (len(axes) + 1)
                return with_axes(one, axes[:place] + ONE + axes[place:])
            place, letter = axis_of(one, number), letter_of(one, number)
            if letter == FEATURES and number_of(one.width) is not None:
                return without_features(one) if one.width == "1" else one
            if letter != ONE or place is None:
                what = f"whether `squeeze({number})` takes an axis away depends on sizes that a description has not"
                raise problem("E606", what, asked.span, fix="name an axis of size 1, or leave it out")
            return with_axes(one, axes[:place] + axes[place + 1 :])

        return Computed((asked.tensor,), build, asked.tensor)

    def _flat(self, asked: Asked) -> Value:
        """`y.view(-1, 4)`, `y.reshape(b, t, -1)`, `h.flatten(1)`: other axes, the same numbers of each step."""
        self._check(asked, AXES)
        sizes = self._numbers(asked, [*asked.rest, *(value for key, value in asked.named.items() if key in AXES)])
        of = [each.tensor for each in sizes if isinstance(each, Size)]

        def build(network: Equations, built: Sequence[Built]) -> Built:
            one, others = built[0], iter(built[1:])
            letters = [size_of(one, each, next(others) if isinstance(each, Size) else None) for each in sizes]
            found = _flattened(one, sizes) if asked.name == "flatten" else _viewed(one, letters)
            if found is None:
                what = f"`{asked.name}` puts steps together, and a description does not know how many there are"
                if not one.is_sequence:
                    what = f"`{asked.name}` makes other axes of these"
                raise problem(
                    "E606", what, asked.span, fix="read are the last step, a mean over all, or every step alone"
                )
            return found

        return Computed((asked.tensor, *of), build, asked.tensor)

    # --- what is done to every number ---

    def _dropped(self, asked: Asked) -> Value:
        self._check(asked, ("p", "rate", "keep_prob", "training", "train", "inplace", "seed"))
        keep = asked.named.get("keep_prob")
        where = keep or asked.named.get("p", asked.named.get("rate", asked.rest[0] if asked.rest else None))
        rate = self._ev.given(where, asked.names).value if where is not None else 0.5
        rate = 1 - rate if keep is not None and isinstance(rate, int | float) else rate
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
            raise problem("E605", "the rate of a dropout is a number from 0 on, and less than 1", asked.span)
        when = asked.named.get("training", asked.rest[1] if len(asked.rest) > 1 else None)
        acts = self._ev.if_known(when, asked.names).value if when is not None else True
        if when is not None and acts is False and isinstance(when, ast.Constant):
            return asked.tensor
        if (asked.is_torch or self._ev.models) and acts is True and rate:
            self._ev.remarks.add(
                f"`{asked.span.text}` drops always, and here in training alone, which is what `if self.training:` says"
            )
        text = f"dropout({{}}, {rate!r}, mask = step)"
        return Computed(
            (asked.tensor,), lambda network, built: wrapped(network, built[0], text, "d") if rate else built[0],
            asked.tensor,
        )  # fmt: skip

    # --- rows with lengths ---

    def _first(self, asked: Asked, place: int) -> bool:
        """Whether the steps come first in a padded array."""
        value = asked.named.get("batch_first", asked.rest[place] if len(asked.rest) > place else None)
        return not self._truth(asked, value)

    def _packed(self, asked: Asked) -> Value:
        self._check(asked, ("lengths", "batch_first"))
        first = self._first(asked, 1)

        def build(network: Equations, built: Sequence[Built]) -> Built:
            one = built[0]
            if not one.is_sequence or axes_of(one) not in PLAIN or one.steps_first not in (None, first):
                where = "the steps" if first else "the rows of the batch"
                what = f"`pack_padded_sequence` takes {where} first, and gets something else"
                raise problem("E606", what, asked.span, fix=f"batch_first={first}")
            return replace(one, padding=padding.PACKED, steps_first=None)

        return Computed((asked.tensor,), build)

    def _padded(self, asked: Asked) -> Value:
        self._check(asked, ("batch_first", "padding_value"))
        first = self._first(asked, 0)
        value = asked.named.get("padding_value", asked.rest[1] if len(asked.rest) > 1 else None)
        is_zero = value is None or self._ev.given(value, asked.names).value == 0

        def build(network: Equations, built: Sequence[Built]) -> Built:
            if built[0].padding != padding.PACKED:
                raise problem("E606", "what is padded here was never packed", asked.span)
            return replace(built[0], padding=padding.ZEROS if is_zero else padding.NUMBERS, steps_first=first)

        found = Computed((asked.tensor,), build)
        return [Given(found, asked.span), Given(Reference(OPAQUE), asked.span)]


def _without_ones(one: Built, span: Span) -> Built:
    """`fc(y).squeeze()`, of one feature or axes of size 1; rows and steps are as many as there are. E606: there is
    no such axis, or it is not known whether there is."""
    axes = axes_of(one)
    if (FEATURES in axes and number_of(one.width) is None) or not (one.width == "1" or ONE in axes):
        what, fix = "`squeeze` takes away what it finds here", "say which axis: `squeeze(1)`"
        raise problem("E606", what, span, fix=fix)
    found = without_features(one) if FEATURES in axes and one.width == "1" else one
    return with_axes(found, axes_of(found).replace(ONE, ""))


def _viewed(one: Built, letters: Sequence[str]) -> Built | None:
    """The array with axes of these sizes, which are those that it has, in their order; None where they are others."""
    axes, wanted = axes_of(one), "".join(letters)
    apart = "tbf" if one.steps_first else "btf"
    known = {
        "btf": {"mf": "*f ?f", "btf": "btf *tf b*f bt*"}, "tbf": {"mf": "*f ?f", "tbf": "tbf *bf t*f tb*"},
        "mf": {"mf": "*f mf", apart: f"{apart} {apart[:2]}* *{apart[1:]} {apart[0]}*f ??* ??f"},
        "bf": {"bf": "bf *f b* ?*", "b1f": "b1f b1* *1f", "1bf": "1bf 1b* 1*f ?bf ?*f"},
        "b": {"b": "* b", "b1": "b1 *1", "1b": "1*"},
        "m": {"m": "*", apart[:2]: f"{apart[:2]} {apart[0]}*"},
        "b1f": {"bf": "bf *f b*"}, "1bf": {"bf": "bf *f b*"}, "bf1": {"bf": "bf *f b*"},
        "b1": {"b": "* b"},
        "bt": {"m": "*"}, "tb": {"m": "*"},
    }.get(axes, {})  # fmt: skip
    for found, spellings in known.items():
        if wanted in spellings.split():
            return with_axes(one, found)
    if one.width == "1" and FEATURES in axes:  # one number each
        narrow = {"bf": ("b", ("*", "b")), "mf": ("m", ("*",)), "btf": ("m", ("*",)), "tbf": ("m", ("*",))}
        if axes in narrow and wanted in narrow[axes][1]:
            alone = without_features(one)
            return with_axes(alone, narrow[axes][0])
        plain = {"bf": ("*1", "b1"), "mf": ("*1",), "btf": ("bt1", "b*1", "*t1"), "tbf": ("tb1", "t*1", "*b1")}
        if wanted in plain.get(axes, ()):
            return one
    return None


def _flattened(one: Built, places: Sequence[Size | int | None]) -> Built | None:
    """Axes from one to another in one, of which at most one is longer than 1."""
    axes = axes_of(one)
    ends = [axis_of(one, each) if isinstance(each, int) else None for each in (*places, *([0, -1][len(places) :]))]
    start, end = (ends[0], ends[1]) if len(ends) > 1 else (None, None)
    if start is None or end is None:
        return None
    inner = axes[start : end + 1]
    left = inner.replace(ONE, "") or ONE
    if len(left) > 1 and one.width == "1" and left.endswith(FEATURES):
        one, left = without_features(one), left[:-1]
    if len(left) > 1 and left not in ("bt", "tb"):
        return None
    left = MERGED if left in ("bt", "tb") else left
    return with_axes(one, axes[:start] + left + axes[end + 1 :])
