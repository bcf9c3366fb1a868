"""Productions of reductions, operations along an axis, slices, and other arrangements of axes."""

from __future__ import annotations

from rnnc.ir.size import Size
from tests.support.cells.axes import Axis, Expr, Shape, shown, weak
from tests.support.cells.body import labels
from tests.support.cells.grow import LARGE, Grower, production


def fitted(text: str, actual: Shape, wanted: Shape) -> str:
    """The same numbers under the wanted labels."""
    return text if actual == wanted else f"relabel({text}, {shown(wanted)})"


def swapped(shape: Shape, at: int, *axes: Axis) -> Shape:
    """The axes with one exchanged."""
    return (*shape[:at], *axes, *shape[at + 1 :])


def resized(axis: Axis, size: Size) -> Axis:
    """What an axis becomes when its size changes."""
    return Axis(axis.label, size, strong=True) if axis.strong else weak(size)


def more_axes(g: Grower, shape: Shape) -> tuple[Shape, Axis]:
    """The axes with another among them: one of a value that is there, or a new one."""
    there = {a for v in g.body.readable(g.body.vars) for a in v.shape if a.label not in {b.label for b in shape}}
    known = sorted(there, key=lambda a: a.label)
    place = g.choices.below(len(known) + 1)
    axis = known[place] if place < len(known) else g.body.fresh_axis(g.choices.between(1, 3))
    at = g.choices.below(len(shape) + 1)
    return (*shape[:at], axis, *shape[at:]), axis


