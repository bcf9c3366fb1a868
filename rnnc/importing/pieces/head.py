"""What tutorials put behind a driver: the last step, `outputs[:, -1]`, the final state, or all steps folded; and logits
of one of these, or of every step, `tf.matmul(outputs[:, -1], weights) + biases`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rnnc.importing.pieces.pieces import Flow, Meaning, Network, Piece, built

# Cells whose state is what they give, and those whose state is (c, h), of which they give h.
GIVES_STATE = {"RNN", "GRU", "UGRNN", "MinimalRNN", "ComplementCFN", "IndRNN", "IndyGRU"}
GIVES_H = {
    "LSTM", "BasicLSTM", "LSTMBlock", "CoupledLSTM", "LayerNormLSTM", "WeightNormLSTM", "RecurrentDropoutLSTM",
    "IndyLSTM", "PhasedLSTM", "NAS",
}  # fmt: skip
OVER_TIME = {"reduce_mean": "mean", "reduce_sum": "sum", "reduce_max": "max"}
DENSE = {"dense": "dense", "fully_connected": "fully_connected", "linear": "fully_connected"}
LAST = {False: ("y[:,-1]", "y[:,-1,:]"), True: ("y[-1]", "y[-1,:,:]")}
_GATHERED = r"tf\.gather\(y,(int\()?(y\.(get_shape\(\)|shape)|tf\.shape\(y\))\[0\]\)?-1\)"
LAST_OF_UNSTACKED = {
    False: r"tf\.unstack\((y,(axis=)?1|tf\.transpose\(y,\[1,0,2\]\))\)\[-1\]",
    True: rf"tf\.unstack\(y(,(axis=)?0)?\)\[-1\]|{_GATHERED}",
}
FIRST_RELU = ("fully_connected",)  # has an activation where none is said


@dataclass(frozen=True)
class Driven:
    """What a driver gives: the names of its outputs and its final state, the scope that it puts in front of
    variables, whether rows have lengths, and whether steps come first."""

    outputs: frozenset[str]
    state: str | None
    scope: str
    has_lengths: bool
    steps_first: bool
    parts: Mapping[str, str]  # names that parts of the final state have, `h`: "[1]"


@dataclass(frozen=True)
class End:
    """A value that is made of a layer's outputs, as a text around them; or the part `state` of the final state, if a
    cell has what it gives there; or the result of a product of one of these."""

    text: str
    state: str | None = None
    product: Head | None = None  # which it is the result of

    def suits(self, meaning: Meaning, known: str | None) -> bool:
        """Whether a layer gives it."""
        layers = meaning.cells.get("cells", ()) if isinstance(meaning, Piece) else ()
        last = (layers or (meaning,))[-1]
        places = [f"{known}[-1]", f"{known}[{len(layers) - 1}]"] if layers else [f"{known}"]
        return self.state is None or any(
            self.state.startswith(place) and is_output(last, self.state[len(place) :]) for place in places
        )


def is_output(cell: Meaning, part: str) -> bool:
    """Whether this part of a cell's final state is what the cell gives at the last step."""
    definition = cell.definition if isinstance(cell, Piece) else ""
    return part == "" if definition in GIVES_STATE else part in (".h", "[1]", "[-1]") and definition in GIVES_H


@dataclass(frozen=True)
class Head:
    """An end, or a product of it with `classes` results, and the names of the product's variables where they have any;
    `values` are those that it is made of."""

    end: End
    driven: Driven
    values: tuple[ast.expr, ...]
    classes: int | None = None
    weights: str | None = None
    biases: str | None = None
    has_bias: bool = True
    activation: str = "identity"

    def suits(self, meaning: Meaning) -> bool:
        before = self.end.product
        return before.suits(meaning) if before is not None else self.end.suits(meaning, self.driven.state)


def find_head(
    lines: Sequence[tuple[ast.stmt, ast.expr]],
    driven: Driven,
    assigned: Mapping[str, ast.expr],
    activation: Callable[[ast.expr], str | None],
) -> Head | None:
    """The head among the lines that follow a driver; `assigned` are values by name, `activation` names functions."""
    return _Search(driven, assigned, activation).head(lines)


