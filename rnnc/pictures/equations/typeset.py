"""Formulas as mathematics: what a paper writes for each construct of the language, with as few brackets as it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rnnc.pictures.equations import formula as f
from rnnc.pictures.equations.mathtree import (
    Choices,
    Digits,
    Fence,
    FenceKind,
    Fraction,
    Greek,
    Letter,
    Math,
    Named,
    Root,
    Row,
    Script,
    Sign,
    Under,
    Words,
    called,
    listed,
    row,
)
from rnnc.pictures.equations.symbols import before, first, glyph, instance, number, quantity, size, weight

# How tightly what a formula is binds, loosest first.
_CHOICE, _TEST, _SUM, _PRODUCT, _POWER, _ATOM = range(6)

_FUNCTIONS: dict[str, Math] = {
    "sigmoid": Greek("sigma"), "relu": Named("ReLU"), "elu": Named("ELU"), "selu": Named("SELU"), "gelu": Named("GELU"),
    "silu": Named("SiLU"), "relu6": Named("ReLU6"), "sign": Named("sgn"), "atan": Named("arctan"),
    "asin": Named("arcsin"), "acos": Named("arccos"), "asinh": Named("arsinh"), "acosh": Named("arcosh"),
    "atanh": Named("artanh"),
    "stop_gradient": Named("sg"), "layer_norm": Named("LN"), "rms_norm": Named("RMSNorm"),
}  # fmt: skip
_RELATIONS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "=", "!=": "!="}


def typeset(formula: f.Formula) -> Math:
    """A formula as mathematics."""
    return _set(formula)[0]


def equation(e: f.Equation) -> tuple[Math, Math]:
    """The two sides of an equation."""
    return quantity(e.target), typeset(e.value)


def defined(function: f.FunctionText) -> list[tuple[Math, Math]]:
    """A function of the description's own: `ln(v) = …`, behind the equations in it."""
    head = called(function_name(function.name), listed([quantity(f.Ref(a)) for a in function.arguments]))
    return [*(equation(e) for e in function.equations), (head, typeset(function.value))]


def function_name(name: str) -> Math:
    """A function under the name that mathematics has for it."""
    return _FUNCTIONS.get(name) or Named(name)


def _within(formula: f.Formula, level: int) -> Math:
    """In brackets, if it binds less tightly than that."""
    math, own = _set(formula)
    return math if own >= level else Fence("(", math)


def _set(formula: f.Formula) -> tuple[Math, int]:
    match formula:
        case f.Number(value):
            return number(value), _SUM if value < 0 else _POWER if "e" in repr(value) else _ATOM
        case f.Open(value):
            return size(value), _ATOM if value.symbol else _SUM if len(value.terms) > 1 else _PRODUCT
        case f.Word(text):
            return Words(text), _ATOM
        case f.Ref():
            return quantity(formula), _ATOM
        case f.StepIndex():
            return Letter("t"), _ATOM
        case f.Product():
            return _product(formula), _PRODUCT
        case f.Bias(w):
            return weight(w, "bias"), _ATOM
        case f.Sum(terms):
            return _sum(terms), _SUM
        case f.Times(factors):
            return _times(factors), _PRODUCT
        case f.Quotient(top, bottom):
            return Fraction(typeset(top), typeset(bottom)), _PRODUCT
        case f.Power(base, exponent):
            return _power(base, typeset(exponent)), _POWER
        case f.Operator():
            return _operator(formula)
        case f.Not(test):
            return row(Sign("not"), _within(test, _ATOM)), _TEST
        case f.Apply():
            return _APPLIED.get(formula.function, _applied)(formula)
        case f.Over():
            return _over(formula)
        case f.Contraction(left, right, axes):
            body = row(_within(left, _PRODUCT), Sign("odot"), _within(right, _POWER))
            return row(Under(Sign("sum"), _axes(axes)), body), _PRODUCT
        case f.Cases(rows, otherwise):
            shown = [(typeset(v), row(Words("if "), typeset(t))) for v, t in rows]
            return Choices((*shown, (typeset(otherwise), Words("otherwise")))), _CHOICE
        case f.Part():
            return _part(formula), _ATOM
        case f.Items(items):
            return Fence("[", listed([typeset(i) for i in items])), _ATOM
        case f.Layer():
            return layer(formula), _ATOM
        case f.Run():
            function = instance(formula.instance) if formula.instance else layer(formula.layer)
            state = before if formula.steps else first
            starts = [row(state(name), Sign("="), typeset(value)) for name, value in formula.starts]
            return called(function, _with_options(formula.arguments, starts)), _ATOM
        case f.Pick(base, name):
            return Script(_within(base, _ATOM), None, Words(name)), _ATOM


# --- products, sums, operators ---


def _product(product: f.Product) -> Math:
    w = weight(product.weight, product.kind)
    match product.kind:
        case "matrix":
            return row(w, Sign("space"), _within(product.operand, _ATOM))
        case "kernel":
            return row(w, Sign("conv"), _within(product.operand, _ATOM))
        case "diagonal":
            return row(w, Sign("odot"), _within(product.operand, _POWER))
        case "blocks":
            blocks = called(Script(Named("diag"), _axes(product.per)), w)
            return row(blocks, Sign("space"), _within(product.operand, _ATOM))


