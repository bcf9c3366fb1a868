"""Calls of functions: their bodies are read in the place of the call, and their weights belong to it."""

from __future__ import annotations

from collections.abc import Mapping

from rnnc.diagnostics import Span
from rnnc.ir.model import Initialiser
from rnnc.ir.size import Size
from rnnc.semantics.bodies.frames import Context, Frame, Owner
from rnnc.semantics.definitions.nesting import Nesting
from rnnc.semantics.definitions.statements import Statements
from rnnc.semantics.expressions.arguments import Arguments, Operand
from rnnc.semantics.expressions.expressions import Expressions
from rnnc.semantics.expressions.labelled import axes_with_sizes
from rnnc.semantics.functions.builtins import BUILTINS
from rnnc.semantics.functions.lending import dotted, other_owner
from rnnc.semantics.problems import PRELUDE, Problem, Told
from rnnc.semantics.scopes.numbers import STATED
from rnnc.semantics.scopes.values import FnValue, Num, Scope, Tensor, Value, describe, named_by
from rnnc.semantics.shapes.nodes import RULES, Graph, Node, ShapeError
from rnnc.semantics.shapes.rules.axes import find_axis
from rnnc.semantics.shapes.shaped import Shaped, show
from rnnc.syntax import ast
from rnnc.syntax.walk import heading

# Numbers of functions of the language that a library may hold in float32, as a layout's `constants` says.
HELD = {"leaky_relu": "slope"}


