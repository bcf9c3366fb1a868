"""Reads bodies: unrolls statements, gives every equation a node, calls functions and inner cells."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import islice

from rnnc.diagnostics import Diagnostics, Note, Span
from rnnc.ir.program import DType
from rnnc.ir.size import Size
from rnnc.semantics import layers, weighted
from rnnc.semantics.arguments import Arguments
from rnnc.semantics.builtins import BUILTINS
from rnnc.semantics.ending import Ending, wrong_inputs
from rnnc.semantics.expressions import Expressions
from rnnc.semantics.frames import Body, Context, Frame, Indices, Owner, Registry, StateSlot
from rnnc.semantics.guard import plain_inputs
from rnnc.semantics.inference import infer_all
from rnnc.semantics.instances import keep_promises, part, probed_states
from rnnc.semantics.nodes import MAX_RANK, Graph, Node
from rnnc.semantics.scope import Fatal, Problem, Scope, Told, Work, did_you_mean, heading, report
from rnnc.semantics.statements import Statements
from rnnc.semantics.values import (
    CellValue,
    Choice,
    FnValue,
    Instance,
    LayerValue,
    Many,
    Num,
    Promise,
    Shape,
    Shaped,
    Tensor,
    Value,
    describe,
    open_size,
    show,
)
from rnnc.semantics.variants import Variants
from rnnc.syntax import ast

MAX_DEPTH = 40
BODY_COST = 60  # in units of work

# What other libraries and papers call functions of the language.
ELSEWHERE = {
    "square_root": "sqrt", "logistic": "sigmoid", "sigma": "sigmoid", "concatenate": "concat", "cat": "concat",
    "matmul": "a @ b", "dot": "a @ b", "hadamard": "a * b", "multiply": "a * b", "power": "a ** b", "maximum": "max",
    "minimum": "min", "reduce_sum": "sum", "reduce_mean": "mean", "reduce_max": "max", "select": "where",
    "clip_by_value": "clip", "clamp": "clip", "gather": "lookup", "fc": "dense",
}  # fmt: skip

REGISTERED = (layers, weighted)  # importing them registers their functions


class Elaborator:
    """One elaboration of one model. `sizes` are given sizes of free axes of inputs (`-D input=40`)."""

    def __init__(self, diagnostics: Diagnostics, work: Work) -> None:
        self.diagnostics = diagnostics
        self.work = work
        self.sizes: dict[str, int] = {}
        self.expressions = Expressions(self)
        self.statements = Statements(self)
        self.variants = Variants(self._evaluate_alone, work)
        self.used_sizes: set[str] = set()
        self._depth: list[str] = []
        self._probes: dict[int, tuple[CellValue, Frame]] = {}

    def _evaluate_alone(self, e: ast.Expr, scope: Scope) -> Value:
        """A compile-time expression outside of any body (defaults, bases of variants)."""
        body = Body("network", Graph(self.diagnostics, self.work), Registry(self.diagnostics))
        frame = Frame(body, scope, "", "fn", "", e.span)
        return self.expressions.value(e, Context(scope, frame))

    def is_builtin(self, name: str) -> bool:
        return name in BUILTINS

    # --- calls ---

    def call(self, e: ast.Call, c: Context) -> Value:
        function = self.expressions.value(e.function, c.named(None))
        match function:
            case FnValue(definition=None, name=name):
                return self._call_builtin(name, e, c)
            case FnValue():
                return self._call_function(function, e, c)
            case CellValue():
                return self._call_cell(function, e, c)
            case LayerValue():
                arguments = Arguments(self.expressions, e, c, function.kind)
                return layers.apply(self, function, arguments)
            case Instance():
                return self._call_instance(function, e, c)
            case Choice():
                raise self._no_function(function.word, e, c)
            case _:
                message = f"`{e.function.span.text}` is {describe(function)}, not a function"
                raise Problem("E205", message, e.function.span, fix=_multiplied(e))

    def _call_builtin(self, name: str, e: ast.Call, c: Context) -> Value:
        try:
            return BUILTINS[name](Arguments(self.expressions, e, c, name))
        except Problem as problem:
            if problem.code == "E223" and problem.span == e.span:
                problem.fix = problem.fix or _usage(name)
            raise

    def _no_function(self, name: str, e: ast.Call, c: Context) -> Problem:
        def fix() -> str | None:
            elsewhere = ELSEWHERE.get(name.lower())
            names = c.scope.all_names() | set(BUILTINS) | set(c.frame.instances)
            return f"it is written `{elsewhere}`" if elsewhere else did_you_mean(name, names)

        return Problem("E205", f"there is no function or cell `{name}`", e.function.span, fix=fix)

    def _enter(self, name: str, span: Span) -> None:
        if len(self._depth) >= MAX_DEPTH:
            raise Fatal(
                "E405", f"definitions are nested more than {MAX_DEPTH} deep here", span,
                notes=[Note("the innermost: " + " → ".join([*self._depth[-3:], name]))],
                fix=f"does `{name}` use itself?",
            )  # fmt: skip
        self._depth.append(name)

    def _call_function(self, function: FnValue, e: ast.Call, c: Context) -> Value:
        assert function.definition is not None
        a = Arguments(self.expressions, e, c, function.name)
        parameters = function.definition.parameters
        values: dict[str, tuple[Value, Span]] = {}
        a.allow(*(p.name for p in parameters))
        if len(a.operands) > len(parameters):
            a.count(sum(p.default is None for p in parameters), len(parameters))
        for i, parameter in enumerate(parameters[: len(a.operands)]):
            values[parameter.name] = (a.value(i), a.operands[i].span)
        for name, argument in a.options.items():
            if name in values:
                raise Problem("E222", f"`{name}` is given twice", argument.span)
            values[name] = (a.option(name), argument.value.span)
        path = self._function_path(function, a, c)
        return self._inline(function, values, path, a.shared, e.span, c)

    def _function_path(self, function: FnValue, a: Arguments, c: Context) -> str | None:
        """Where weights of this call are named: `i.ln.`; None where no equation owns them."""
        name = c.name or function.name
        if c.owner is None:
            return None
        own = c.owner.full(c.frame, a.shared) if c.owner.name else c.frame.prefix
        return weighted.dotted(own) + name + "."

    def apply_function(self, function: FnValue, node: Node, path: str, a: Arguments) -> Node:
        """A function given as an option (`weight = weight_norm`, `activation = tanh`) applied to a node."""
        c = a.context
        if function.definition is None:
            call = ast.Call(ast.Name(function.name, span=a.span), (), span=a.span)
            operand = _Given(self.expressions, call, c, function.name, node)
            value = BUILTINS[function.name](operand)
        else:
            first = function.definition.parameters[0].name if function.definition.parameters else ""
            values: dict[str, tuple[Value, Span]] = {first: (Tensor(node), a.span)}
            value = self._inline(function, values, f"{path}.{function.name}.".replace("..", "."), a.shared, a.span, c)
        if not isinstance(value, Tensor):
            raise Problem("E213", f"`{function.name}` gives {describe(value)} here, not a tensor", a.span)
        return value.node

    def _inline(
        self,
        function: FnValue,
        values: dict[str, tuple[Value, Span]],
        path: str | None,
        shared: tuple[str, ...],
        span: Span,
        c: Context,
    ) -> Value:
        definition = function.definition
        assert definition is not None
        assert function.scope is not None
        self._enter(function.name, span)
        graph, calls = c.frame.graph, c.frame.graph.calls
        graph.calls = (*calls, span)
        try:
            scope = Scope(function.scope)
            frame = Frame(c.frame.body, scope, path or "", "fn", function.name, span)
            frame.state_prefix = c.frame.state_prefix + frame.prefix[len(c.frame.prefix) :]
            frame.anonymous = path is None
            frame.parameters = {p.name: p for p in definition.parameters}
            frame.shareable = c.frame.shareable or bool(shared)
            for parameter in definition.parameters:
                if parameter.name in values:
                    value, spot = values[parameter.name]
                elif parameter.default is not None:
                    value = self.expressions.value(parameter.default, Context(scope, frame))
                    spot = parameter.span
                else:
                    fix = f"its parameters: {', '.join(p.name for p in definition.parameters)}"
                    raise Problem("E223", f"`{function.name}` wants an argument for `{parameter.name}`", span, fix=fix)
                if parameter.axes is not None:
                    node = self.expressions.to_node(value, spot, c)
                    value = Tensor(self._matched(parameter, node, spot, frame, scope))
                scope.names[parameter.name] = value
                if isinstance(value, Num) and value.label is not None:
                    frame.axes.setdefault(value.label, Shaped(value.label, value.size or Size.of(0), value.strong))
            self.statements.read(frame, scope, definition.body)
            if frame.returned is None and frame.broken:
                raise Told(span)
            if frame.returned is None:
                message = f"`{function.name}` returns nothing"
                raise Problem("E410", message, heading(definition), fix="end it with `return …`")
            statement, inner = frame.returned
            owner = Owner("", None, {})
            return self.expressions.value(statement.value, Context(inner, frame, owner))
        finally:
            graph.calls = calls
            self._depth.pop()

    def _matched(self, parameter: ast.Parameter, node: Node, spot: Span, frame: Frame, scope: Scope) -> Node:
        """An argument under a pattern of axes: names in it are bound to the argument's own axes."""
        graph = frame.graph
        pattern: list[Shaped] = []
        graph.infer(node)
        given = graph.resolve_all(node.shape) if node.shape is not None else None
        axes = parameter.axes or ()
        what = f"`{parameter.name}` of `{frame.name}`"
        if given is not None and len(given) != len(axes):
            wanted = f"[{', '.join(a.span.text for a in axes)}]"
            labels = [a.label for a in given]
            fix = f"write a function for {show(given)}, with axes to work over by name"
            if len(axes) == 1 and given:
                fix = f"make it one axis, `merge({spot.text}, [{', '.join(labels)}])`, or {fix}"
            raise Problem("E303", f"{what} is {wanted}, but what it is given is {show(given)}", spot, fix=fix)
        for i, axis in enumerate(axes):
            size = axis.size
            if isinstance(size, ast.Name) and scope.find(size.id) is None:
                known = given is not None and len(given) == len(axes)
                actual = given[i] if known and given is not None else graph.placeholder()
                scope.names[size.id] = Num(actual.size, actual.label, actual.strong)
                if axis.label is not None:
                    frame.axes[axis.label] = actual
                pattern.append(actual)
            else:
                pattern.append(self.expressions.axis(axis, Context(scope, frame)))
        return graph.add("pattern", (node,), spot, None, pattern=tuple(pattern), what=what)

    # --- cells ---

    def _call_cell(self, cell: CellValue, e: ast.Call, c: Context) -> Value:
        """Binding (`LSTM(4)`) or, where a tensor is given, stepping or running (`LSTM(4)(x)`)."""
        a = Arguments(self.expressions, e, c, cell.name)
        values = [a.value(i) for i in range(len(a.operands))]
        if any(isinstance(v, Tensor | Many) for v in values):
            if c.frame.body.kind != "network":
                raise Problem(
                    "E404",
                    f"inside a cell an inner cell is used by name: `use f = {cell.name}(…)`, then `f(…)`",
                    e.span,
                )
            return layers.apply(self, cell, a)
        parameters = self.variants.parameters_of(cell)
        names = [p.name for p in parameters]
        a.allow(*names, kind="parameter")
        bound = cell.arguments
        free = [n for n in names if n not in dict(cell.bound)]
        if len(values) > len(names):
            shown = ", ".join(names)
            message = f"`{cell.name}` has {len(names)} parameter{'s' * (len(names) != 1)} ({shown}), not {len(values)}"
            raise Problem("E223", message, e.span)
        positions = free if len(free) >= len(values) else names
        given: dict[str, Value] = dict(zip(positions, values, strict=False))
        for name in a.options:
            if name in given:
                raise Problem("E222", f"`{name}` is given twice", a.name_span(name))
            given[name] = a.choice(name, parameters[names.index(name)].choices)
        for name, value in given.items():
            parameter = parameters[names.index(name)]
            spot = a.options[name].value.span if name in a.options else a.operands[positions.index(name)].span
            bound[name] = self.checked(parameter, value, spot, c.scope.all_names())
        return _bound(cell, bound)

    def checked(self, parameter: ast.Parameter, value: Value, span: Span, known: Set[str] = frozenset()) -> Value:
        """A value for a parameter: of its kind, among its choices. `known` are names that it may have meant."""
        name = parameter.name
        if parameter.choices:
            if isinstance(value, Choice) and value.word in parameter.choices:
                return Choice(value.word, parameter.choices)
            word = value.word if isinstance(value, Choice) else value.name if isinstance(value, FnValue) else ""
            if word in parameter.choices:
                return Choice(word, parameter.choices)
            if not (value is None and "none" in parameter.choices):
                fix = did_you_mean(word, parameter.choices) if word else None
                raise Problem("E217", f"`{name}` is one of {', '.join(parameter.choices)}", span, fix=fix)
        if parameter.kind == "cell" and not isinstance(value, CellValue | LayerValue):
            raise Problem(
                "E239", f"`{name}` wants a cell, not {describe(value)}", span, fix=f"{name} = LSTM(units = 4)"
            )
        if parameter.kind == "fn" and not isinstance(value, FnValue):
            raise Problem("E239", f"`{name}` wants a function, not {describe(value)}", span, fix=f"{name} = tanh")
        if isinstance(value, Choice) and not parameter.choices:
            names = known | set(BUILTINS) if parameter.kind == "fn" else known
            raise Problem(
                "E201", f"`{value.word}` is not defined", value.span or span, fix=did_you_mean(value.word, names)
            )
        default = parameter.default
        if isinstance(default, ast.Constant) and isinstance(default.value, bool) and not isinstance(value, bool):
            raise Problem("E224", f"`{name}` is true or false, not {describe(value)}", span)
        wants_number = isinstance(default, ast.Number) or (
            default is None and parameter.kind is None and not parameter.choices
        )
        if wants_number and isinstance(value, bool | str):
            raise Problem("E206", f"`{name}` is a number, not {describe(value)}", span)
        return value

    def open_cell(
        self,
        body: Body,
        cell: CellValue,
        prefix: str,
        state_prefix: str,
        given: Sequence[Node] | None,
        span: Span,
        *,
        reverse: bool = False,
        shareable: bool = False,
    ) -> Frame:
        """Read a cell's (or network's) body. `given` are its inputs; None: they stay open (the outermost)."""
        self._enter(cell.name, span)
        self.work.spend(BODY_COST, span)
        try:
            cell = self.variants.resolved(cell)
            scope = Scope(cell.scope)
            frame = Frame(body, scope, prefix, body.kind, cell.name, span)
            frame.state_prefix = state_prefix
            if body.state_prefix is None:
                body.state_prefix = state_prefix
            frame.given = list(given) if given is not None else None
            inputs = plain_inputs(cell.definition.body)
            if given is not None and not body.probing and inputs is not None and len(inputs) != len(given):
                raise wrong_inputs(cell.name, inputs, len(given), span)
            frame.cell = cell
            frame.reverse, frame.shareable = reverse, shareable
            bound = cell.arguments
            frame.parameters = {p.name: p for p in cell.parameters}
            frame.dropped = {t.name: t.span for t in cell.dropped}
            for parameter in cell.parameters:
                scope.names[parameter.name] = self._parameter(parameter, bound, frame, scope, given is None, span)
            self.statements.read(frame, scope, cell.definition.body)
            Ending(self, frame, cell.definition).close()
            return frame
        finally:
            self._depth.pop()

    def _parameter(
        self, parameter: ast.Parameter, bound: dict[str, Value], frame: Frame, scope: Scope, outermost: bool, span: Span
    ) -> Value:
        if parameter.name in bound:
            value = bound[parameter.name]
        elif isinstance(parameter.default, ast.Name) and parameter.default.id in parameter.choices:
            value = Choice(parameter.default.id, parameter.choices)  # not evaluated: `step` is also a value
        elif parameter.default is not None:
            value = self.expressions.value(parameter.default, Context(scope, frame))
            value = self.checked(parameter, value, parameter.default.span)
        elif parameter.kind is not None or parameter.choices:
            wanted = " or ".join(parameter.choices) or f"a {'function' if parameter.kind == 'fn' else 'cell'}"
            if not outermost:
                raise not_given(frame.name, parameter, f": {wanted}", span)
            message = f"`{frame.name}` wants `{parameter.name}` stated: {wanted}"
            raise Problem("E230", message, parameter.span, fix=f"give it: `-D '{parameter.name}=…'`")
        elif outermost:
            return open_size(parameter.name)
        else:
            raise not_given(frame.name, parameter, "", span)
        if isinstance(value, Num):
            return Num(value.value, parameter.name)
        return value

    # --- inner cells ---

    def _call_instance(self, instance: Instance, e: ast.Call, c: Context) -> Value:
        state = c.frame.instances[instance.key]
        a = Arguments(self.expressions, e, c, instance.key)
        if c.frame.body.kind == "network":
            return layers.apply(self, state.cell, a, instance=state)
        if state.applied is not None:
            raise Problem(
                "E408", f"`{instance.key}` is stepped twice", e.span, notes=[Note("the other step", state.applied)],
                fix="one instance is stepped exactly once; `use` another",
            )  # fmt: skip
        if not isinstance(state.cell, CellValue):
            raise Problem("E404", f"inside a cell only cells can be used, not {describe(state.cell)}", e.span)
        state.applied = e.span
        nodes = a.nodes()
        prefix = f"{c.frame.prefix}{instance.key}."
        state_prefix = f"{c.frame.state_prefix}{instance.key}."
        sink = c.frame.body.sink
        c.frame.body.sink = state.slots
        try:
            frame = self.open_cell(c.frame.body, state.cell, prefix, state_prefix, nodes, e.span)
        finally:
            c.frame.body.sink = sink
        state.frame = frame
        c.frame.children[instance.key] = frame
        keep_promises(state, frame, lambda problem: report(self.diagnostics, problem))
        return results(frame)

    def instance_attribute(self, instance: Instance, e: ast.Attribute, c: Context) -> Value:
        """`f.output`, `f.states`, `f.states'`, `f.c`, `f.c'`."""
        state = c.frame.instances[instance.key]
        if e.name == "output" and not e.primed:
            return self.output_promise(state.cell, e.span)
        if not isinstance(state.cell, CellValue):
            raise Problem("E201", f"`{state.key}` has no `{e.name}`", e.span)
        graph = c.frame.graph
        if e.name == "states":
            names = probed_states(self.probe(state.cell, e.span))
            return tuple(Tensor(part(state, name, (), e.primed, e.span, graph)) for name in names)
        return Tensor(part(state, e.name, (), e.primed, e.span, graph))

    def instance_member(self, e: ast.Attribute, indices: Indices, c: Context) -> Node | None:
        """`f.ct'[0]`: a member of a family inside of an instance; None where the brackets are no such thing."""
        base = self.expressions.value(e.base, c)
        if not isinstance(base, Instance) or e.name == "states":
            return None
        return part(c.frame.instances[base.key], e.name, indices, e.primed, e.span, c.frame.graph)

    def output_promise(self, cell: Value, span: Span) -> Promise:
        """`f.output`: its size, known before the cell is stepped."""
        if isinstance(cell, LayerValue):
            return Promise(layers.output_size(self, cell, span))
        assert isinstance(cell, CellValue)
        probe = self.probe(cell, span)
        if len(probe.outputs) != 1:
            raise Problem("E409", f"`{cell.name}` has {len(probe.outputs)} outputs: `.output` is of one", span)
        node = probe.outputs[0][1]
        shape = probe.graph.resolve_all(node.shape or ())
        if len(shape) != 1:
            raise Problem("E409", f"the output of `{cell.name}` has {len(shape)} axes, so no one size", span)
        if any(s.startswith("?") for s in shape[0].size.symbols):
            raise Problem(
                "E409", f"the output size of `{cell.name}` depends on its input, so it is not known here", span,
                fix="give the size as a parameter",
            )  # fmt: skip
        return Promise(shape[0].size)

    def probe(self, cell: CellValue, span: Span) -> Frame:
        """The cell read on its own, with inputs of unknown size: for what can be known before it is stepped."""
        for known, frame in self._probes.values():
            if known is cell:
                return frame
        diagnostics = Diagnostics()
        resolved = self.variants.resolved(cell)
        kind = "network" if isinstance(resolved.definition, ast.Network) else "cell"
        body = Body(kind, Graph(diagnostics, self.work), Registry(diagnostics))
        body.probing = True
        frame = self.open_cell(body, cell, "", "", (), span)
        infer_all(body.graph)
        if diagnostics.has_errors:
            first = next(d for d in diagnostics if d.severity == "error")
            raise Problem(
                first.code,
                f"in `{cell.name}`: {first.message}",
                first.span or span,
                notes=[Note("used here", span)],
                fix=first.fix,
            )
        self._probes[id(cell)] = (cell, frame)
        return frame

    # --- names of bodies ---

    def member(self, name: str, primed: bool, indices: Indices, c: Context, span: Span) -> Node | None:
        node = c.frame.members.get((name, primed), {}).get(indices)
        if node is not None and c.frame.body.kind == "network":
            self.statements.force(c.frame, node)
        return node

    def has_instance_family(self, name: str, c: Context) -> bool:
        return name in c.frame.instance_families

    def no_member(self, name: str, primed: bool, indices: Indices, c: Context, span: Span) -> Problem:
        prime = "'" if primed else ""
        family = c.frame.members.get((name, primed), {})
        there = ", ".join("[" + ", ".join(map(str, k)) + "]" for k in islice(family, 6)) or "none"
        return Problem(
            "E203",
            f"the family `{name}{prime}` has no member [{', '.join(map(str, indices))}]",
            span,
            notes=[Note(f"members: {there}")],
        )

    def named_axis(self, e: ast.Expr, c: Context) -> Shaped:
        """An axis by its label in this body, a bare size (`out = [head, 2 * units]`), or both (`head: 4`)."""
        if isinstance(e, ast.LabelledSize):
            axis = self.expressions.axis(ast.Axis(e.label, e.size, span=e.span), c)
            c.frame.axes.setdefault(e.label, axis)
            return axis
        if isinstance(e, ast.Name) and not e.primed:
            axis = c.frame.axes.get(e.id)
            if axis is not None and (axis.strong or c.scope.find(e.id) is None):
                return axis
            if c.scope.find(e.id) is None and e.id not in c.frame.instances:

                def near(name: str = e.id) -> str | None:
                    return did_you_mean(name, set(c.frame.axes) | c.scope.all_names())

                raise Problem("E201", f"there is no axis or size `{e.id}` here", e.span, fix=near)
        return self.expressions.axis(ast.Axis(None, e, span=e.span), c)

    def step_index(self, body: Body, span: Span) -> Node:
        """`step`: an int32 state that counts, made when it is first read."""
        if body.step is None:
            graph = body.graph
            node = graph.add("state", (), span, ())
            one = graph.add("const", (), span, (), value=1)
            after = graph.add("elementwise", (node, one), span, ir="add")
            node.name = f"{body.state_prefix or ''}step"  # every layer of a network counts its own steps
            body.step = StateSlot(node.name, node, DType.INT, graph.add("const", (), span, (), value=0), span, after)
            body.states.append(body.step)
        return body.step.node

    def feed(self, frame: Frame, declared: ast.Declared, scope: Scope) -> Node:
        """The node of an input: what the outer body gives, or an input of the model."""
        graph = frame.graph
        c = Context(scope, frame)
        index = len(frame.inputs)
        outer: Node | None = None
        if frame.given is not None and not frame.body.probing:
            if index >= len(frame.given):
                message = f"`{frame.name}` has an input `{declared.name}` that is not given"
                raise Problem("E223", message, frame.span)
            outer = frame.given[index]
            graph.infer(outer)
        known = graph.resolve_all(outer.shape) if outer is not None and outer.shape is not None else None
        if known is not None and len(known) != len(declared.axes):
            frame.broken.update(a.size.id for a in declared.axes if isinstance(a.size, ast.Name))
            wanted = f"[{', '.join(a.span.text for a in declared.axes)}]"
            message = f"`{declared.name}` of `{frame.name}` is {wanted}, but what it is given is {show(known)}"
            raise Problem("E303", message, frame.span, notes=[Note("declared here", declared.span)])
        axes: list[Shaped] = []
        for i, axis in enumerate(declared.axes):
            size = axis.size
            if isinstance(size, ast.Name) and scope.find(size.id) is None:
                value = self._free_size(size.id, frame, known[i].size if known is not None else None)
                frame.scope.names[size.id] = Num(value, size.id)
            axes.append(self.expressions.axis(axis, c))
        shape: Shape = tuple(axes)
        if len(shape) > MAX_RANK:
            raise Problem("E314", f"this has {len(shape)} axes; at most {MAX_RANK} are possible", declared.span)
        for axis in shape:
            frame.axes.setdefault(axis.label, axis)
        if outer is not None:
            what = f"`{declared.name}` of `{frame.name}`"
            return graph.add("adopt", (outer,), outer.span, None, wanted=shape, what=what)
        node = graph.add("input", (), declared.span, shape, dtype=declared.dtype)
        node.name = declared.name
        return node

    def _free_size(self, name: str, frame: Frame, known: Size | None) -> Size:
        if known is not None:
            return known
        if frame.given is not None:
            return frame.graph.placeholder().size
        if name in self.sizes:
            self.used_sizes.add(name)
            return Size.of(self.sizes[name])
        return Size.of(name)


