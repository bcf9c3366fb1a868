"""Calls as formulas: products with their weights, reductions, choices, layers; all others under their own names."""

from __future__ import annotations

from collections.abc import Callable

from rnnc.pictures.equations import formula as f
from rnnc.pictures.equations.known import Known, Read, Reads, shown
from rnnc.semantics.bodies.frames import Context
from rnnc.semantics.expressions.arguments import Arguments, Operand
from rnnc.semantics.functions.weighted import naming, operand_name
from rnnc.semantics.scopes.values import (
    Absent,
    CellValue,
    FnValue,
    Instance,
    LayerValue,
    Many,
    Num,
    Tensor,
    Value,
    texts,
)
from rnnc.syntax import ast


def call(reader: Reads, e: ast.Call, c: Context) -> Read:
    """What a call gives, of whatever is called."""
    evaluate = reader.evaluate
    function = evaluate.value(e.function, c.named(None))
    match function:
        case FnValue(definition=None, name=name):
            a = Arguments(evaluate, e, c, name)
            return _BUILTINS.get(name, _plain)(reader, a)
        case FnValue(name=name):
            return _function(reader, Arguments(evaluate, e, c, name))
        case CellValue():
            a = Arguments(evaluate, e, c, function.name)
            operands = [reader.read(o.expression, o.context) for o in a.operands]
            if any(not isinstance(o, Known) for o in operands) and c.frame.body.kind == "network":
                return _run(reader, a, layer_of(function), "")
            return Known(evaluate.value(e, c))
        case LayerValue():
            return _run(reader, Arguments(evaluate, e, c, function.kind), layer_of(function), "")
        case Instance(key=key):
            cell = c.frame.instances[key].cell
            return _run(reader, Arguments(evaluate, e, c, key), layer_of(cell), key)
        case _:
            return Known(evaluate.value(e, c))


# --- layers ---


def layer_of(value: Value) -> f.Layer:
    """A cell, an instance or a combination of layers."""
    match value:
        case CellValue():
            return f.Layer("cell", texts([value])[0])
        case Instance(key=key):
            return f.Layer("use", key)
        case LayerValue():
            kept = [(n, texts([v])[0]) for n, v in value.options if v is not False and n != "mask"]
            named = ((n, v if n != "merge" else str(value.option("merge"))) for n, v in kept)
            return f.Layer(value.kind, "", tuple(layer_of(v) for _, v in value.layers), tuple(named))
        case _:
            return f.Layer("cell", texts([value])[0])


def _run(reader: Reads, a: Arguments, layer: f.Layer, instance: str) -> f.Run:
    c = a.context
    arguments = tuple(_operand(reader, o) for o in a.operands)
    own = c.owner.full(c.frame)[len(c.frame.prefix) :] if c.owner is not None and c.owner.name else ""
    inside = instance or own + (f".{c.name}" if c.name else "")
    return f.Run(layer, arguments, instance, inside, _options(reader, a), c.frame.body.kind == "cell")


# --- functions ---


def _operand(reader: Reads, operand: Operand) -> f.Formula:
    return reader.formula(operand.expression, operand.context)


def _operands(reader: Reads, a: Arguments) -> tuple[f.Formula, ...]:
    return tuple(_operand(reader, o) for o in a.operands)


def _options(reader: Reads, a: Arguments, *leave: str) -> tuple[tuple[str, f.Formula], ...]:
    """Options as they are given; what has no value is not there."""
    found: list[tuple[str, f.Formula]] = []
    for name, argument in a.options.items():
        if name not in leave:
            value = argument.value
            if isinstance(value, ast.Name) and not value.primed and a.context.scope.find(value.id) is None:
                found.append((name, f.Word(value.id)))
            else:
                found.append((name, reader.formula(value, a.context)))
    return tuple(found)


def _plain(reader: Reads, a: Arguments) -> Read:
    """A function of the language's own. Of compile-time values alone it is one itself, where that can be."""
    read = [reader.read(o.expression, o.context) for o in a.operands]
    if all(isinstance(v, Known) for v in read) and a.name not in ("zeros", "ones", "full", "places"):
        value = reader.evaluate.value(a.call, a.context)
        if not isinstance(value, Tensor | Many):
            return Known(value)
    return f.Apply(a.name, _operands(reader, a), _options(reader, a))


def _function(reader: Reads, a: Arguments) -> Read:
    return f.Apply(a.name, _operands(reader, a), _options(reader, a))


# --- products with weights ---


def _weight(reader: Reads, a: Arguments, name: str) -> f.Weight:
    transform = a.option("weight")
    return f.Weight(
        name, name.removeprefix(a.context.frame.prefix), transform.name if isinstance(transform, FnValue) else None
    )


