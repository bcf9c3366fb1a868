"""Final states of several layers and directions put together, which PyTorch has in one array: side by side for every
row, summed up, taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnnc.diagnostics import DiagnosticError, Span
from rnnc.importing.equations import Built, Equations
from rnnc.importing.pieces.axes import ROWS, letter_of
from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import Applied, Computed, Finals, Made, Size, Tensor, Value, problem
from rnnc.importing.texts.asked import Asked
from rnnc.importing.texts.sizes import AXES, numbers

TURNED = ([1, 0, 2], [1, 0, -1], [0, 1], [1, 0])  # `permute(1, 0, 2)`, `transpose(0, 1)`


def several(span: Span) -> DiagnosticError:
    what = "this is not read of the final states of several layers"
    return problem("E606", what, span, fix="say of which layer: `h[-1]`")


def put_together(ev: Evaluates, finals: Finals, asked: Asked) -> Value:
    """What a function makes of them. E606: it is not read."""
    named = [value for key, value in asked.named.items() if key in AXES]
    known = numbers(ev, [*asked.rest, *named], asked.names)
    others = [key for key in asked.named if key not in AXES]
    if finals.ways:
        raise several(asked.span)
    is_pair = asked.name in ("transpose", "swapaxes", "swapdims")
    match asked.name, known:
        case "permute" | "transpose" | "swapaxes" | "swapdims", _ if not others and (
            known in (TURNED[2:] if is_pair else TURNED[:2])
        ):
            return replace(finals, turned=not finals.turned)
        case "sum" | "mean" | "reduce_sum" | "reduce_mean", [axis] if axis == finals.turned and not others:
            end = f" / {finals.count}" if asked.name.endswith("mean") else ""
            return Computed(finals.all(), lambda network, built: _added(network, built, end))
        case "flatten", [1] | [1, 2] | [1, -1] if finals.turned and not others:
            return Computed(finals.all(), _beside)
        case "view" | "reshape", [rows, wide] if finals.turned and not others:
            return _flat(finals, rows, wide, asked.span)
        case "view" | "reshape", [int() as layers, int() as ways, _, int() as wide] if (
            not finals.turned and not others and layers * ways == finals.count and str(wide) == _width(finals.of)
        ):
            return replace(finals, ways=ways)
        case _:
            raise several(asked.span)


def _flat(finals: Finals, rows: Size | int | None, wide: Size | int | None, span: Span) -> Tensor:
    """A row of all of them. E606: the sizes are others."""
    sizes = (rows.tensor,) if isinstance(rows, Size) else ()

    def build(network: Equations, built: Sequence[Built]) -> Built:
        found = _beside(network, built[: finals.count])
        is_so_wide = isinstance(wide, int) and str(wide) == found.width
        is_rest = wide == -1 and isinstance(rows, Size) and rows.axis is not None
        if not is_so_wide and not (is_rest and _is_rows(finals, rows, built[-1])):
            raise problem("E606", "whether this has a row for each of the batch is not known", span, fix="flatten(1)")
        return found

    return Computed((*finals.all(), *sizes), build)


def _is_rows(finals: Finals, size: Size | int | None, one: Built) -> bool:
    """Whether a size is that of the batch."""
    if not isinstance(size, Size) or size.axis is None:
        return False
    if one.steps_first is None and one.is_sequence:  # what comes in: as the layer takes it
        made = finals.of.layer.value
        if not _reaches(finals.of, size.tensor) or not isinstance(made, Made):
            return False
        first = made.arguments.get("batch_first")
        one = replace(one, steps_first=not (first is not None and first.value is True))
    return letter_of(one, size.axis) == ROWS


def _reaches(of: Applied, tensor: Tensor) -> bool:
    """Whether a layer is called on it, or on what layers of single steps make of it."""
    inner: Tensor = of
    while isinstance(inner, Applied) and len(inner.inputs) == 1:
        inner = inner.inputs[0]
        if inner is tensor:
            return True
        if isinstance(inner, Applied) and isinstance(inner.layer.value, Made) and inner.layer.value.constructor.states:
            return False
    return False


def _beside(network: Equations, built: Sequence[Built]) -> Built:
    widths = [each.width or "" for each in built]
    wide = str(sum(map(int, widths))) if all(each.isdigit() for each in widths) else None
    text = network.equation("v", f"concat({', '.join(each.text for each in built)})")
    return replace(built[0], text=text, width=wide)


def _added(network: Equations, built: Sequence[Built], end: str) -> Built:
    text = " + ".join(each.text for each in built)
    return replace(built[0], text=network.equation("v", f"({text}){end}" if end else text))


def _width(of: Applied) -> str | None:
    """How many numbers a final state has, where the layer says so."""
    made = of.layer.value
    given = made.arguments.get("hidden_size") if isinstance(made, Made) else None
    is_plain = isinstance(made, Made) and "proj_size" not in made.arguments
    return str(given.value) if given is not None and is_plain else None
