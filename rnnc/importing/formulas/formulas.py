"""Expressions over tensors of a step, as Python writes them (`tf.nn.relu(v) - 0.5`), in the words of the language."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rnnc.importing.formulas import slices
from rnnc.importing.python.values import Function, Given, Partial, Reference, Value

LOOSEST, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)  # how tightly a text holds together
OPERATORS: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM), ast.Sub: ("-", SUM), ast.Mult: ("*", PRODUCT), ast.Div: ("/", PRODUCT), ast.Pow: ("**", POWER),
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
AS_OPERATOR: dict[str, type[ast.operator]] = {
    "add": ast.Add, "subtract": ast.Sub, "multiply": ast.Mult, "divide": ast.Div, "truediv": ast.Div, "div": ast.Div,
    "pow": ast.Pow, "mul": ast.Mult, "sub": ast.Sub, "true_divide": ast.Div,
}  # fmt: skip
AS_COMPARISON: dict[str, type[ast.cmpop]] = {
    "less": ast.Lt, "less_equal": ast.LtE, "greater": ast.Gt, "greater_equal": ast.GtE,
}  # fmt: skip
AS_FUNCTION = {"minimum": "min", "maximum": "max", "where": "where"}
FOLDS = {"add_n": "sum", "reduce_sum": "sum", "reduce_mean": "mean", "reduce_max": "max", "reduce_min": "min"}
OF_NUMBERS = ("float", "int", "len", "math.sqrt")  # functions of Python's, of numbers
IGNORED = ("name", "dtype", "inplace", "training")
UNCHANGED = ("identity", "cast", "constant", "convert_to_tensor", "stack")
# Functions of one tensor that no cell has as its activation by default, but the language has.
ELEMENTWISE = {name: name for name in ("floor", "ceil", "round", "log", "rsqrt", "reciprocal", "stop_gradient")}
WRITTEN = frozenset((*ELEMENTWISE, "negative"))  # what a cell may have as its activation, written out
# How the parameters of functions with several are called, for keywords.
PARAMETERS = {
    "clip_by_value": ("t", "clip_value_min", "clip_value_max"),
    "clamp": ("input", "min", "max"),
    "hardtanh": ("input", "min_val", "max_val"),
    "clamp_min": ("input", "min"),
    "clamp_max": ("input", "max"),
    "slice": ("input_", "begin", "size"),
    **dict.fromkeys(("softmax", "log_softmax"), ("logits", "axis")),
    **dict.fromkeys(("concat", "concatenate", "cat"), ("values", "axis")),
    **dict.fromkeys(("glu", "sparsemax"), ("x", "axis")),
    **dict.fromkeys(FOLDS, ("input_tensor", "axis")),
    "cumsum": ("x", "axis"),
    **dict.fromkeys(("relu", "tanh", "sigmoid"), ("features",)),
}


SYNONYMS = {"dim": "axis"}  # what PyTorch calls parameters
# Functions of one tensor and numbers: how the library calls these, and the language.
PLAIN_NAMES = {"hardshrink": "hard_shrink", "softshrink": "soft_shrink"}  # of those that have other names in PyTorch
WITH_NUMBERS = {
    **{name: {"lambd": "limit"} for name in PLAIN_NAMES},
    "leaky_relu": {"alpha": "slope", "negative_slope": "slope"},
    "elu": {"alpha": "alpha"},
    "celu": {"alpha": "alpha"},
    "squareplus": {"b": "b"},
    "hard_shrink": {"threshold": "limit"},
    "soft_shrink": {"threshold": "limit"},
    "threshold": {"threshold": "limit", "default_value": "otherwise", "value": "otherwise"},
}
# Activations that no cell can have, and why.
REFUSED = {
    "crelu": "it gives twice as many features as it takes",
    "glu": "it gives half as many features as it takes",
    "threshold": "it wants numbers, `lambda v: keras.activations.threshold(v, 1.0, 0.0)`",
    "cumsum": "without an axis it sums over the rows of a batch; over features it is `lambda v: tf.cumsum(v, axis=-1)`",
}


def is_known(name: str) -> bool:
    """Whether a function is read of some arguments."""
    tables = (AS_OPERATOR, AS_COMPARISON, AS_FUNCTION, FOLDS, PARAMETERS, WITH_NUMBERS, ELEMENTWISE)
    return any(name in table for table in tables)


class NotRead(Exception):
    """An expression that has no counterpart; the message says which part."""


@dataclass(frozen=True)
class Text:
    """A text of the language, and how tightly it holds together."""

    text: str
    strength: int = ATOM

    def at(self, strength: int) -> str:
        """The text as an operand that must hold together as tightly."""
        return self.text if self.strength >= strength else f"({self.text})"


Operand = Text | list["Operand"]


class Formulas:
    """Translates expressions. `tensors` names what is a tensor (None: something else); `evaluate` gives all other
    values; `functions` are the library's functions of one tensor by name."""

    def __init__(
        self,
        tensors: Callable[[ast.expr], Operand | None],
        evaluate: Callable[[ast.expr], Given],
        functions: Mapping[str, str],
        axes: Callable[[str], int] = lambda _: 2,
    ) -> None:
        self.tensors = tensors
        self.axes = axes  # how many a text has, the batch among them
        self.evaluate = evaluate
        self.functions = {**ELEMENTWISE, **functions}

    def one(self, node: ast.expr) -> Text:
        """The text of one tensor. Raises NotRead."""
        found = self.operand(node)
        if isinstance(found, list):
            raise NotRead(f"`{ast.unparse(node)}` is no tensor")
        return found

    def operand(self, node: ast.expr) -> Operand:
        own = self.tensors(node)
        if own is not None:
            return own
        match node:
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return binary(type(op), self.one(left), self.one(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Text(f"-{self.one(operand).at(SIGN)}", SIGN)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
                return compared(type(op), self.one(left), self.one(right))
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [self.operand(element) for element in elements]
            case ast.Subscript(value=base, slice=place) if self._is_tensor(base):
                operand = self.one(base)
                ends = slices.along_features(place, self.axes(operand.text), self._whole)
                return self._slice(node, operand, ends)
            case ast.Call() if not any(isinstance(argument, ast.Starred) for argument in node.args):
                return self._call(node)
            case _:
                return self._constant(node)

    def _is_tensor(self, node: ast.expr) -> bool:
        try:
            return isinstance(self.operand(node), Text)
        except NotRead:
            return False

    def _slice(self, node: ast.expr, operand: Operand, ends: tuple[int | None, int | None] | None) -> Text:
        """A part of a parameter; of what is computed from some it has no axis to name."""
        if isinstance(operand, Text) and ends == (None, None):
            return operand
        if ends is None or not isinstance(operand, Text) or not operand.text.isidentifier():
            raise NotRead(f"`{ast.unparse(node)}` (read are parts of an argument along the features)")
        return Text(slices.written(operand.text, *ends))

    def _whole(self, node: ast.expr) -> int | None:
        value = self.evaluate(node).value
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def applied(self, value: Value, operands: Sequence[Operand]) -> Text:
        """A function value, called on tensors: `tf.nn.elu`, a `lambda`, `functools.partial(…)`. Raises NotRead."""
        match value:
            case Reference() as function if is_approximate(function) and len(operands) == 1:
                return called("gelu_tanh", *(each for each in operands if isinstance(each, Text)))
            case Reference(last=name):
                return self._named(name, list(operands), {})
            case Partial(function=function, arguments=arguments, keywords=keywords):
                if not isinstance(function.value, Reference):
                    raise NotRead("`functools.partial` of a function of your own")
                given = [self._of_value(argument.value) for argument in arguments]
                named = {name: self._of_value(each.value) for name, each in keywords.items()}
                return self._named(function.value.last, [*given, *operands], named)
            case Function(node=node) if len(node.args.args) == len(operands):
                bound = {parameter.arg: operand for parameter, operand in zip(node.args.args, operands, strict=True)}

                def tensors(each: ast.expr) -> Operand | None:
                    own = bound.get(each.id) if isinstance(each, ast.Name) else None
                    return own if own is not None else self.tensors(each)

                return Formulas(tensors, value.evaluate, self.functions, self.axes).one(node.body)
            case _:
                raise NotRead("it is no function of these arguments")

    def _constant(self, node: ast.expr) -> Operand:
        return self._of_value(self.evaluate(node).value, node)

    def _of_value(self, value: Value, node: ast.expr | None = None) -> Operand:
        match value:
            case bool():
                pass
            case int() | float():
                return Text(repr(value), ATOM if value >= 0 else SIGN)
            case list():
                return [self._of_value(item.value, node) for item in value]
            case _:
                pass
        raise NotRead(f"`{ast.unparse(node)}` is no number or tensor" if node is not None else "a number is wanted")

    def _call(self, node: ast.Call) -> Operand:
        function = self.evaluate(node.func).value
        if isinstance(function, Reference) and function.last == "gelu":
            return self._gelu(function, node)
        if isinstance(function, Reference) and function.path in OF_NUMBERS:
            return self._constant(node)
        if isinstance(function, Reference) and function.path.startswith("‹"):
            size = self.evaluate(node).value
            if not isinstance(size, int):
                raise NotRead(f"`{ast.unparse(node)}`, which is no number that is known")
            return Text(repr(size))
        given = (
            [self.operand(argument) for argument in node.args]
            if not _is_cast(function)
            else [self.operand(node.args[0])]
        )
        if isinstance(function, Reference):
            if function.last == "cast" and not self._keeps(node):
                raise NotRead(f"`{ast.unparse(node)}` (read are conversions to floats)")
            if function.last in UNCHANGED and given:
                if function.last != "cast":
                    self._check_unchanged(node, function.last)
                return given[0]
            named = {k.arg: self.operand(k.value) for k in node.keywords if k.arg and k.arg not in IGNORED}
            return self._named(function.last, given, named)
        return self.applied(function, given)

    def _gelu(self, function: Reference, node: ast.Call) -> Text:
        """`tf.nn.gelu(v, approximate=True)`, `F.gelu(v, approximate='tanh')`."""
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        data = [*node.args[:1], *(named[name] for name in ("features", "x", "input") if name in named)]
        how = [*node.args[1:2], *(named[name] for name in ("approximate",) if name in named)]
        value = self.evaluate(how[0]).value if how else is_approximate(function)
        known = {False: "gelu", True: "gelu_tanh", "none": "gelu", "tanh": "gelu_tanh"}
        if len(data) != 1 or len(how) > 1 or not isinstance(value, bool | str) or value not in known:
            raise NotRead(f"`{ast.unparse(node)}`")
        return called(known[value], self.one(data[0]))

    def _check_unchanged(self, node: ast.Call, name: str) -> None:
        """Raises NotRead for whole numbers, which round, and where steps of a list come to stand elsewhere than in
        front."""
        further = [*node.args[1:], *(keyword.value for keyword in node.keywords if keyword.arg != "name")]
        texts = [ast.unparse(each) for each in further]
        is_front = name != "stack" or all(text == "0" for text in texts)
        if not is_front or any(re.search(r"int|bool|long", text) for text in texts):
            raise NotRead(f"`{ast.unparse(node)}`")

    def _keeps(self, node: ast.Call) -> bool:
        """Whether a conversion is one to floats, or of what is true or false."""
        kinds = [*node.args[1:], *(k.value for k in node.keywords if k.arg == "dtype")]
        values = [each.value if isinstance(each, ast.Constant) else self.evaluate(each).value for each in kinds]
        words = [value.last if isinstance(value, Reference) else str(value) for value in values]
        return isinstance(node.args[0], ast.Compare) or all(re.search("float|double|half|‹|dtype", w) for w in words)

    def _named(self, name: str, given: list[Operand], named: Mapping[str, Operand]) -> Text:
        """A function of the library by its name."""
        if name in ("clamp", "clip") and len(given) + len(named) == 2 and len(given) == 1 + (not named):
            name = "clamp_max" if "max" in named else "clamp_min"  # `y.clamp(min=0)`, `y.clamp(0)`
        if name in WITH_NUMBERS and len(given) + len(named) > 1:
            return self._with_numbers(name, given, named)
        named = {SYNONYMS.get(each, each): value for each, value in named.items()}
        given = given + [named[each] for each in PARAMETERS.get(name, ())[len(given) :] if each in named]
        if set(named) - set(PARAMETERS.get(name, ())):
            raise NotRead(f"arguments of `{name}` by these names")
        texts = [each for each in given if isinstance(each, Text)]
        match name, given:
            case "gnmt_residual_fn", [Text() as x, Text() as y] if x.text.isidentifier() and y.text.isidentifier():
                return binary(ast.Add, Text(slices.written(x.text, None, f"{y.text}_axis")), y)  # of as many features
            case _, [Text(), Text()] if name in AS_OPERATOR:
                return binary(AS_OPERATOR[name], *texts)
            case _, [Text(), Text()] if name in AS_COMPARISON:
                return compared(AS_COMPARISON[name], *texts)
            case _, [list() as members] | [list() as members, Text(text="0")] if name in FOLDS:
                return self._fold(name, members)
            case "concat" | "concatenate" | "cat", [list() as members, Text(text=axis)]:
                joined = called("concat", *(each for each in members if isinstance(each, Text)))
                self._check_last(name, joined, axis)
                return joined
            case "slice", [Text(), list() as begin, list() as size]:
                numbers = [[int(each.text) for each in part if isinstance(each, Text)] for part in (begin, size)]
                return self._slice(ast.Name(id="tf.slice"), given[0], slices.of_sizes(*numbers))
            case "zeros_like" | "ones_like", [Text()]:
                return Text("0.0" if name == "zeros_like" else "1.0")
            case "clip_by_value" | "clamp" | "clip" | "hardtanh", [Text(), Text(), Text()]:
                return called("clip", *texts)
            case "clamp_min" | "clamp_max", [Text(), Text()]:
                return called("max" if name == "clamp_min" else "min", *texts)
            case "softmax" | "log_softmax" | "cumsum" | "glu" | "sparsemax", [Text() as only, Text(text=axis)]:
                self._check_last(name, only, axis)
                return called(self.functions.get(name, name), only)
            case "negative", [Text() as only]:
                return Text(f"-{only.at(SIGN)}", SIGN)
            case _, [Text(), *_] if name in AS_FUNCTION and len(texts) == len(given):
                return called(AS_FUNCTION[name], *texts)
            case _, [Text() as only] if name in self.functions:
                known = self.functions[name]
                return Text(known.format(only.text)) if "{}" in known else called(known, only)
            case _:
                raise NotRead(f"`{name}` of these arguments has no counterpart here")

    def _check_last(self, name: str, text: Text, axis: str) -> None:
        """A function goes along the features of a text, which are the last axis. Raises NotRead."""
        if axis not in ("-1", str(self.axes(text.text) - 1)):
            raise NotRead(f"`{name}` along the axis {axis}")

    def _with_numbers(self, name: str, given: list[Operand], named: Mapping[str, Operand]) -> Text:
        options = WITH_NUMBERS[name]
        order = list(dict.fromkeys(options.values()))
        numbers = dict(zip(order, given[1:], strict=False)) | {options.get(each, each): v for each, v in named.items()}
        texts = {each: value.text for each, value in numbers.items() if isinstance(value, Text)}
        if not isinstance(given[0], Text) or not texts.keys() <= set(order) or len(given) > len(order) + 1:
            raise NotRead(f"arguments of `{name}` by these names")
        return called(
            PLAIN_NAMES.get(name, name), given[0], *(Text(f"{each} = {text}") for each, text in texts.items())
        )

    def _fold(self, name: str, members: Sequence[Operand]) -> Text:
        texts = [each for each in members if isinstance(each, Text)]
        if FOLDS[name] == "sum" and len(texts) == 2:
            return binary(ast.Add, *texts)
        return called(FOLDS[name], Text(f"[{', '.join(each.text for each in texts)}]"))


def binary(op: type[ast.operator], left: Text, right: Text) -> Text:
    sign, strength = OPERATORS[op]
    if op is ast.Pow:
        return Text(f"{left.at(ATOM)} ** {right.at(ATOM)}", strength)
    return Text(f"{left.at(strength)} {sign} {right.at(strength + 1)}", strength)


def compared(op: type[ast.cmpop], left: Text, right: Text) -> Text:
    return Text(f"{left.at(SUM)} {COMPARISONS[op]} {right.at(SUM)}", LOOSEST)


def called(name: str, *operands: Text) -> Text:
    return Text(f"{name}({', '.join(each.text for each in operands)})")


def is_approximate(function: Reference) -> bool:
    """`keras.ops.gelu`, which is the function with tanh unless it is told otherwise; everybody else's is exact."""
    front = function.path.split(".")
    return front[-1] == "gelu" and "ops" in front and (front[0] == "ops" or "keras" in front)


def _is_cast(function: Value) -> bool:
    """Functions whose further arguments say nothing of numbers: `tf.cast(v, dtype)`."""
    return isinstance(function, Reference) and function.last in UNCHANGED