def _weighted(reader: Reads, a: Arguments) -> Read:
    """`linear`, `conv`, `dense`: a product for each operand, and a bias."""
    a.leave_out()
    if a.name == "dense":
        del a.operands[1:]
        a.operands[0] = Operand("weight", a.operands[0].expression, a.operands[0].context)
    path = naming(a).path
    per = a.evaluate.labels(a.options["per"].value, a.context) if a.has("per") else ()
    kind = "kernel" if a.name == "conv" else "blocks" if per else "matrix"
    terms: list[tuple[bool, f.Formula]] = []
    for operand in a.operands:
        weight = _weight(reader, a, path + operand_name(a, operand))
        terms.append((False, f.Product(kind, weight, _operand(reader, operand), per)))
    if a.flag("bias", True):
        terms.append((False, f.Bias(_weight(reader, a, path + "bias"))))
    total: f.Formula = f.Sum(tuple(terms)) if len(terms) > 1 else terms[0][1]
    activation = a.option("activation")
    return f.Apply(activation.name, (total,)) if isinstance(activation, FnValue) else total


def _peephole(reader: Reads, a: Arguments) -> Read:
    names = naming(a, "" if a.context.name else "peephole.")
    return f.Product("diagonal", _weight(reader, a, names.path.rstrip(".")), _operand(reader, a.operands[0]))


# --- over axes and members ---


def _members(reader: Reads, a: Arguments) -> list[Read] | None:
    """What is folded one by one: a comprehension or a list."""
    if a.is_comprehension:
        return [reader.read(o.expression, o.context) for o in a.operands]
    if len(a.operands) == 1:
        read = reader.read(a.operands[0].expression, a.operands[0].context)
        if isinstance(read, f.Items):
            return list(read.items)
        if isinstance(read, Known) and isinstance(read.value, tuple):
            return [Known(v) for v in read.value]
    return None


def _fold(reader: Reads, a: Arguments) -> Read:
    """`sum`, `mean`, `prod`, `max`, `min`: of members, of several values, or over axes."""
    members = _members(reader, a)
    if members is not None:
        if all(isinstance(m, Known) for m in members):
            value = reader.evaluate.value(a.call, a.context)
            if not isinstance(value, Tensor):
                return Known(value)
        items = [shown(m) for m in members if not (isinstance(m, Known) and isinstance(m.value, Absent))]
        return _folded(a.name, items)
    if a.name in ("max", "min") and not _names_axis(reader, a):
        return _plain(reader, a)
    return f.Over(a.name, _operand(reader, a.operands[0]), _axes(a))


def _axes(a: Arguments) -> tuple[str, ...]:
    """The axes that a call names, one by one or as lists."""
    axes: list[str] = []
    for i, operand in enumerate(a.operands[1:], 1):
        e, context = operand.expression, operand.context
        if isinstance(e, ast.List) or a.evaluate.listed(e, context):
            axes += a.evaluate.labels(e, context)
        elif a.axis(i) is not None:
            axes.append(_axis(a, i))
    if a.has("axis"):
        axes += a.evaluate.labels(a.options["axis"].value, a.context)
    return tuple(axes)


def _axis(a: Arguments, i: int) -> str:
    """The axis that an operand or option names; one of a pattern (`v[d]`) by what the pattern calls it."""
    label = a.axis(i)
    e = a.operands[i].expression if i < len(a.operands) else a.options["axis"].value
    return e.id if label is not None and label.startswith("?") and isinstance(e, ast.Name) else label or ""


def _folded(name: str, items: list[f.Formula]) -> f.Formula:
    if len(items) == 1:
        return items[0]
    match name:
        case "sum" | "mean":
            total: f.Formula = f.Sum(tuple((False, i) for i in items)) if items else f.Number(0)
            return f.Quotient(total, f.Number(len(items))) if name == "mean" else total
        case "prod":
            return f.Times(tuple(items)) if items else f.Number(1)
        case _:
            return f.Apply(name, tuple(items))


def _names_axis(reader: Reads, a: Arguments) -> bool:
    """One value, or a value and names of axes."""
    if len(a.operands) == 1:
        return True
    second = reader.read(a.operands[1].expression, a.operands[1].context)
    if not isinstance(second, Known):
        return False
    value = second.value
    return not isinstance(value, Num) or (value.label is not None and value.known is None)


def _along(reader: Reads, a: Arguments) -> Read:
    """`softmax`, `cumsum`, `argmax`, …: along one axis, `softmax` also over several."""
    options = tuple((n, v) for n, v in _options(reader, a, "axis") if v != f.Word("false"))
    return f.Over(a.name, _operand(reader, a.operands[0]), _axes(a), options)


# --- choices, limits, randomness ---