def _sum(terms: tuple[tuple[bool, f.Formula], ...]) -> Math:
    parts: list[Math] = []
    for negative, term in terms:
        if isinstance(term, f.Number) and term.value < 0:
            negative, term = not negative, f.Number(-term.value)
        math = _within(term, _PRODUCT if negative or parts else _SUM)
        if parts:
            parts += [Sign("-" if negative else "+"), math]
        else:
            parts += [Sign("negative"), math] if negative else [math]
    return row(*parts)


def _times(factors: tuple[f.Formula, ...]) -> Math:
    """Numbers stand beside what they scale, all else is multiplied elementwise."""
    parts: list[Math] = []
    for at, factor in enumerate(factors):
        if at == 0 and isinstance(factor, f.Sum) and len(factor.terms) == 1 and factor.terms[0][0]:
            parts.append(Sign("negative"))
            factor = factor.terms[0][1]
        scales = isinstance(factor, f.Number | f.Open)
        math = _within(factor, _POWER if not isinstance(factor, f.Quotient) else _PRODUCT)
        if at:
            before = isinstance(factors[at - 1], f.Number | f.Open)
            parts.append(Sign("times" if scales else "space" if before else "odot"))
        parts.append(math)
    return row(*parts)


def _power(base: f.Formula, exponent: Math) -> Math:
    """A quantity that has something above already goes into brackets."""
    math = _within(base, _ATOM)
    if isinstance(math, Script) and math.sup is None:
        return replace(math, sup=exponent)
    return Script(Fence("(", math) if isinstance(math, Script | Row) else math, None, exponent)


def _operator(o: f.Operator) -> tuple[Math, int]:
    if o.op in _RELATIONS:
        return row(_within(o.left, _SUM), Sign(_RELATIONS[o.op]), _within(o.right, _SUM)), _TEST
    match o.op:
        case "and" | "or":
            return row(_within(o.left, _TEST), Sign(o.op), _within(o.right, _TEST)), _CHOICE
        case "//":
            return Fence("floor", Fraction(typeset(o.left), typeset(o.right))), _ATOM
        case "%":
            return row(_within(o.left, _POWER), Sign("mod"), _within(o.right, _POWER)), _SUM
        case "@":  # from left to right, as it is written
            again = isinstance(o.left, f.Operator) and o.left.op == "@"
            return row(
                _within(o.left, _PRODUCT if again else _POWER), Sign("space"), _within(o.right, _POWER)
            ), _PRODUCT
        case _:
            return row(_within(o.left, _POWER), Sign("outer"), _within(o.right, _POWER)), _PRODUCT


# --- functions ---


def _applied(a: f.Apply) -> tuple[Math, int]:
    """`f(x, y; option = value)`; unnamed words for how stand below the name."""
    name = function_name(a.function)
    below = [typeset(v) for n, v in a.options if not n]
    if below:
        name = Script(name, listed([_bare(m) for m in below]))
    options = [row(Words(n), Sign("="), typeset(v)) for n, v in a.options if n]
    return called(name, _with_options(a.arguments, options)), _ATOM


def _with_options(arguments: Sequence[f.Formula], options: list[Math]) -> Math:
    body = listed([typeset(v) for v in arguments])
    return row(body, Sign(";"), listed(options)) if options else body


def _bare(math: Math) -> Math:
    return Words(math.text.strip("[]")) if isinstance(math, Words) else math


def _fenced(kind: FenceKind) -> Callable[[f.Apply], tuple[Math, int]]:
    return lambda a: (Fence(kind, typeset(a.arguments[0])), _ATOM)


def _clip(a: f.Apply) -> tuple[Math, int]:
    options = dict(a.options)
    limits = Fence("[", listed([typeset(options["lo"]), typeset(options["hi"])]))
    passes = Words("pass") if "gradient" in options else None  # its gradient goes through where it clips
    return called(Script(Named("clip"), limits, passes), typeset(a.arguments[0])), _ATOM


def _random(a: f.Apply) -> tuple[Math, int]:
    options = dict(a.options)
    once = Words("sequence") if "mask" in options else None
    name = Script(Named(a.function), row(Words("keep "), typeset(options["keep"])), once)
    return called(name, listed([typeset(v) for v in a.arguments])), _ATOM


def _joined(a: f.Apply) -> tuple[Math, int]:
    whole = Fence("[", listed([typeset(v) for v in a.arguments], ";"))
    axis = dict(a.options).get("axis")
    return (whole if axis is None else Script(whole, typeset(axis))), _ATOM


def _looked_up(a: f.Apply) -> tuple[Math, int]:
    table, index = a.arguments
    return row(_within(table, _ATOM), Fence("[", typeset(index))), _ATOM


def _transposed(a: f.Apply) -> tuple[Math, int]:
    if a.options:
        return _applied(a)
    return _power(a.arguments[0], Sign("top")), _POWER