@production(5)
def reduced(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if len(shape) > 2:
        return None
    whole, axis = more_axes(g, shape)
    name = g.choices.pick(("sum", "mean", "max", "min", "prod", "logsumexp"))
    if not shape and g.choices.chance(4):
        two, other = more_axes(g, whole)
        both = (f", axis = {labels((other, axis))}", f", axis = {labels((axis, other))}")
        over = g.choices.pick((*both, *(("",) if name != "logsumexp" else ())))
        whole = two
    else:
        # max(v, 3) is elementwise, and so is max(v, units) where the axes of v are not known yet.
        ambiguous = not axis.strong and name in ("max", "min")
        plain = f", axis = {axis.ref}" if ambiguous else f", {axis.ref}"
        over = g.choices.pick((plain, f", axis = {axis.ref}", *(("",) if not shape else ())))
    inner = g.grow(whole, depth)
    if name == "prod":
        inner = g.small(inner)
    if name == "logsumexp":
        return Expr(f"logsumexp({g.squashed(inner).text}{over})", min(inner.bound, LARGE) + 4)
    if name in ("max", "min") and not over:
        return Expr(f"{name}({inner.text})", inner.bound)
    return Expr(f"{name}({inner.text}{over})", 4 * inner.bound if name in ("sum", "prod") else inner.bound)


@production(4)
def along(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """Operations that keep the axes."""
    if not shape:
        return None
    axis = g.choices.pick(shape)
    inner = g.grow(shape, depth)
    over = f", {axis.ref}" if len(shape) > 1 or g.choices.chance(2) else ""
    match g.choices.below(8):
        case 0:
            return Expr(f"softmax({inner.text}{over})", 1.0)
        case 1:
            return Expr(f"log_softmax({g.squashed(inner).text}, {axis.ref})", 2 * min(inner.bound, LARGE))
        case 2:
            how = g.choices.pick(("", ", reverse = true", ", exclusive = true", ", reverse = true, exclusive = true"))
            return Expr(f"cumsum({inner.text}{over}{how})", 4 * inner.bound)
        case 3:
            return Expr(f"cumax({inner.text}, {axis.ref})", 1.0)
        case 4:
            return Expr(f"l2_normalize({inner.text}, {axis.ref}, eps = 0.05)", 1.0)
        case 5:
            return Expr(f"flip({inner.text}{over})", inner.bound)
        case _:
            if len(shape) != 1:
                name = g.choices.pick(("layer_norm", "rms_norm"))
                named = g.body.named(name) if g.body.kind != "fn" and axis.sliceable else None
                return inner if named is None else _norm_along(inner, shape, name, axis, named)
            name = g.choices.pick(("layer_norm", "rms_norm", *g.body.patterned))
            named = g.body.named(name) if g.body.kind != "fn" else None
            eps = ", eps = 0.05" if name in ("layer_norm", "rms_norm") else ""
            return inner if named is None else Expr(f"({name}({inner.text}{eps}){named})", 4.0)


def _norm_along(inner: Expr, shape: Shape, name: str, axis: Axis, named: str) -> Expr:
    # Named anew, since the axes have to be known, and what stands in there may be stated further down.
    known = f"relabel({inner.text}, {shown(shape)})"
    return Expr(f"({name}({known}, eps = 0.05, axis = {axis.ref}){named})", 4.0)


@production(2)
def permuted(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if len(shape) < 2:
        return None
    order = list(shape)
    before = order[1:] + order[:1] if g.choices.chance(2) else order[::-1]
    inner = g.grow(tuple(before), depth)
    if len(shape) == 2 and g.choices.chance(2):
        return Expr(f"transpose({inner.text})", inner.bound)
    return Expr(f"transpose({inner.text}, {labels(shape)})", inner.bound)


def _constant(shape: Shape, g: Grower, least: int = 1) -> tuple[int, int] | None:
    """Place and size of an axis whose size is a number of at least so many."""
    found = [(i, n) for i, a in enumerate(shape) if (n := a.size.constant) is not None and n >= least]
    return g.choices.pick(found) if found else None


@production(4)
def sliced(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """A part of a longer axis, or one place of it."""
    if g.choices.chance(2) and len(shape) < 3:
        whole, axis = more_axes(g, shape)
        if not axis.sliceable:
            return None
        inner = g.grow(whole, depth)
        place = g.choices.pick(("0", "-1")) if axis.size.constant is None else str(g.choices.below(axis.size.constant))
        return Expr(f"{inner.text}[{axis.label} = {place}]", inner.bound)
    found = _constant(shape, g)
    if found is None:
        return None
    at, size = found
    before, after = g.choices.below(3), g.choices.below(3)
    long = g.body.fresh_axis(size + before + after)
    inner = g.grow(swapped(shape, at, long), depth)
    low = str(before) if before or g.choices.chance(2) else ""
    high = f"-{after}" if after and g.choices.chance(2) else str(size + before) if after else ""
    text = f"{inner.text}[{long.label} = {low}:{high}]"
    return Expr(fitted(text, swapped(shape, at, resized(long, Size.of(size))), shape), inner.bound)


@production(3)
def joined(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    found = _constant(shape, g, 2)
    if found is None:
        return None
    at, size = found
    first = g.choices.between(1, size - 1)
    label = g.body.fresh("k")
    g.body.ambiguous.add(label)
    parts = [Axis(label, Size.of(n), strong=True) for n in (first, size - first)]
    a, b = (g.grow(swapped(shape, at, part), depth) for part in parts)
    axis = f", axis = {label}" if len(shape) > 1 or g.choices.chance(2) else ""
    text = f"concat({a.text}, {b.text}{axis})" if axis or g.choices.chance(2) else f"concat([{a.text}, {b.text}])"
    return Expr(fitted(text, swapped(shape, at, Axis(label, Size.of(size), strong=True)), shape), max(a.bound, b.bound))


@production(2)
def stacked(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """Values side by side on a new first axis."""
    if not shape or (n := shape[0].size.constant) is None or n > 3:
        return None
    parts = [g.grow(shape[1:], depth - 1) for _ in range(n)]
    label = shape[0].label if shape[0].strong else g.body.fresh("k")
    text = f"stack_axis({', '.join(p.text for p in parts)}, axis = {label})"
    actual = (Axis(label, Size.of(n), strong=True), *shape[1:])
    return Expr(fitted(text, actual, shape), max(p.bound for p in parts))


@production(2)
def expanded(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if not shape:
        return None
    many = 2 if len(shape) > 1 and g.choices.chance(3) else 1
    inner = g.grow(shape[many:], depth)
    new: list[Axis] = []
    texts: list[str] = []
    for axis in shape[:many]:
        new.append(Axis(axis.label if axis.strong else g.body.fresh("k"), axis.size, strong=True))
        one = axis.size == Size.of(1) and g.choices.chance(2)
        texts.append(new[-1].label if one else f"{new[-1].label}: {axis.size}")
    text = f"expand({inner.text}, {', '.join(texts)})"
    return Expr(fitted(text, (*new, *shape[many:]), shape), inner.bound)


@production(3)
def repeated(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """`repeat`, `tile` and `pad` make a number of places longer."""
    found = _constant(shape, g)
    if found is None:
        return None
    at, size = found
    if g.choices.chance(2):
        times = g.choices.pick([n for n in (1, 2, 3) if size % n == 0])
        short = g.body.fresh_axis(size // times)
        inner = g.grow(swapped(shape, at, short), depth)
        text = f"{g.choices.pick(('repeat', 'tile'))}({inner.text}, {short.label}, {times})"
    else:
        before = g.choices.below(size)
        after = g.choices.below(size - before)
        short = g.body.fresh_axis(size - before - after)
        inner = g.grow(swapped(shape, at, short), depth)
        text = f"pad({inner.text}, {short.label}, {before}, {after})"
    return Expr(fitted(text, swapped(shape, at, resized(short, Size.of(size))), shape), inner.bound)


@production(2)
def merged(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if not shape or len(shape) > 2:
        return None
    at = g.choices.below(len(shape))
    size = shape[at].size
    divisors = [n for n in (1, 2, 3) if size.constant is not None and size.constant % n == 0] or [1]
    first = Size.of(g.choices.pick(divisors))
    one, two = g.body.fresh_axis(first), g.body.fresh_axis(size // first)
    if g.choices.chance(2):
        one, two = two, one
    order = (two, one) if g.choices.chance(3) else (one, two)  # as they stand, which need not be as they are merged
    inner = g.grow(swapped(shape, at, *order), depth)
    text = f"merge({inner.text}, [{one.label}, {two.label}])"
    # Under a size that an outer cell gives, the merged axis is called after the number.
    actual = swapped(shape, at, weak(size)) if size.constant is not None else ()
    return Expr(fitted(text, actual, shape), inner.bound)


@production(2)
def split(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    if len(shape) < 2:
        return None
    at = g.choices.below(len(shape) - 1)
    one, two = shape[at : at + 2]
    whole = g.body.fresh_axis(one.size * two.size)
    inner = g.grow((*shape[:at], whole, *shape[at + 2 :]), depth)
    return Expr(f"split({inner.text}, {whole.label}, {one.text}, {two.text})", inner.bound)


@production(1)
def inverted(g: Grower, shape: Shape, depth: int, known: bool) -> Expr | None:
    """A row of the inverse of a matrix that is far from singular."""
    size = shape[0].size.constant if len(shape) == 1 else None
    if size is None or not 1 <= size <= 3:
        return None
    one, two = g.body.fresh_axis(size), g.body.fresh_axis(size)
    matrix = g.grow((one, two), depth)
    diagonal = f"where(expand(places({two.text}), {one.text}) == places({one.text}), 2, 0)"
    # Named anew, since the size has to be known, and what stands in there may be stated further down.
    known_axes = f"relabel(0.3 * tanh({matrix.text}) + {diagonal}, {shown((one, two))})"
    text = f"inverse({known_axes})[{one.label} = 0]"
    return Expr(fitted(text, (two,), shape), 1.0)