def not_given(cell: str, parameter: ast.Parameter, wanted: str, span: Span) -> Problem:
    """A cell is used without a parameter that has no default."""
    fix = f"give it: `{cell}({parameter.name} = {' or '.join(parameter.choices) or '…'})`"
    return Problem("E245", f"`{cell}` wants its parameter `{parameter.name}` stated{wanted}", span, fix=fix)


def _usage(name: str) -> str | None:
    """How a function is called: the first line of what its implementation says of itself."""
    line = (BUILTINS[name].__doc__ or "").split("\n")[0].partition(": ")[0].rstrip(".")
    return f"it is called so: `{line}`" if "(" in line else None


def _multiplied(e: ast.Call) -> str | None:
    """What a call of something that is no function may have meant."""
    if len(e.arguments) == 1 and isinstance(e.arguments[0], ast.Argument) and e.arguments[0].mark is None:
        return f"did you mean `{e.function.span.text} * ({e.arguments[0].span.text})`?"
    return None


def results(frame: Frame) -> Value:
    """What stepping or running gives: its output, or several by name."""
    if len(frame.outputs) == 1:
        return Tensor(frame.outputs[0][1])
    return Many(tuple((name, Tensor(node)) for name, node in frame.outputs))


def _bound(cell: CellValue, bound: dict[str, Value]) -> CellValue:
    import dataclasses

    return dataclasses.replace(cell, bound=tuple(bound.items()))


class _Given(Arguments):
    """A call of a built-in function whose one argument is a node already."""

    def __init__(self, evaluate: Expressions, call: ast.Call, c: Context, name: str, node: Node) -> None:
        super().__init__(evaluate, call, c, name)
        from rnnc.semantics.arguments import Operand

        self.operands = [Operand(None, call.function, c)]
        self._node = node

    def value(self, i: int) -> Value:
        return Tensor(self._node)

    def node(self, i: int) -> Node:
        return self._node


__all__ = ["Elaborator"]