def _where(reader: Reads, a: Arguments) -> Read:
    test = reader.read(a.operands[0].expression, a.operands[0].context)
    if isinstance(test, Known) and isinstance(test.value, bool):
        chosen = a.operands[1 if test.value else 2]
        return reader.read(chosen.expression, chosen.context)
    value, otherwise = _operand(reader, a.operands[1]), _operand(reader, a.operands[2])
    row = (value, shown(test))
    if isinstance(otherwise, f.Cases):
        return f.Cases((row, *otherwise.rows), otherwise.otherwise)
    return f.Cases((row,), otherwise)


def _clip(reader: Reads, a: Arguments) -> Read:
    """Without limits it is what it clips."""
    limits = [_operand(reader, o) for o in a.operands[1:]]
    if all(limit == f.Word("none") for limit in limits):
        return reader.read(a.operands[0].expression, a.operands[0].context)
    if len(limits) == 1:
        (hi,) = limits
        lo: f.Formula = f.Number(-hi.value) if isinstance(hi, f.Number) else f.Sum(((True, hi),))
        limits = [lo, hi]
    infinite = float("inf")
    lo, hi = (f.Number(v) if m == f.Word("none") else m for m, v in zip(limits, (-infinite, infinite), strict=True))
    passes = a.word("gradient", ("cut", "pass"), "cut") == "pass"
    extra: tuple[tuple[str, f.Formula], ...] = (("gradient", f.Word("pass")),) if passes else ()
    return f.Apply("clip", (_operand(reader, a.operands[0]),), (("lo", lo), ("hi", hi), *extra))


def _random(values: int) -> Callable[[Reads, Arguments], Read]:
    """`dropout(x, …)`, `zoneout(new, old, …)`: the probability to keep, and where a mask is for the whole sequence."""

    def read(reader: Reads, a: Arguments) -> Read:
        rate = a.number("rate")
        if len(a.operands) > values:
            given = reader.read(a.operands[values].expression, a.operands[values].context)
            rate = float(given.value.known or 0) if isinstance(given, Known) and isinstance(given.value, Num) else 0.0
        keep = a.number("keep")
        keep = round(1 - rate, 12) if rate is not None else 1.0 if keep is None else keep
        arguments = tuple(_operand(reader, o) for o in a.operands[:values])
        if keep == 1:
            return arguments[0]
        per = a.word("mask", ("step", "sequence"), "step")
        once: tuple[tuple[str, f.Formula], ...] = (("mask", f.Word("sequence")),) if per == "sequence" else ()
        return f.Apply(a.name, arguments, (("keep", f.Number(keep)), *once))

    return read


# --- products without weights ---


def _outer(reader: Reads, a: Arguments) -> Read:
    left, right = _operands(reader, a)
    return f.Operator("outer", left, right)


def _contract(reader: Reads, a: Arguments) -> Read:
    axes = a.evaluate.labels(a.options["over"].value, a.context)
    left, right = _operands(reader, a)
    return f.Contraction(left, right, axes)


def _arranged(reader: Reads, a: Arguments) -> Read:
    """`merge`, `split`, `relabel`, `expand`, `repeat`, …: the value, and words of the language for how."""
    words = tuple((o.label or "", f.Word(o.span.text)) for o in a.operands[1:])
    return f.Apply(a.name, (_operand(reader, a.operands[0]),), (*words, *_options(reader, a)))


def _joined(reader: Reads, a: Arguments) -> Read:
    """`concat(a, b)`, of a list too."""
    a.leave_out()
    items: list[f.Formula] = []
    for formula in _operands(reader, a):
        items += formula.items if isinstance(formula, f.Items) else (formula,)
    return items[0] if len(items) == 1 and a.name == "concat" else f.Apply(a.name, tuple(items), _options(reader, a))


def _temporal(reader: Reads, a: Arguments) -> Read:
    return f.Apply(a.name, _operands(reader, a), _options(reader, a))


_Handler = Callable[[Reads, Arguments], Read]
_BUILTINS: dict[str, _Handler] = {
    **dict.fromkeys(("linear", "conv", "dense"), _weighted),
    "peephole": _peephole,
    **dict.fromkeys(("sum", "mean", "prod", "max", "min"), _fold),
    **dict.fromkeys(("softmax", "cumsum", "flip", "argmax", "argmin", "rank"), _along),
    "where": _where,
    "clip": _clip,
    "dropout": _random(1),
    "zoneout": _random(2),
    "outer": _outer,
    "contract": _contract,
    **dict.fromkeys(("merge", "split", "relabel", "expand", "repeat", "tile", "pad", "transpose"), _arranged),
    **dict.fromkeys(("concat", "stack_axis"), _joined),
    **dict.fromkeys(("last", "at", "reverse"), _temporal),
}
