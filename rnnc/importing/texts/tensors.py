"""Expressions over what layers give: functions and arithmetic, in the places where texts have them, and what layers are
given. What they compute is said when the network is put together, where it is known what has steps."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.equations import Built, Equations
from rnnc.importing.formulas.formulas import Formulas, NotRead, Text
from rnnc.importing.pieces import padding, widths
from rnnc.importing.pieces.axes import axes_of, check_features
from rnnc.importing.pieces.built import side_by_side, together
from rnnc.importing.python.values import (
    Computed,
    Finals,
    Given,
    Incoming,
    Instance,
    Lost,
    Made,
    Names,
    Reference,
    Tensor,
    Thunk,
    Value,
    as_tensor,
    describe,
    problem,
)
from rnnc.importing.texts.arrays import SIZES, UNREAD, WAYS, casts, is_asked_for, is_nothing, is_opaque
from rnnc.importing.texts.asked import Asked
from rnnc.importing.texts.axes import ALIKE, CASTS, SAME, SPECIAL, Axes
from rnnc.importing.texts.finals import put_together
from rnnc.importing.texts.functions import JOINS, functions_in
from rnnc.importing.texts.reads import Reads

# What goes along the features, and wants them in all of its arrays; in the last two their number is another afterwards.
ALONG = frozenset((*JOINS, "log_softmax", "cumsum", "sparsemax", "glu", "crelu"))
WIDER = frozenset((*JOINS, "glu", "crelu"))
MOST_DEEP = 30  # names that stand for others


class Tensors:
    """Reads such expressions of one text."""

    def __init__(self, evaluator: Reads) -> None:
        self._ev = evaluator
        self._axes = Axes(evaluator)

    # --- what goes into layers ---

    def inputs(self, node: ast.expr, names: Names) -> tuple[Tensor, ...]:
        """What a layer is called on, one tensor or a list; nothing where it is data."""
        if not isinstance(node, ast.List | ast.Tuple):
            found = self.one(node, names)
            return (found,) if found is not None else ()
        several = [self.one(item, names) for item in node.elts]
        found = tuple(each for each in several if each is not None)
        if len(found) < len(several) and found:
            raise problem("E602", "layers that are called on data and on what layers give", self._ev.span(node))
        return found

    def one(self, node: ast.expr, names: Names) -> Tensor | None:
        """The tensor that an expression is; None where it is data: in a script, where a function that no library here
        knows gives data if it is given nothing else."""
        try:
            value = self._ev.given(node, names).value
        except Lost:
            raise
        except DiagnosticError:
            if self._ev.models or self._is_lost(node, names) or self._is_of_layers(node, names):
                raise
            return None
        self.check_read(value, node)
        found = as_tensor(value)
        if found is None and isinstance(value, list) and value:
            found = as_tensor(value[0].value)  # a layer that gives its states, too
        if found is None and isinstance(value, Finals):
            what = "the final states of several layers in one array"
            raise problem("E602", what, self._ev.span(node), fix="say of which layer: `h[-1]`")
        if found is None and self._ev.models:
            what = f"a layer is called on {describe(value)}, which is neither what comes in nor what layers give"
            raise problem(
                "E606", what, self._ev.span(node), fix="import the layers alone, and write the network by hand"
            )
        return found

    def state(self, made: Made, node: ast.expr, names: Names) -> Given | None:
        """What a layer begins with; None where that is nothing, or what a module is given by its caller. E606: it is
        something else that layers do not give."""
        span, name = self._ev.span(node), made.constructor.name
        fix = "write it in the description: `param h0[units]`, and `h = h0` in the call of the layer"
        what = f"what {name} begins with is not read: it is neither zeros nor what layers give"
        try:
            given = self._ev.given(node, names)
        except Lost:
            raise
        except DiagnosticError:
            if self._is_lost(node, names):
                raise
            if self._ev.models and not self._is_set_outside(node, names):
                raise problem("E606", what, span, fix=fix) from None
            given = Given(Incoming("h", span.start) if self._ev.models else Reference("h"), span)  # what others make
        for item in given.value if isinstance(given.value, list) else [given]:
            self.check_read(item.value, node)
            if isinstance(item.value, Finals) and not item.value.is_plain:
                raise problem("E606", what, span, fix="give it the final states as they are")
        if _has_tensor(given.value):
            return given
        if is_nothing(given.value):
            return None
        is_data = is_opaque(given.value) and not self._ev.models and _last_of(given.value) not in ("ones", "full")
        if not is_data and not is_asked_for(given.value) and not _comes_in(given.value):
            raise problem("E606", what, span, fix=fix)
        text = " ".join(span.text.split())
        self._ev.remarks.add(f"what {name} begins with, `{text}`, is left out: a module takes it as `state`")
        return None

    def of_cell(self, made: Made, node: ast.expr, names: Names) -> None:
        """What a cell begins with, which a module takes with each call: what comes in, or zeros. E606: other arrays."""
        span = self._ev.span(node)
        value = self._ev.given(node, names).value
        items = [item.value for item in value] if isinstance(value, list) else [value]
        if any(isinstance(item, Tensor) for item in items) and all(
            _is_part(item) or is_nothing(item) for item in items
        ):
            text = " ".join(span.text.split())
            what = f"what {made.constructor.name} begins with, `{text}`, is left out"
            self._ev.remarks.add(f"{what}: a module's `step` takes it as `state`")
        elif self.state(made, node, names) is not None:
            what = f"{made.constructor.name} begins with what layers give, which is not read"
            raise problem(
                "E606", what, span, fix=f"{made.constructor.name.removesuffix('Cell')}, which is told its states"
            )

    def _is_set_outside(self, node: ast.expr, names: Names) -> bool:
        """Whether this is a field of the model that nothing in it has set: its caller does."""
        owner = self._ev.if_known(node.value, names).value if isinstance(node, ast.Attribute) else None
        return isinstance(node, ast.Attribute) and isinstance(owner, Instance) and node.attr not in owner.fields

    def check_read(self, value: Value, node: ast.expr) -> None:
        """E606: states or outputs that layers give in a form that is not read."""
        if isinstance(value, Reference) and value.path.startswith(UNREAD):
            fix = "import the layers alone, and write the network: `d = Decoder(x, h = last(e))`"
            what = "the final states of this layer are handed on, which is not said by this"
            if value.path == WAYS:
                what = "the outputs of both directions are taken apart, which is not read"
                fix = "merge_mode='concat', 'sum', 'mul' or 'ave' puts them together; else write the network by hand"
            raise problem("E606", what, self._ev.span(node), fix=fix)

    def _is_lost(self, node: ast.expr, names: Names, depth: int = 0) -> bool:
        """Whether an expression that nobody can read is made of what layers give, or of an Input, by itself or by what
        names stand for: else it is data."""
        if self._leaves(node, names):
            return True
        held = [names.get(each.id) for each in ast.walk(node) if isinstance(each, ast.Name)]
        entries = [each for each in held if isinstance(each, Thunk)]
        return depth < MOST_DEEP and any(self._is_lost(each.node, each.names, depth + 1) for each in entries)

    def _is_of_layers(self, node: ast.expr, names: Names) -> bool:
        """Whether a call is one of a layer or a model."""
        if not isinstance(node, ast.Call):
            return False
        try:
            return not isinstance(self._ev.given(node.func, names).value, Reference)
        except DiagnosticError:
            return True

    # --- expressions ---

    def computed(self, node: ast.expr, names: Names) -> Tensor | None:
        """Arithmetic and functions of tensors; None where there is no tensor among what they are given."""
        leaves = self._leaves(node, names)
        if not leaves:
            return None
        span, own = self._ev.span(node), [id(each) for each, _ in leaves]
        functions = functions_in(self._ev, node, names)
        calls = {_last(each.func).strip("‹›") for each in ast.walk(node) if isinstance(each, ast.Call)}
        for kind in [
            k.value for each in ast.walk(node) if isinstance(each, ast.Call) for k in each.keywords if k.arg == "dtype"
        ]:
            casts(self._ev, "cast", leaves[0][1], [kind], names, span)

        def build(network: Equations, built: Sequence[Built]) -> Built:
            whole = together(built, span)
            if not calls.isdisjoint(ALONG):
                for each in built:
                    check_features(each, "what goes along the features", span)
                self._check_axes(node, whole, names)
            is_plain = calls.isdisjoint(JOINS)  # as many features everywhere
            if is_plain:
                widths.meet(network, built, span, self._ev.remarks)
            parts = side_by_side(built) if is_plain else [each.text for each in built]
            whole = replace(whole, width=whole.width if calls.isdisjoint(WIDER) else None)
            texts = {key: Text(part) for key, part in zip(own, parts, strict=True)}
            behind = {key: each.padding for key, each in zip(own, built, strict=True)}
            if padding.PACKED in behind.values():
                raise padding.packed("a function", span)
            formulas = Formulas(
                lambda each: texts.get(id(each)),
                lambda each: self._ev.given(each, names),
                functions,
                lambda _: len(axes_of(whole)),
            )
            try:
                text = formulas.one(node).text
            except NotRead as error:
                what = f"this is not read of what layers give: {error}"
                raise problem("E606", what, span, fix="import the layers alone, and write the rest by hand") from None
            text = text if text.isidentifier() else network.equation("v", text)
            return replace(whole, text=text, padding=padding.after(node, lambda each: behind.get(id(each))))

        return Computed(tuple(tensor for _, tensor in leaves), build)

    def _check_axes(self, node: ast.expr, whole: Built, names: Names) -> None:
        """E606: a function of PyTorch that goes along the features is not told so, and goes along another axis."""
        for each in ast.walk(node):
            if (
                isinstance(each, ast.Call)
                and _last(each.func).strip("‹›") == "log_softmax"
                and len(axes_of(whole)) != 2
            ):
                is_told = len(each.args) > 1 or any(k.arg in ("dim", "axis") for k in each.keywords)
                if not is_told and self._is_torch(each, names):
                    what = "without an axis PyTorch's log_softmax goes over whichever it finds first"
                    raise problem("E606", what, self._ev.span(each), fix="log_softmax(y, dim=-1)")

    def _is_torch(self, node: ast.expr, names: Names) -> bool:
        """Whether a call is of a function of PyTorch, or of a method, which arrays have nowhere else."""
        function = self._ev.if_known(node.func, names).value if isinstance(node, ast.Call) else None
        if not isinstance(function, Reference):
            return True
        return function.path.partition(".")[0] in ("torch", "F", "nn", "functional")

    def _leaves(self, node: ast.AST, names: Names) -> list[tuple[ast.expr, Tensor]]:
        """The parts of an expression that are tensors by themselves."""
        match node:
            case ast.Lambda() | ast.Constant():
                return []
            case ast.Name() | ast.Attribute() | ast.Subscript():
                try:
                    found = as_tensor(self._ev.given(node, names).value)
                except Lost:
                    raise
                except DiagnosticError:
                    found = None
                if found is not None:
                    return [(node, found)]
                is_size = isinstance(node, ast.Attribute) and node.attr in SIZES
                return [] if isinstance(node, ast.Name) or is_size else self._leaves(node.value, names)
            case ast.Call(func=function):
                if (own := self._of_call(node, names)) is not None:
                    return [(node, own)]
                if isinstance(function, ast.Attribute) and function.attr in SIZES:
                    return []
                inner = [*node.args, *(keyword.value for keyword in node.keywords)]
                inner += [function.value] if isinstance(function, ast.Attribute) else []
                return [leaf for each in inner for leaf in self._leaves(each, names)]
            case _:
                return [leaf for child in ast.iter_child_nodes(node) for leaf in self._leaves(child, names)]

    def _of_call(self, node: ast.Call, names: Names) -> Tensor | None:
        """A call that is more than a function of numbers: of a layer, of all steps."""
        if isinstance(node.func, ast.Attribute) and self._has_method(node.func.value, names):
            return as_tensor(self._ev.given(node, names).value) if node.func.attr not in SIZES else None
        try:
            function = self._ev.given(node.func, names).value
        except DiagnosticError:
            return None
        if isinstance(function, Reference) and not self._ev.knows(function):
            found = self.function(function.last, node.args, node.keywords, node, names)
            return as_tensor(found) if found is not None else None
        found = self._ev.given(node, names).value
        first = found[0].value if isinstance(found, list) and found else found
        return as_tensor(first)

    def _has_method(self, node: ast.expr, names: Names) -> bool:
        """Whether functions of arrays are methods of it."""
        return bool(self._leaves(node, names)) or isinstance(self._ev.if_known(node, names).value, Finals)

    # --- steps, axes, and what only looks like a function ---

    def function(
        self, name: str, args: Sequence[ast.expr], keywords: Sequence[ast.keyword], node: ast.expr, names: Names
    ) -> Value:
        """A function of the library's, or a method, that is no formula; None where it is none of these."""
        if not args or name not in SPECIAL:
            return None
        first = self._ev.given(args[0], names).value if not isinstance(args[0], ast.List | ast.Tuple) else None
        span = self._ev.span(node)
        given = {k.arg: k.value for k in keywords if k.arg is not None}
        if isinstance(first, Finals):
            if name == "squeeze" and first.count == 1 and len(args) == 1 and not given:
                return first.at(0)
            if name in (*SAME, *CASTS, "clone", "detach"):
                if name in CASTS:
                    casts(self._ev, name, first.at(0), [*args[1:], *given.values()], names, span)
                return first
            if first.count > 1:
                return put_together(self._ev, first, Asked(name, first.at(0), args[1:], given, node, names, span, True))
        tensor = as_tensor(first)
        rest = args[1:]
        if tensor is None or (name in ("max", "min") and self._is_of_two(rest, names)):
            return None
        found = self._axes.called(Asked(name, tensor, rest, given, node, names, span, self._is_torch(node, names)))
        return replace(found, alike=tensor) if isinstance(found, Computed) and name in ALIKE else found

    def _is_of_two(self, rest: Sequence[ast.expr], names: Names) -> bool:
        """`torch.max(a, b)`."""
        return len(rest) == 1 and as_tensor(self._ev.if_known(rest[0], names).value) is not None


def _has_tensor(value: Value) -> bool:
    if isinstance(value, list):
        return any(_has_tensor(item.value) for item in value)
    if isinstance(value, Incoming):
        return False
    return isinstance(value, Finals) or as_tensor(value) is not None


def _comes_in(value: Value) -> bool:
    """Whether a model is given it, as a module is given states."""
    if isinstance(value, list):
        return all(_comes_in(item.value) or is_nothing(item.value) for item in value)
    return isinstance(value, Incoming)


def _is_part(value: Value) -> bool:
    """Whether it is something of what comes in."""
    while isinstance(value, Computed) and value.shares is not None:
        value = value.shares
    return isinstance(value, Incoming)


def _last_of(value: Value) -> str:
    return value.last if isinstance(value, Reference) else ""


def _last(node: ast.expr) -> str:
    """The last word of a dotted name."""
    return ast.unparse(node).rpartition(".")[2]