class Functions:
    """Calls functions that are written in the language, and applies those that are given as options."""

    def __init__(self, expressions: Expressions, statements: Statements, nesting: Nesting) -> None:
        self.expressions, self.statements, self.nesting = expressions, statements, nesting

    def call(self, function: FnValue, e: ast.Call, c: Context) -> Value:
        assert function.definition is not None
        a = Arguments(self.expressions, e, c, function.name)
        parameters = function.definition.parameters
        values: dict[str, tuple[Value, Span]] = {}
        texts: dict[str, tuple[ast.Expr, Context]] = {}
        own = [p.name for p in parameters]
        a.allow(*own, *(n for n in ("weights",) if n not in own))
        a.refuse_labels(own)
        a.check_sharing()
        if len(a.operands) > len(parameters):
            axes = ", ".join(o.span.text for o in a.operands[1:])
            several = f"several axes are a list: `[{axes}]`" if [p.name for p in parameters[1:]] == ["axis"] else None
            a.count(sum(p.default is None for p in parameters), len(parameters), several)
        for i, parameter in enumerate(parameters[: len(a.operands)]):
            operand = a.operands[i]
            value = axes_with_sizes(operand.expression) or a.value(i)
            values[parameter.name] = (self._named(value, operand.expression, c), operand.span)
            texts[parameter.name] = (operand.expression, operand.context)
        for name, argument in a.options.items():
            if name not in own:
                continue
            if name in values:
                raise Problem("E222", f"`{name}` is given twice", argument.span)
            value = axes_with_sizes(argument.value) or a.option(name)
            values[name] = (self._named(value, argument.value, c), argument.value.span)
            texts[name] = (argument.value, c)
        gain = _gain(function, e, values)
        if gain is not None:
            return Initialiser("identity", (float(a.known_number(gain, "the gain of `identity`", e.span)),))
        lends = "weights" not in own and c.owner is not None
        other = other_owner(a, c.name or function.name) if lends else None
        path = self._path(function, a, c) if other is None else other + (c.name or function.name) + "."
        return self._inline(function, values, path, bool(a.shared), e.span, c, lent=other, texts=texts)

    def _named(self, value: Value, e: object, c: Context) -> Value:
        """An argument with the name that stands for it: the function may want the axis of that name."""
        if not isinstance(value, Tensor) or value.word is not None or not isinstance(e, ast.Name) or e.primed:
            return value
        return Tensor(value.node, self.expressions.as_label(e.id, c))

    def _path(self, function: FnValue, a: Arguments, c: Context) -> str | None:
        """Where weights of this call are named: `i.ln.`; None where no equation owns them."""
        name = c.name or function.name
        if c.owner is None:
            return None
        own = c.owner.full(c.frame, a.shared) if c.owner.name else c.frame.prefix
        return dotted(own) + name + "."

    def apply(
        self, function: FnValue, node: Node, path: str, c: Context, span: Span, *, shared: bool, lent: str | None
    ) -> Node:
        """A function given as an option (`weight = weight_norm`, `activation = tanh`) applied to a node."""
        if function.definition is None:
            call = ast.Call(ast.Name(function.name, span=span), (), span=span)
            operand = _Given(self.expressions, call, c, function.name, node)
            value = BUILTINS[function.name](operand)
        else:
            first = function.definition.parameters[0].name if function.definition.parameters else ""
            values: dict[str, tuple[Value, Span]] = {first: (Tensor(node), span)}
            own = f"{path}.{function.name}.".replace("..", ".")
            value = self._inline(function, values, own, shared, span, c, lent=lent)
        if not isinstance(value, Tensor):
            raise Problem("E213", f"`{function.name}` gives {describe(value)} here, not a tensor", span)
        return value.node

    def _inline(
        self,
        function: FnValue,
        values: dict[str, tuple[Value, Span]],
        path: str | None,
        shared: bool,
        span: Span,
        c: Context,
        lent: str | None = None,
        texts: Mapping[str, tuple[ast.Expr, Context]] | None = None,
    ) -> Value:
        definition = function.definition
        assert definition is not None
        graph, calls = c.frame.graph, c.frame.graph.calls
        graph.calls = (*calls, span)
        try:
            with self.nesting.reading(function.name, span):
                frame = self._opened(function, path, span, c)
                frame.shareable = c.frame.shareable or shared or lent is not None
                frame.lent = lent or c.frame.lent
                frame.texts = texts or {}
                for parameter in definition.parameters:
                    value, spot = self._argument(function, parameter, values, frame)
                    if parameter.axes is not None:
                        node = self.expressions.to_node(value, spot, c)
                        axis = values.get("axis")
                        if axis is not None and axis[0] is not None and len(parameter.axes) == 1:
                            value = Tensor(self._along(parameter, node, axis[0], axis[1], frame))
                        else:
                            value = Tensor(self._matched(parameter, node, spot, frame))
                    frame.scope.names[parameter.name] = value
                    if isinstance(value, Num) and value.label is not None:
                        frame.axes.setdefault(value.label, Shaped(value.label, value.size or Size.of(0), value.strong))
                self.statements.read(frame, frame.scope, definition.body)
                return self._result(definition, frame)
        finally:
            graph.calls = calls

    def _opened(self, function: FnValue, path: str | None, span: Span, c: Context) -> Frame:
        """What is under construction for one call."""
        assert function.definition is not None
        assert function.scope is not None
        frame = Frame(c.frame.body, Scope(function.scope), path or "", "fn", function.name, span)
        frame.state_prefix = c.frame.state_prefix + frame.prefix[len(c.frame.prefix) :]
        frame.anonymous = path is None
        frame.reverse, frame.around = c.frame.reverse, c.frame.around
        frame.parameters = {p.name: p for p in function.definition.parameters}
        c.frame.calls.append(frame)
        return frame

    def _argument(
        self, function: FnValue, parameter: ast.Parameter, values: dict[str, tuple[Value, Span]], frame: Frame
    ) -> tuple[Value, Span]:
        """What a parameter is given, or its default, and where that is written."""
        if parameter.name in values:
            value, spot = values[parameter.name]
        elif parameter.default is not None:
            value, spot = self.expressions.value(parameter.default, Context(frame.scope, frame)), parameter.span
        else:
            fix = f"its parameters: {', '.join(frame.parameters)}"
            raise Problem("E223", f"`{function.name}` wants an argument for `{parameter.name}`", frame.span, fix=fix)
        if parameter.name == HELD.get(function.name) and isinstance(value, Num) and _is_prelude(function):
            value = self._held(value, frame)
        return value, spot

    def _result(self, definition: ast.Fn, frame: Frame) -> Value:
        """What a function whose body has been read returns."""
        if frame.returned is None and (frame.broken or frame.body.damaged):
            raise Told(frame.span)
        if frame.returned is None:
            message = f"`{frame.name}` returns nothing"
            raise Problem("E410", message, heading(definition), fix="end it with `return …`")
        statement, scope = frame.returned
        c = Context(scope, frame, Owner("", None, {}))
        with self.expressions.unknown.told(statement.value, c):
            value = self.expressions.value(statement.value, c)
        return _returned(value, frame, frame.span)

    def _held(self, value: Num, frame: Frame) -> Num:
        return value if value.known is None else Num(frame.body.registry.rounded(value.known))

    def _along(self, parameter: ast.Parameter, node: Node, axis: Value, spot: Span, frame: Frame) -> Node:
        """An argument of any axes, of which the one in the pattern is that given as `axis`."""
        graph, axes = frame.graph, parameter.axes
        assert axes is not None
        (pattern,) = axes
        _infer(graph, node)
        while not node.settled and _guess_beside(graph, node):
            graph.infer(node)
        if node.poisoned or not isinstance(pattern.size, ast.Name):
            raise Told(spot)
        if node.shape is None:
            message = f"the axes of `{parameter.name}` of `{frame.name}` are not known here"
            raise Problem("E311", message, node.span, fix=STATED)
        given = graph.resolve_all(node.shape)
        try:
            own = given[find_axis(graph, given, named_by(axis) or spot.text)]
        except ShapeError as error:
            raise Problem(error.code, error.message, spot, fix=error.fix) from None
        frame.scope.names[pattern.size.id] = Num(own.size, own.label, own.strong)
        frame.axes[pattern.size.id] = own
        frame.callers.update(each.label for each in given)
        return node

    def _matched(self, parameter: ast.Parameter, node: Node, spot: Span, frame: Frame) -> Node:
        """An argument under a pattern of axes: names in it are bound to the argument's own axes."""
        graph, scope = frame.graph, frame.scope
        pattern: list[Shaped] = []
        _infer(graph, node)
        if node.poisoned:
            raise Told(spot)
        given = graph.resolve_all(node.shape) if node.shape is not None else None
        axes = parameter.axes or ()
        what = f"`{parameter.name}` of `{frame.name}`"
        if given is not None and len(given) != len(axes):
            wanted = f"[{', '.join(a.span.text for a in axes)}]"
            labels = [a.label for a in given]
            fix = f"write a function for {show(given)}, with axes to work over by name"
            if "axis" in frame.parameters and len(given) > len(axes) == 1:
                fix = f"name the one that it works along: `axis = {labels[-1]}`"
            if len(axes) == 1 and given:
                whole = f"`merge({spot.text}, [{', '.join(labels)}])`"
                fix = f"{fix}; or {whole}, and it works over all of them at once"
            raise Problem("E303", f"{what} is {wanted}, but what it is given is {show(given)}", spot, fix=fix)
        for i, axis in enumerate(axes):
            size = axis.size
            if isinstance(size, ast.Name) and scope.find(size.id) is None:
                known = given is not None and len(given) == len(axes)
                actual = given[i] if known and given is not None else graph.placeholder()
                scope.names[size.id] = Num(actual.size, actual.label, actual.strong)
                frame.axes[axis.label or size.id] = actual
                if actual.label != (axis.label or size.id):
                    frame.callers.add(actual.label)
                pattern.append(actual)
            else:
                pattern.append(self.expressions.axis(axis, Context(scope, frame)))
        words = tuple(axis.span.text for axis in axes)
        return graph.add("pattern", (node,), spot, None, pattern=tuple(pattern), words=words, what=what)


