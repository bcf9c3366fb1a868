"""Parts of what layers give: `outputs[:, -1]`, `outputs[-1]`, `h[-1]`, `y[..., :4]`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from rnnc.diagnostics import Span
from rnnc.importing.equations import Built, Equations
from rnnc.importing.pieces import padding
from rnnc.importing.pieces.axes import FEATURES, ONE, STEPS, axes_of, is_plain, with_axes
from rnnc.importing.pieces.built import part_of_features
from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import Computed, Final, Finals, Incoming, Names, Tensor, Value, as_tensor, problem
from rnnc.importing.texts.sizes import numbers

READ = "read are steps of the outputs, `outputs[:, -1]`"


def indexed(ev: Evaluates, base: Value, place: ast.expr, node: ast.expr, names: Names) -> Value:
    """A part that a text names by its place. E606: one that is not read."""
    parts = place.elts if isinstance(place, ast.Tuple) else [place]
    count = len(parts)
    while parts and (_is_all(parts[-1]) or _is_ellipsis(parts[-1])):
        parts = parts[:-1]
    span = ev.span(node)
    if isinstance(base, Finals):
        found = _one_of(ev, base, parts, names) or _some_of(ev, base, parts, names)
        if found is not None:
            return found
        if base.count > 1 or not base.is_plain:
            raise problem("E606", "this part of the final states is not read", span, fix="one layer of them: `h[-1]`")
    tensor = as_tensor(base)
    assert tensor is not None
    if isinstance(tensor, Incoming) and count == 1 and parts:
        (k,) = numbers(ev, parts, names) or [None]
        if isinstance(k, int) and k >= 0:
            return tensor.part(k)
    if not parts:
        return tensor
    several = _several(ev, tensor, parts, names, span)
    if several is not None:
        return several
    is_first, known = len(parts) == 1, numbers(ev, parts[-1:], names)
    k = known[0] if len(known) == 1 else None
    if len(parts) == 2 and _is_ellipsis(parts[0]) and isinstance(k, int):  # `y[..., -1, :]`
        behind, at = count - len(parts), k
        return Computed((tensor,), lambda network, built: _from_behind(network, built[0], behind, at, span), tensor)
    if not all(_is_all(each) for each in parts[:-1]) or not isinstance(k, int):
        raise problem("E606", "this part of what a layer gives is not read", span, fix=READ)
    return Computed(
        (tensor,), lambda network, built: _step(network, built[0], len(parts) - 1, k, is_first, span), tensor
    )


def _one_of(ev: Evaluates, finals: Finals, parts: Sequence[ast.expr], names: Names) -> Final | Finals | None:
    """The final state of one of several layers, or those of its directions."""
    known = numbers(ev, parts, names)
    if finals.ways and known and isinstance(known[0], int):
        layers = range(0, finals.count, finals.ways)
        if not -len(layers) <= known[0] < len(layers):
            return None
        inner = replace(finals, first=finals.first + layers[known[0]], count=finals.ways, ways=0)
        return _one_of(ev, inner, parts[1:], names) if len(parts) > 1 else inner
    k = known[0] if len(parts) == len(known) == 1 and finals.is_plain else None
    return finals.at(k) if isinstance(k, int) and -finals.count <= k < finals.count else None


def _some_of(ev: Evaluates, finals: Finals, parts: Sequence[ast.expr], names: Names) -> Finals | None:
    """`h[-2:]`: the final states of some layers."""
    if len(parts) != 1 or not isinstance(parts[0], ast.Slice) or parts[0].step is not None or not finals.is_plain:
        return None
    given = [each for each in (parts[0].lower, parts[0].upper) if each is not None]
    if any(not isinstance(each, int) for each in numbers(ev, given, names)):
        return None
    ends = [numbers(ev, [each], names)[0] if each is not None else None for each in (parts[0].lower, parts[0].upper)]
    start, end = (each if isinstance(each, int) else None for each in ends)
    places = range(finals.count)[start:end]
    return replace(finals, first=finals.first + places.start, count=len(places)) if places else None


def _several(ev: Evaluates, tensor: Tensor, parts: list[ast.expr], names: Names, span: Span) -> Tensor | None:
    """`y[..., :4]`, `y[:, -1, 2:]`: some of the features, of all steps or of one."""
    features, front = parts[-1], parts[:-1]
    if not isinstance(features, ast.Slice) or features.step is not None or not front:
        return None
    has_rest = any(_is_ellipsis(each) for each in front)
    if has_rest and not all(_is_ellipsis(each) or _is_all(each) for each in front):
        return None
    ends = [None if end is None else numbers(ev, [end], names)[0] for end in (features.lower, features.upper)]
    if any(
        end is not None and not isinstance(k, int)
        for end, k in zip((features.lower, features.upper), ends, strict=True)
    ):
        return None
    start, end = (k if isinstance(k, int) else None for k in ends)
    take, count = part_of_features(start, end), len(parts)

    def build(network: Equations, built: Sequence[Built]) -> Built:
        one = built[0]
        if not axes_of(one).endswith(FEATURES) or (not has_rest and len(axes_of(one)) != count):
            raise problem("E606", "this part of what a layer gives is not read", span, fix=READ)
        return take(network, [one])

    if not has_rest and (stepped := [k for k, each in enumerate(front) if not _is_all(each)]):
        if len(stepped) > 1 or len(parts) != 3:
            return None
        front_parts = ast.Tuple(elts=front[: stepped[0] + 1], ctx=ast.Load())
        inner = indexed(ev, tensor, front_parts, front[stepped[0]], names)
        one = as_tensor(inner)
        assert one is not None
        count -= 1
        return Computed((one,), build, tensor)
    return Computed((tensor,), build, tensor)


def _step(network: Equations, one: Built, place: int, k: int, is_first: bool, span: Span) -> Built:
    """One step of all, or what an axis of size 1 holds."""
    axes = axes_of(one)
    if not is_plain(one):
        letter = axes[place] if place < len(axes) else ""
        left = axes[:place] + axes[place + 1 :]
        if letter == ONE and k in (0, -1):
            return with_axes(one, left)
        if letter != STEPS:
            raise problem("E606", "this part of what a layer gives is not read", span, fix=READ)
    elif not one.is_sequence or place > 1 or (one.steps_first is not None and one.steps_first is not is_first):
        what = (
            "this takes one row of a batch" if one.is_sequence and place < 2 else "this takes apart what has no steps"
        )
        what = "one feature of all is not read" if one.is_sequence and place == 2 else what
        step = "[-1]" if one.steps_first else "[:, -1]"
        raise problem("E606", what, span, fix=f"the last step is `{step}` here" if one.is_sequence else None)
    else:
        left = "bf"
    padding.one_step(one, k, span)
    text = network.equation("end", f"at({one.text}, {k})")
    return replace(with_axes(one, left), text=text, padding="", steps_first=None)


def _from_behind(network: Equations, one: Built, behind: int, k: int, span: Span) -> Built:
    """One step, of an axis that has so many others behind it."""
    place = len(axes_of(one)) - 1 - behind
    if place < 0:
        raise problem("E606", "this part of what a layer gives is not read", span, fix=READ)
    return _step(network, one, place, k, place == 0, span)


def _is_all(node: ast.expr) -> bool:
    return isinstance(node, ast.Slice) and node.lower is None and node.upper is None and node.step is None


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def one_step(network: Equations, one: Built, k: int, span: Span) -> Built:
    """A step of a sequence, whichever axis has them."""
    return _step(network, one, 0 if one.steps_first else 1, k, bool(one.steps_first), span)