def _gradient(a: f.Apply) -> tuple[Math, int]:
    value, at = a.arguments
    return row(Script(Sign("nabla"), typeset(at)), Sign("space"), _within(value, _POWER)), _PRODUCT


def _constant(text: str) -> Callable[[f.Apply], tuple[Math, int]]:
    return lambda a: (Script(Digits(text), listed([typeset(v) for v in a.arguments])), _ATOM)


_FENCED: dict[str, FenceKind] = {"abs": "|", "floor": "floor", "ceil": "ceil"}
_APPLIED: dict[str, Callable[[f.Apply], tuple[Math, int]]] = {
    **{name: _fenced(kind) for name, kind in _FENCED.items()},
    "sqrt": lambda a: (Root(typeset(a.arguments[0])), _ATOM),
    "rsqrt": lambda a: (Fraction(Digits("1"), Root(typeset(a.arguments[0]))), _PRODUCT),
    "reciprocal": lambda a: (Fraction(Digits("1"), typeset(a.arguments[0])), _PRODUCT),
    "square": lambda a: (_power(a.arguments[0], Digits("2")), _POWER),
    "identity": lambda a: _set(a.arguments[0]),
    "clip": _clip,
    "dropout": _random,
    "zoneout": _random,
    "concat": _joined,
    "stack_axis": _joined,
    "lookup": _looked_up,
    "transpose": _transposed,
    "inverse": lambda a: (_power(a.arguments[0], number(-1)), _POWER),
    "gradient": _gradient,
    "zeros": _constant("0"),
    "ones": _constant("1"),
}


def _over(o: f.Over) -> tuple[Math, int]:
    if o.function in ("sum", "prod"):
        sign = Sign(o.function)
        large = Under(sign, _axes(o.axes)) if o.axes else sign
        return row(large, _within(o.argument, _PRODUCT)), _PRODUCT
    name = function_name(o.function)
    name = Script(name, _axes(o.axes)) if o.axes else name
    body = typeset(o.argument)
    options = [row(Words(n), Sign("="), typeset(v)) for n, v in o.options]
    return called(name, row(body, Sign(";"), listed(options)) if options else body), _ATOM


def _axes(axes: tuple[str, ...]) -> Math:
    return listed([glyph(a) for a in axes])


def _part(p: f.Part) -> Math:
    lo = [] if p.lo is None else [typeset(p.lo)]
    hi = [] if p.hi is None else [typeset(p.hi)]
    place = row(*lo, Sign(":"), *hi) if p.is_range else row(*lo)
    return row(_within(p.base, _ATOM), Fence("[", row(glyph(p.axis), Sign("="), place)))


# --- layers ---


def layer(value: f.Layer) -> Math:
    """A layer: the name of its cell with what is bound below; combinations as functions of layers."""
    match value.kind:
        case "cell":
            name, bracket, arguments = value.name.partition("(")
            bound = arguments.rpartition(")")[0]
            return Script(Named(name), Words(bound)) if bracket and bound else Named(name)
        case "use":
            return instance(value.name)
        case _:
            parts = [layer(p) for p in dict.fromkeys(value.parts)]
            count = len(value.parts)
            if len(parts) == 1 and count > 1 and value.kind == "stack":
                parts.append(Digits(str(count)))
            options = [row(Words(n), Sign("="), Words(v)) for n, v in value.options if (n, v) != ("merge", "concat")]
            body = listed(parts)
            return called(Named(value.kind), row(body, Sign(";"), listed(options)) if options else body)


def head(formula: f.Formula) -> Math:
    """A function without what it is applied to: `tanh`, `clip` with its limits, the sum over an axis."""
    match formula:
        case f.Apply(function="clip" | "dropout" | "zoneout"):
            called_function = _APPLIED[formula.function](formula)[0]
            return called_function.items[0] if isinstance(called_function, Row) else called_function
        case f.Apply(function="sqrt"):
            return Root(Sign("times"))
        case f.Apply(function=name) if name in _FENCED:
            return Fence(_FENCED[name], Sign("times"))
        case f.Apply(function="square"):
            return Script(Sign("times"), None, Digits("2"))
        case f.Apply(function="concat" | "stack_axis" as name):
            axis = dict(formula.options).get("axis")
            return Named(name) if axis is None else Script(Named(name), typeset(axis))
        case f.Apply(function, _, options):
            below = [_bare(typeset(v)) for n, v in options if not n]
            name = function_name(function)
            return Script(name, listed(below)) if below else name
        case f.Over(function, _, axes, _):
            name = Sign(function) if function in ("sum", "prod") else function_name(function)
            return Script(name, _axes(axes)) if axes else name
        case _:
            return typeset(formula)


def place(part: f.Part) -> Math:
    """The brackets of a slice."""
    whole = _part(part)
    return whole.items[-1] if isinstance(whole, Row) else whole


def scaled_by(factor: f.Formula) -> Math:
    """A constant factor, as the operation that it is."""
    sign = "times" if isinstance(factor, f.Number | f.Open) else "odot"
    return row(_within(factor, _POWER), Sign(sign))