def _returned(value: Value, frame: Frame, span: Span) -> Value:
    """A result's axes are called as the function calls them, also where they had another name beside its caller's."""
    own = {new: label for label, new in frame.relabelled.items()}
    match value:
        case Tensor() if own:
            return Tensor(frame.graph.add("returned", (value.node,), span, None, own=own), value.word)
        case tuple():
            return tuple(_returned(each, frame, span) for each in value)
        case _:
            return value


def _infer(graph: Graph, node: Node) -> None:
    """The axes of an argument, as far as they are known already: states that it reads as they are after the step have
    the declared ones, before their equations are read."""
    graph.infer(node)
    stack, seen = [node], {node}
    while stack and not node.settled:
        part = stack.pop()
        if part.shape is None and "declared" in part.attrs:
            graph.settle(part, part.attrs["declared"])
        new = [a for a in part.args if a.shape is None and a not in seen]
        seen.update(new)
        stack.extend(new)
    graph.infer(node)


def _guess_beside(graph: Graph, node: Node) -> bool:
    """One step towards the axes of an argument: what is unknown in it has those of what it meets, `h + linear(u)`."""
    stack, seen = [node], {node}
    while stack:
        part = stack.pop()
        guess = RULES[part.op].guess
        beside = any(a.shape for a in part.args) and any(not a.settled and graph.receptive(a) for a in part.args)
        if part.op == "elementwise" and guess is not None and beside:
            return guess(graph, part)
        new = [a for a in part.args if not a.settled and a not in seen]
        seen.update(new)
        stack.extend(new)
    return False


def _is_prelude(function: FnValue) -> bool:
    return function.definition is not None and function.definition.span.source.name == PRELUDE


def _gain(function: FnValue, e: ast.Call, values: dict[str, tuple[Value, Span]]) -> Num | None:
    """The number of `identity(0.5)`: the initialiser has the name of an activation, which takes a tensor.

    An activation that is given under a name of its own (`activation = identity`) stays one, of numbers, too.
    """
    if function.name != "identity" or not _is_prelude(function):
        return None
    if not isinstance(e.function, ast.Name) or e.function.id != function.name:
        return None
    given = [value for value, _ in values.values()]
    return given[0] if len(given) == 1 and isinstance(given[0], Num) else None


class _Given(Arguments):
    """A call of a built-in function whose one argument is a node already."""

    def __init__(self, evaluate: Expressions, call: ast.Call, c: Context, name: str, node: Node) -> None:
        super().__init__(evaluate, call, c, name)
        self.operands = [Operand(None, call.function, c)]
        self._node = node

    def value(self, i: int) -> Value:
        return Tensor(self._node)

    def node(self, i: int) -> Node:
        return self._node
