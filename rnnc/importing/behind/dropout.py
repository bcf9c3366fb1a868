"""Dropout behind a driver: `tf.nn.dropout(h, 0.5)`, `tf.layers.dropout(h, 0.5, training=is_training)`."""

from __future__ import annotations

import ast
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

from rnnc.importing.behind.calling import Plain, arguments, traced
from rnnc.importing.behind.values import LIST, Outputs, Result, also, end_of, key_of
from rnnc.importing.formulas.directions import Key, Merge
from rnnc.importing.formulas.formulas import Text
from rnnc.importing.pieces.head import End, Head
from rnnc.importing.pieces.words import own_words
from rnnc.importing.python.values import Names, Reference, Thunk
from rnnc.importing.texts.line import Line

_OF_LAYERS = "inputs rate noise_shape seed training name"
_OF_CONTRIB = "inputs keep_prob noise_shape is_training outputs_collections seed"
_OLD = "x keep_prob noise_shape seed name rate"
_NEW = "x rate noise_shape seed name"
UNSET = {"keep_prob": "1.0", "rate": "0.0"}  # what a description's parameter is that nobody sets: nothing is dropped
HALF = "0.5"  # what it is where it is both
NAMED = {"keep_prob": "keep = {}", "rate": "{}"}  # as the language writes them


@dataclass
class Parameter:
    """A number that whoever runs the text gives: what it is if nobody does, where the `text` says it, and which of
    the arguments of dropout it is given as."""

    name: str
    text: str | None
    uses: set[str] = field(default_factory=set[str])

    @property
    def default(self) -> str:
        (first, *more) = sorted(self.uses)
        return self.text or (HALF if more else UNSET[first])


@dataclass(frozen=True)
class Drops:
    """What a call drops: the text around the values, and the lines that its arguments are made of."""

    text: str
    reads: frozenset[Key] = frozenset()


NOTHING = Drops("{}")