class _Search:
    def __init__(
        self, driven: Driven, assigned: Mapping[str, ast.expr], activation: Callable[[ast.expr], str | None]
    ) -> None:
        self._driven, self._assigned, self._activation = driven, assigned, activation
        self._outputs = dict.fromkeys(sorted(driven.outputs), driven.steps_first)  # names, and whether steps come first
        self._renaming: list[ast.expr] = []
        self._nameless: dict[str, list[ast.Call]] = {}
        self._ends: dict[str, tuple[End, tuple[ast.expr, ...]]] = {}  # names, and the values that made them

    def head(self, lines: Sequence[tuple[ast.stmt, ast.expr]]) -> Head | None:
        last: Head | None = None  # an end that nothing is multiplied with
        product: Head | None = None  # the last of the products of each other
        for statement, value in lines:
            found = self._product(value)
            if (found is not None and found.end.product is not None) or (product is None and found is not None):
                product = found
                self._name(statement, End("{}", product=found), ())
                continue
            if (more := self._activated(value)) is not None:
                self._name(statement, End("{}", product=more), ())
                continue
            if product is not None or self._turned(statement, value):
                continue
            if (end := self._end(value)) is None:
                self._forget(statement)
                continue
            self._name(statement, end[0], (*end[1], value))
            if end[0].text != "{}":
                last = Head(end[0], self._driven, (*end[1], value, *self._renaming))
        return replace(product, values=(*product.values, *self._renaming)) if product is not None else last

    def _name(self, statement: ast.stmt, end: End, values: tuple[ast.expr, ...]) -> None:
        for target in statement.targets if isinstance(statement, ast.Assign) else []:
            if isinstance(target, ast.Name):
                self._ends[target.id] = end, values

    def _activated(self, value: ast.expr) -> Head | None:
        """`tf.nn.relu(hidden)` of a product that has a name."""
        match value:
            case ast.Call(func=function, args=[ast.Name(id=name)], keywords=[]) if name in self._ends:
                product, activation = self._ends[name][0].product, self._activation(function)
                if product is None or activation is None or product.activation != "identity":
                    return None
                return replace(product, activation=activation, values=(*product.values, value))
            case _:
                return None

    def _forget(self, statement: ast.stmt) -> None:
        """A name that holds something else from here on."""
        for target in statement.targets if isinstance(statement, ast.Assign) else []:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    self._outputs.pop(node.id, None)
                    self._ends.pop(node.id, None)

    def _end(self, value: ast.expr) -> tuple[End, tuple[ast.expr, ...]] | None:
        """`outputs[:, -1]`, `outputs[:, -1, :]`, or `outputs[-1]` where steps come first; `tf.reduce_mean(outputs, 1)`;
        a part of the final state; all outputs; a name of one of these, and the values that made it."""
        if isinstance(value, ast.Name) and value.id in self._ends:
            return self._ends[value.id]
        text, driven = ast.unparse(value).replace(" ", ""), self._driven
        for y, steps_first in self._outputs.items():
            if re.search(rf"(?<![\w.]){re.escape(y)}(?!\w)", text):
                made = self._of_outputs(value, re.sub(rf"(?<![\w.]){re.escape(y)}(?!\w)", "y", text), steps_first)
                return (End(made), ()) if made is not None else None
        if text in driven.parts:
            return End("last({})", f"{driven.state}{driven.parts[text]}"), ()
        is_state = driven.state and re.match(rf"{driven.state}(?!\w)", text)
        return (End("last({})", text), ()) if is_state else None

    def _of_outputs(self, value: ast.expr, text: str, steps_first: bool) -> str | None:
        """A value whose text has `y` in the place of the outputs."""
        if text in LAST[steps_first] or re.fullmatch(LAST_OF_UNSTACKED[steps_first], text):
            return "at({}, -1)"
        fold, axis = OVER_TIME.get(called(value) or ""), 0 if steps_first else 1
        if fold is not None and not self._driven.has_lengths and re.search(rf"\(y,(axis=)?{axis}\)$", text):
            return f"{fold}({{}}, time)"
        return "{}" if text == "y" or re.fullmatch(r"tf\.reshape\(y,(shape=)?\[-1,[^\[\]]*\]\)", text) else None

    def _turned(self, statement: ast.stmt, value: ast.expr) -> bool:
        """`outputs = tf.transpose(outputs, [1, 0, 2])` and what has another name only."""
        text = ast.unparse(value).replace(" ", "")
        found = re.fullmatch(r"(?:tf\.transpose\((\w+),(?:perm=)?[\[(]1,0,2[\])]\)|(\w+))", text)
        name = (found[1] or found[2]) if found is not None else None
        stacked = re.fullmatch(r"tf\.stack\((\w+)(?:,(?:axis=)?([01]))?\)", text)
        name = stacked[1] if stacked is not None else name
        if name not in self._outputs:
            return False
        turns = found is not None and found[1] is not None
        for target in statement.targets if isinstance(statement, ast.Assign) else []:
            if isinstance(target, ast.Name):
                first = self._outputs[name] != turns if stacked is None else stacked[2] != "1"
                self._outputs[target.id] = first
        self._renaming.append(value)
        return True

    def _numbered(self, kind: str, value: ast.Call) -> str:
        """What the library calls a layer that has no name: those of one kind are counted."""
        several = self._nameless.setdefault(kind, [])
        if value not in several:
            several.append(value)
        place = several.index(value)
        return f"{kind}_{place}" if place else kind

    def _product(self, value: ast.expr) -> Head | None:
        match value:
            case ast.BinOp(op=ast.Add(), left=ast.Call() as product, right=bias) if called(product) == "matmul":
                return self._of_variables(product.args, bias, value)
            case ast.BinOp(op=ast.Add(), left=bias, right=ast.Call() as product) if called(product) == "matmul":
                return self._of_variables(product.args, bias, value)
            case ast.Call(args=arguments) if called(value) == "matmul":
                return self._of_variables(arguments, None, value)
            case ast.Call(args=[end, weights, bias]) if called(value) in ("xw_plus_b", "bias_add"):
                return self._of_variables([end, weights], bias, value)
            case ast.Call() if called(value) in DENSE:
                return self._of_layer(value)
            case ast.Call(func=function, args=[ast.BinOp() | ast.Call() as inner], keywords=[]):
                found, name = self._product(inner), self._activation(function)
                if found is None or name is None or found.activation != "identity":
                    return None
                return replace(found, activation=name, values=(*found.values, value))
            case _:
                return None

    def _of_variables(self, arguments: Sequence[ast.expr], bias: ast.expr | None, value: ast.expr) -> Head | None:
        """Of `tf.get_variable('weights', [16, 10])` and its like; None where no shape is written."""
        end = self._end(arguments[0]) if len(arguments) == 2 else None
        weights = self._variable(arguments[1]) if end is not None else None
        biases = self._variable(bias) if bias is not None else None
        shape = _shape(weights) if weights is not None else None
        if end is None or shape is None or len(shape) != 2 or (bias is not None and biases is None):
            return None
        before = end[0].product.values if end[0].product is not None else ()
        values = (*before, *end[1], value, *(each for each in (weights, biases) if each is not None))
        head = Head(end[0], self._driven, values, shape[1], _name(weights), _name(biases), biases is not None)
        return replace(head, values=(*values, *self._holders(arguments[1], bias)))

    def _variable(self, node: ast.expr) -> ast.expr | None:
        """The call that makes a variable: by its name, in a dictionary, or as it stands."""
        match node:
            case ast.Name(id=name):
                return self._assigned.get(name)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)):
                held = self._assigned.get(name)
                pairs = zip(held.keys, held.values, strict=True) if isinstance(held, ast.Dict) else ()
                return next((v for k, v in pairs if isinstance(k, ast.Constant) and k.value == key), None)
            case ast.Call():
                return node
            case _:
                return None

    def _holders(self, *nodes: ast.expr | None) -> list[ast.expr]:
        """The dictionaries that variables are kept in."""
        names = [
            node.value.id for node in nodes if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
        ]
        return [self._assigned[name] for name in names if name in self._assigned]

    def _of_layer(self, value: ast.Call) -> Head | None:
        """`tf.layers.dense(end, 10)`, `tf.contrib.layers.fully_connected(end, 10)`."""
        kind = DENSE[called(value) or ""]
        names = (
            "inputs",
            "units" if kind == "dense" else "num_outputs",
            "activation" if kind == "dense" else "activation_fn",
        )
        given = dict(zip(names, value.args, strict=False)) | {k.arg: k.value for k in value.keywords if k.arg}
        classes = given.get(names[1])
        end = self._end(given["inputs"]) if "inputs" in given else None
        if end is None or not isinstance(classes, ast.Constant) or not isinstance(classes.value, int):
            return None
        function = given.get(names[2])
        relu = "relu" if kind in FIRST_RELU and called(value) != "linear" else "identity"
        activation = self._activation(function) if function is not None else relu
        uses = given.get("use_bias")
        own = (node.value for name in ("name", "scope") if isinstance(node := given.get(name), ast.Constant))
        scope = next(own, None) or self._numbered(kind, value)
        if activation is None or len(value.args) > 3 or not (uses is None or isinstance(uses, ast.Constant)):
            return None
        biased = uses is None or bool(uses.value)
        suffix = ("kernel", "bias") if kind == "dense" else ("weights", "biases")
        found = [f"{scope}/{each}" for each in suffix]
        before = end[0].product.values if end[0].product is not None else ()
        values = (*before, *end[1], value)
        return Head(end[0], self._driven, values, classes.value, found[0], found[1], biased, activation)


