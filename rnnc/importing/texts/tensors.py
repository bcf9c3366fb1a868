"""Expressions over what layers give: steps and states of it, functions and arithmetic, in the places where texts have
them. What they compute is said when the network is put together, where it is known what has steps."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.formulas.formulas import Formulas, NotRead, Text
from rnnc.importing.pieces.built import part_of_features, side_by_side, softmax, together, wrapped
from rnnc.importing.python.values import (
    Applied,
    Built,
    Computed,
    Finals,
    Given,
    Incoming,
    Lost,
    Made,
    Names,
    Reference,
    Tensor,
    Value,
    problem,
)  # fmt: skip

if TYPE_CHECKING:
    from rnnc.importing.pieces.pieces import Network
    from rnnc.importing.texts.evaluate import Evaluator

OPAQUE = "‹data›"  # sizes of arrays, and arrays that are no results of layers
UNREAD = "‹state›"  # final states of layers that have others than these here know
_SAME = "contiguous to float double cuda cpu clone type identity convert_to_tensor cast pack_padded_sequence data"
SAME = frozenset(_SAME.split())
OVER = {
    "mean": "mean", "sum": "sum", "max": "max", "min": "min", "amax": "max", "amin": "min", "reduce_mean": "mean",
    "reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min",
}  # fmt: skip
WITH_PLACES = ("max", "min")  # of these PyTorch also tells where they are
TURNS = ("transpose", "permute", "swapaxes")
FLAT = ("view", "reshape", "flatten")
SPECIAL = frozenset(
    (*SAME, *OVER, *TURNS, *FLAT, "squeeze", "unsqueeze", "dropout", "detach", "pad_packed_sequence", "softmax")
)
SIZES = frozenset(["size", "dim", "shape", "get_shape", "ndimension", "numel", "device", "dtype"])
_ARRAYS = "zeros zeros_like new_zeros ones randn rand tensor arange full from_numpy placeholder Variable device"
ARRAYS = frozenset(_ARRAYS.split())


class Tensors:
    """Reads such expressions of one text."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._ev = evaluator

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
        """The tensor that an expression is; None where it is data. A function that no library here knows gives data
        where it is given nothing else."""
        try:
            value = self._ev.given(node, names).value
        except Lost:
            raise
        except DiagnosticError:
            if self._leaves(node, names) or self._is_of_layers(node, names):
                raise
            return None
        self._check_read(value, node)
        found = as_tensor(value)
        if found is None and isinstance(value, list) and value:
            found = as_tensor(value[0].value)  # a layer that gives its states, too
        if found is None and isinstance(value, Made) and value.constructor.name in ("Input", "InputLayer"):
            return Applied(self._ev.given(node, names))
        if found is None and isinstance(value, Finals):
            what = "the final states of several layers in one array"
            raise problem("E602", what, self._ev.span(node), fix="say of which layer: `h[-1]`")
        return found

    def state(self, node: ast.expr, names: Names) -> Given | None:
        """What a layer begins with; None where that is nothing that layers give."""
        try:
            given = self._ev.given(node, names)
        except Lost:
            raise
        except DiagnosticError:
            if self._leaves(node, names):
                raise
            return None
        for item in given.value if isinstance(given.value, list) else [given]:
            self._check_read(item.value, node)
        return given if _has_tensor(given.value) else None

    def _check_read(self, value: Value, node: ast.expr) -> None:
        if isinstance(value, Reference) and value.path.startswith(UNREAD):
            fix = "import the layers alone, and write the network: `d = Decoder(x, h = last(e))`"
            what = "the final states of this layer are handed on, which is not said by this"
            raise problem("E606", what, self._ev.span(node), fix=fix)

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
        functions = self._ev.functions_in(node, names)

        def build(network: Network, built: Sequence[Built]) -> Built:
            whole = together(built, span)
            calls = {_last(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}
            is_plain = calls.isdisjoint(("concat", "concatenate", "cat", "glu", "crelu"))  # as many features everywhere
            parts = side_by_side(built) if is_plain else [each.text for each in built]
            whole = whole if is_plain else replace(whole, width=None)
            texts = {key: Text(part) for key, part in zip(own, parts, strict=True)}
            axes = 3 if whole.is_sequence else 2
            formulas = Formulas(
                lambda each: texts.get(id(each)), lambda each: self._ev.given(each, names), functions, lambda _: axes
            )
            try:
                text = formulas.one(node).text
            except NotRead as error:
                what = f"this is not read of what layers give: {error}"
                raise problem("E606", what, span, fix="import the layers alone, and write the rest by hand") from None
            return replace(whole, text=text if text.isidentifier() else network.equation("v", text))

        return Computed(tuple(tensor for _, tensor in leaves), build)

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
        if isinstance(node.func, ast.Attribute) and self._leaves(node.func.value, names):  # a method
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

    # --- steps, axes, and what only looks like a function ---

    def function(
        self, name: str, args: Sequence[ast.expr], keywords: Sequence[ast.keyword], node: ast.expr, names: Names
    ) -> Value:
        """A function of the library's, or a method, that is no formula; None where it is none of these."""
        if not args or name not in SPECIAL:
            return None
        first = self._ev.given(args[0], names).value if not isinstance(args[0], ast.List | ast.Tuple) else None
        if isinstance(first, Finals) and name in ("squeeze", *SAME):
            return first.at(0) if first.count == 1 and name == "squeeze" else first
        tensor = as_tensor(first)
        if tensor is None:
            return None
        given = {k.arg: k.value for k in keywords if k.arg is not None}
        rest = [*args[1:]]
        if name in SAME:
            return tensor
        if name == "pad_packed_sequence":
            span = self._ev.span(node)
            return [Given(tensor, span), Given(Reference(OPAQUE), span)]
        if name in OVER:
            return self._over(name, tensor, rest, given, node, names)
        if name == "softmax":
            return self._softmax(tensor, rest, given, node, names)
        if name in TURNS:
            return self._turned(tensor, rest, given, node, names)
        if name == "dropout":
            return self._dropped(tensor, rest, given, node, names)
        if name == "detach":
            return Computed((tensor,), lambda network, built: wrapped(network, built[0], "stop_gradient({})"))
        return self._flat(name, tensor, rest, node, names)

    def _numbers(self, nodes: Sequence[ast.expr], names: Names) -> list[int | None]:
        """Whole numbers, of a list or one by one; None for what is not known."""
        found: list[int | None] = []
        for node in nodes:
            try:
                value = self._ev.given(node, names).value
            except DiagnosticError:
                value = None
            items = [item.value for item in value] if isinstance(value, list) else [value]
            found += [each if isinstance(each, int) and not isinstance(each, bool) else None for each in items]
        return found

    def _over(
        self, name: str, tensor: Tensor, rest: list[ast.expr], given: dict[str, ast.expr], node: ast.expr, names: Names
    ) -> Value:
        """One value of all steps."""
        axes = [*rest[:1], *(given[key] for key in ("dim", "axis") if key in given)]
        numbers, span, fold = self._numbers(axes, names), self._ev.span(node), OVER[name]
        if len(numbers) != 1 or numbers[0] is None:
            return None

        def build(network: Network, built: Sequence[Built]) -> Built:
            one, axis = built[0], numbers[0]
            if not one.is_sequence or axis != (0 if one.steps_first else 1):
                what = f"`{name}` over the axis {axis} of {'steps' if one.is_sequence else 'one step'} is not read"
                raise problem("E606", what, span, fix="write what it computes by hand, behind the layers")
            return replace(one, text=network.equation("p", f"{fold}({one.text}, time)"), is_sequence=False)

        found = Computed((tensor,), build)
        if (name in WITH_PLACES and "dim" in given) or (name in WITH_PLACES and rest):
            return [Given(found, span), Given(Reference(OPAQUE), span)]
        return found

    def _softmax(
        self, tensor: Tensor, rest: list[ast.expr], given: dict[str, ast.expr], node: ast.expr, names: Names
    ) -> Value:
        """Over the features, or over the steps, as attention has it."""
        numbers = self._numbers([*rest[:1], *(given[key] for key in ("dim", "axis") if key in given)], names)
        axis, span = numbers[0] if numbers else -1, self._ev.span(node)

        def build(network: Network, built: Sequence[Built]) -> Built:
            return replace(built[0], text=network.equation("w", softmax(built[0], axis, span)))

        return Computed((tensor,), build)

    def _turned(
        self, tensor: Tensor, rest: list[ast.expr], given: dict[str, ast.expr], node: ast.expr, names: Names
    ) -> Value:
        """Steps come first, or the rows."""
        numbers = self._numbers([*rest, *given.values()], names)
        span = self._ev.span(node)
        if sorted(each for each in numbers if each is not None) != [*range(len(numbers))] or numbers not in (
            [0, 1], [1, 0], [1, 0, 2], [0, 1, 2],
        ):  # fmt: skip
            raise problem("E606", "read are transposes of rows and steps, `transpose(0, 1)`", span)
        if numbers == [0, 1, 2]:
            return tensor

        def build(network: Network, built: Sequence[Built]) -> Built:
            one = built[0]
            if not one.is_sequence:
                raise problem("E606", "what is turned here has no steps", span)
            return replace(one, steps_first=None if one.steps_first is None else not one.steps_first)

        return Computed((tensor,), build)

    def _dropped(
        self, tensor: Tensor, rest: list[ast.expr], given: dict[str, ast.expr], node: ast.expr, names: Names
    ) -> Value:
        where = given.get("p", given.get("rate", rest[0] if rest else None))
        rate, span = self._ev.given(where, names).value if where is not None else 0.5, self._ev.span(node)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
            raise problem("E605", "the rate of a dropout is a number from 0 on, and less than 1", span)
        text = f"dropout({{}}, {rate!r}, mask = step)"
        return Computed((tensor,), lambda network, built: wrapped(network, built[0], text, "d") if rate else built[0])

    def _flat(self, name: str, tensor: Tensor, rest: list[ast.expr], node: ast.expr, names: Names) -> Value:
        """`y.view(-1, 4)`, `y.squeeze(-1)`: other axes, the same numbers of each step."""
        numbers, span = self._numbers(rest, names), self._ev.span(node)

        def build(network: Network, built: Sequence[Built]) -> Built:
            one = built[0]
            keeps = name in ("squeeze", "unsqueeze") and numbers in ([-1], [2])
            if name in ("view", "reshape") and numbers:
                last = numbers[-1]
                is_whole = re.fullmatch(r"[\w.]+\.(size\((2|-1)\)|shape\[(2|-1)\])", ast.unparse(rest[-1])) is not None
                is_whole |= last is not None and (one.width == str(last) or (len(numbers) == 3 and last == -1))
                keeps = is_whole and (len(numbers) == 3 or (len(numbers) == 2 and numbers[0] == -1))
            if one.is_sequence and not keeps:
                what = f"`{name}` puts steps together, and a description does not know how many there are"
                raise problem("E606", what, span, fix="read are the last step, a mean over all, or every step alone")
            return one

        return Computed((tensor,), build)

    # --- parts ---

    def indexed(self, base: Value, place: ast.expr, node: ast.expr, names: Names) -> Value:
        """`outputs[:, -1]`, `outputs[-1]`, `h[-1]`, `h[0]`. E606: another part."""
        parts = place.elts if isinstance(place, ast.Tuple) else [place]
        while parts and (_is_all(parts[-1]) or _is_ellipsis(parts[-1])):
            parts = parts[:-1]
        span = self._ev.span(node)
        if isinstance(base, Finals):
            numbers = self._numbers(parts, names)
            if len(numbers) == 1 and (k := numbers[0]) is not None and -base.count <= k < base.count:
                return base.at(k)
            raise problem("E606", "this part of the final states is not read", span, fix="one layer of them: `h[-1]`")
        tensor = as_tensor(base)
        assert tensor is not None
        if (
            isinstance(tensor, Incoming)
            and len(parts) == 1
            and (k := self._numbers(parts, names)[0]) is not None
            and k >= 0
        ):
            return tensor.part(k)
        if not parts:
            return tensor
        features = parts[-1] if len(parts) == 3 or any(_is_ellipsis(each) for each in parts[:-1]) else None
        if isinstance(features, ast.Slice) and features.step is None:
            ends = [None if end is None else self._numbers([end], names)[0] for end in (features.lower, features.upper)]
            if [end is None for end in ends] == [end is None for end in (features.lower, features.upper)]:
                front = parts[:-1] if len(parts) == 3 else []
                whole = self.indexed(base, ast.Tuple(elts=front, ctx=ast.Load()), node, names) if front else base
                tensor = as_tensor(whole)
                assert tensor is not None
                return Computed((tensor,), part_of_features(*ends))
        is_first, numbers = len(parts) == 1, self._numbers(parts[-1:], names)
        front_is_all = all(_is_all(each) for each in parts[:-1])
        if len(parts) > 2 or not front_is_all or len(numbers) != 1 or numbers[0] is None:
            fix = "read are steps of the outputs, `outputs[:, -1]`"
            raise problem("E606", "this part of what a layer gives is not read", span, fix=fix)

        def build(network: Network, built: Sequence[Built]) -> Built:
            one, k = built[0], numbers[0]
            if not one.is_sequence or (one.steps_first is not None and one.steps_first is not is_first):
                what = "this takes one row of a batch" if one.is_sequence else "this takes apart what has no steps"
                step = "[-1]" if one.steps_first else "[:, -1]"
                raise problem("E606", what, span, fix=f"the last step is `{step}` here" if one.is_sequence else None)
            return replace(one, text=network.equation("end", f"at({one.text}, {k})"), is_sequence=False)

        return Computed((tensor,), build)


def as_tensor(value: Value) -> Tensor | None:
    """What counts as one tensor: the final state of a single layer, too."""
    if isinstance(value, Finals) and value.count == 1:
        return value.at(0)
    return value if isinstance(value, Tensor) else None


def _has_tensor(value: Value) -> bool:
    if isinstance(value, list):
        return any(_has_tensor(item.value) for item in value)
    return isinstance(value, Tensor | Finals) and not isinstance(value, Incoming)


def _last(node: ast.expr) -> str:
    """The last word of a dotted name."""
    return ast.unparse(node).rpartition(".")[2]


def _is_all(node: ast.expr) -> bool:
    return isinstance(node, ast.Slice) and node.lower is None and node.upper is None and node.step is None


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...