class Dropouts:
    """Reads them. `is_new`: TensorFlow 2 is what a path says that does not say `compat.v1`; `fields` are lines that set
    fields, `self.keep_prob = …`, by these."""

    def __init__(self, plain: Plain, fields: Mapping[str, Line], *, is_new: bool) -> None:
        self._plain, self._fields, self._is_new = plain, fields, is_new
        self._parameters: dict[Hashable, Parameter] = {}  # by what gives them
        self._calls: dict[Key, int] = {}

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Those of the description."""
        return tuple(self._parameters.values())

    def data(self, node: ast.Call, names: Names) -> tuple[ast.expr, Drops] | None:
        """What a call drops numbers of, and how; None where that is not read."""
        function = self._plain.value(node.func, names)
        path = function.path.split(".") if isinstance(function, Reference) else []
        if {"contrib", "slim"} & {*path}:
            given, when = arguments(node, _OF_CONTRIB), "is_training"
        elif "layers" in path or "core_layers" in path:
            given, when = arguments(node, _OF_LAYERS), "training"
        elif {"nn", "nn_ops"} & {*path}:
            given, when = arguments(node, _NEW if self._is_new and "v1" not in path else _OLD), ""
        else:
            return None
        data = (given or {}).get("x", (given or {}).get("inputs"))
        drops = self._drops(given, when, names) if given is not None and data is not None else None
        if given is None or data is None or drops is None:
            return None
        nodes = [node for each in given.values() if each is not data for node in ast.walk(each)]
        used = [names.get(node.id) for node in nodes if isinstance(node, ast.Name)]
        reads = {key_of(entry.node, entry.names) for entry in used if isinstance(entry, Thunk)}
        lines = [self._fields.get(ast.unparse(node)) for node in nodes if isinstance(node, ast.Attribute)]
        reads |= {key_of(line.value, line.names) for line in lines if line is not None}
        place = self._calls.setdefault(key_of(node, names), len(self._calls))
        text = drops.text.replace("dropout(", f"dropout#{place}(")
        return data, Drops(text, frozenset(reads))

    def _drops(self, given: Mapping[str, ast.expr], when: str, names: Names) -> Drops | None:
        shape = given.get("noise_shape")
        if shape is not None and self._plain.value(shape, names) is not None:
            return None
        acts = self._plain.flag(given.get(when), names, default=when != "training")
        if acts is False:
            return NOTHING
        found = [(name, given[name]) for name in UNSET if name in given and self._is_given(given[name], names)]
        if not found:
            return Drops("dropout({}, 0.5, mask = step)") if when else None
        return self._of_rate(*found[0], names) if len(found) == 1 else None

    def _is_given(self, node: ast.expr, names: Names) -> bool:
        return self._plain.value(node, names) is not None

    def _of_rate(self, name: str, node: ast.expr, names: Names) -> Drops | None:
        """The rate, or what is kept, a number or a name without one."""
        own = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
        line = self._fields.get(ast.unparse(node)) if isinstance(node, ast.Attribute) else None
        node, names = (line.value, line.names) if line is not None else (node, names)
        value = self._plain.value(node, names)
        if isinstance(value, int | float) and not isinstance(value, bool):
            kept = value if name == "keep_prob" else 1 - value
            if not 0 < kept <= 1:
                return None
            return NOTHING if kept == 1 else Drops(f"dropout({{}}, {NAMED[name].format(repr(value))}, mask = step)")
        match node:
            case ast.BinOp(left=ast.Constant(value=1 | 1.0), op=ast.Sub(), right=rest):  # `rate=1 - keep_prob`
                return self._of_rate("rate" if name == "keep_prob" else "keep_prob", rest, names)
            case _:
                parameter = self._parameter(node, own, name, names) if own is not None else None
        if parameter is None:
            return None
        parameter.uses.add(name)
        return Drops(f"dropout({{}}, {NAMED[name].format(parameter.name)}, mask = step)")

    def _parameter(self, node: ast.expr, own: str, name: str, names: Names) -> Parameter | None:
        """The number that whoever runs the text gives: a placeholder, or a name that nothing there makes."""
        found, (made, inside) = self._plain.value(node, names), traced(node, names)
        source: Hashable = None
        if isinstance(made, ast.Call):
            kind = ast.unparse(made.func).rpartition(".")[2]
            source = id(made) if kind in ("placeholder", "placeholder_with_default") else None
        elif isinstance(found, Reference) and found.path and not found.path.startswith("‹"):
            source = found.path
        value = self._default(made, inside)
        if source is None or (value is not None and not 0 < (value if name == "keep_prob" else 1 - value) <= 1):
            return None
        taken = {*own_words(), *(each.name for each in self.parameters)}
        wanted = [own] if re.fullmatch("[a-z][a-z0-9_]*", own) else []
        wanted += [name, *(f"{name}{k}" for k in range(2, 1000))]
        free = next(each for each in wanted if each not in taken)
        return self._parameters.setdefault(source, Parameter(free, repr(value) if value is not None else None))

    def _default(self, made: ast.expr, names: Names) -> float | None:
        """0.5 of `tf.placeholder_with_default(0.5, ())`."""
        given = arguments(made, "input shape") if isinstance(made, ast.Call) else None
        value = self._plain.value(given["input"], names) if given is not None and "input" in given else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def dropped(held: Result, drops: Drops, scope: str) -> Result:
    """What is left of a value."""
    held = also(held, drops.reads)
    if drops.text == "{}":
        return held
    match held:
        case Outputs(form=form) if form == LIST:
            return None
        case Outputs(merge=Merge() as merge):
            merge = replace(merge, formula=Text(drops.text.format(merge.formula.text)))
            return replace(held, merge=merge, renamed=False)
        case Outputs(text=text):
            return replace(held, text=drops.text.format(text), renamed=False)
        case _:
            pass
    end = end_of(held)
    if held is None or end is None:
        return None
    at = held.at if isinstance(held, Head) else None
    return Head(_around(end, drops.text), scope, held.reads, at=at)


def _around(end: End, text: str) -> End:
    if end.merge is not None and end.text == "{}":  # of a final state of both directions
        formula = Text(text.format(end.merge.formula.text))
        return replace(end, merge=replace(end.merge, formula=formula))
    return replace(end, text=text.format(end.text))