def headed(meaning: Meaning, head: Head) -> Flow:
    """The network with its logits."""

    def build(network: Network, x: str) -> str:
        y = built(meaning, network, x)
        network.layouts.setdefault("tf", [f'scope {y} = "{head.driven.scope}"'] if y.isidentifier() else [])
        network.options["tf"] = 'constants = "float32"'
        return multiplied(network, y, head)

    return Flow(build)


def multiplied(network: Network, y: str, head: Head) -> str:
    """The products behind the outputs `y`, one behind the other."""
    before = head.end.product
    end = multiplied(network, y, before) if before is not None else head.end.text.format(y)
    if before is None and end != y:
        end = network.equation("end", end)
    if head.classes is None:
        return end
    plain = f"linear(end: {end}, out = {head.classes}, bias = false)"
    logits = network.equation("logits", f"dense({end}, {head.classes})" if head.has_bias else plain)
    lines = network.layouts["tf"]
    lines += [f'"{head.weights}" = {logits}.{"weight" if head.has_bias else "end"}'] if head.weights else []
    lines += [f'"{head.biases}" = {logits}.bias'] if head.biases and head.has_bias else []
    return logits if head.activation == "identity" else network.equation("y", f"{head.activation}({logits})")


def called(value: ast.expr) -> str | None:
    """The last word of what an expression calls."""
    function = value.func if isinstance(value, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _shape(variable: ast.expr) -> list[int] | None:
    """The first list of whole numbers in the call that makes a variable."""
    for node in ast.walk(variable):
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            sizes = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            if len(sizes) == len(node.elts) and all(isinstance(size, int) for size in sizes):
                return [size for size in sizes if isinstance(size, int)]
    return None


def _name(variable: ast.expr | None) -> str | None:
    """The name that a variable is made with; of one that has none the library makes one up."""
    if not isinstance(variable, ast.Call):
        return None
    names = [keyword.value for keyword in variable.keywords if keyword.arg == "name"]
    first = variable.args[:1] if called(variable) == "get_variable" else []
    for node in (*names, *first):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and '"' not in node.value:
            return node.value
    return None
