"""Layers of networks: cells run over sequences, their directions and stacks, and picks of one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnc.diagnostics import Span
from rnnc.ir.program import Value as IrValue
from rnnc.ir.size import Size
from rnnc.semantics.bodies.frames import Body, Context, Frame, InstanceState, nameless
from rnnc.semantics.bodies.instances import results
from rnnc.semantics.bodies.settle import settle_body
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.functions.builtins import builtin
from rnnc.semantics.functions.handed import STATES, Starts, finals_of, refuse_lists, runs_again
from rnnc.semantics.functions.weighted import dotted
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import CellValue, Instance, LayerValue, Many, Num, Tensor, Value, Weights, describe
from rnnc.semantics.shapes.lower import Lowering, Site, operation
from rnnc.semantics.shapes.nodes import Graph, Node, Rule
from rnnc.semantics.shapes.shaped import Shape
from rnnc.syntax import ast

if TYPE_CHECKING:
    from rnnc.semantics.definitions.elaborator import Elaborator

_NO_ONE_AXIS = (
    "`merge = none` gives `y.forward` and `y.backward`, to be put together as you like; `merge` is also `sum`, `mean`, "
    "`product`"
)
MERGES = ("concat", "sum", "mean", "product", "none")


# --- making layers ---


def _layer(a: Arguments, value: Value, span: Span) -> CellValue | LayerValue | Instance:
    if isinstance(value, CellValue | LayerValue | Instance):
        return value
    raise Problem("E239", f"`{a.name}` wants cells, not {describe(value)}", span, fix=f"{a.name}(LSTM(units))")


@builtin("bidirectional")
def _bidirectional(a: Arguments) -> Value:
    """bidirectional(cell) or bidirectional(forward = …, backward = …); merge = concat | sum | mean | product | none."""
    a.count(0, 2)
    a.allow("forward", "backward", "merge")
    given = [_layer(a, a.value(i), a.operands[i].span) for i in range(len(a.operands))]
    named = [n for n in ("forward", "backward") if a.has(n)]
    given += [_layer(a, a.option(n), a.options[n].value.span) for n in named]
    if not given or len(given) > 2:
        raise Problem("E223", "`bidirectional` wants one cell for both directions, or one for each", a.span)
    merge = a.word("merge", MERGES, "concat")
    return LayerValue("bidirectional", (("forward", given[0]), ("backward", given[-1])), (("merge", merge),))


@builtin("forward", "backward")
def _directed(a: Arguments) -> Value:
    """backward(cell): runs from the last step of each row to its first."""
    a.count(1)
    a.allow()
    return LayerValue(a.name, (("", _layer(a, a.value(0), a.operands[0].span)),))


@builtin("stack")
def _stack(a: Arguments) -> Value:
    """stack(cell, n), stack([a, b, …]) or stack(LSTM(n) for n in sizes); residual = true, dropout = rate."""
    a.allow("residual", "dropout", "mask")
    layers: list[Value] = []
    for i, operand in enumerate(a.operands):
        value = a.value(i)
        if isinstance(value, tuple):
            layers.extend(_layer(a, v, operand.span) for v in value)
        elif isinstance(value, Num) and i == 1 and len(layers) == 1:
            n = a.evaluate.integer(operand.expression, operand.context)
            if not 1 <= n <= 1000:
                raise Problem("E226", f"a stack has 1 to 1000 layers, not {n}", operand.span)
            layers = layers * n
        else:
            layers.append(_layer(a, value, operand.span))
    if not layers:
        raise Problem("E223", "a stack of nothing", a.span, fix="stack(LSTM(units), 2)")
    options: list[tuple[str, Value]] = [
        ("residual", a.flag("residual", False)),
        ("mask", a.word("mask", ("step", "sequence"), "step")),
    ]
    rate = a.number("dropout")
    if rate is not None:
        if not 0 <= rate < 1:
            raise Problem(
                "E228", f"a dropout rate is at least 0 and below 1, not {rate}", a.options["dropout"].value.span
            )
        options.append(("dropout", Num(rate)))
    return LayerValue("stack", tuple((f"[{k}]", layer) for k, layer in enumerate(layers)), tuple(options))


# --- running layers ---


def apply(elaborator: Elaborator, layer: Value, a: Arguments, instance: InstanceState | None = None) -> Value:
    """A layer on its inputs, in a network. Weights are named after the equation, or after a `use`."""
    c = a.context
    if c.frame.body.kind != "network":
        raise Problem("E404", "layers run sequences: they belong in a network", a.span, fix="in a cell: `use f = …`")
    if not isinstance(layer, CellValue) or isinstance(layer.definition, ast.Network):
        for option in a.options:  # those of one cell have names here
            if option != STATES:
                message = f"`{a.name}` has no state `{option}`: names are those of a single cell, that runs forward"
                fix = f"all states of a layer are a list, `{STATES} = […]`"
                raise Problem("E221", message, a.name_span(option), fix=fix)
    a.refuse_labels()
    a.refuse_sharing(cell=True)
    if c.frame.anonymous:
        raise nameless(c.frame)
    if c.owner is None:
        raise Problem("E403", "a layer is named after its equation, and this has none", a.span, fix="y = …")
    refuse_lists(a)
    nodes: list[Node] = []
    for i, operand in enumerate(a.operands):
        value = a.value(i)
        parts = [v for _, v in value.items] if isinstance(value, Many) else [value]
        nodes.extend(a.evaluate.to_node(v, operand.span, c) for v in parts)
    if not nodes:
        raise Problem("E223", "a layer wants its input", a.span)
    own = (c.owner.full(c.frame) if c.owner.name else c.frame.prefix.rstrip(".")) + (f".{c.name}" if c.name else "")
    local = own[len(c.frame.prefix) :]
    state = c.frame.state_prefix + local
    shareable = c.frame.shareable or instance is not None
    run = _Run(elaborator, c, a.span, shareable=shareable, starts=Starts(a), lent=_owner(instance, c))
    if instance is None:
        return run.whole(layer, nodes, own, state, local)
    is_first = instance.applied is None
    if is_first:  # its states are called like its weights; those of further runs by their equations
        state = c.frame.state_prefix + instance.key
    else:
        instance.again = a.span
        if instance.read is not None:
            raise runs_again(instance, a.span, instance.read)
    instance.applied = a.span
    key = instance.weights_of or instance.key
    result = run.whole(layer, nodes, c.frame.prefix + key, state, key)
    if is_first:
        instance.finals = finals_of(c.frame.graph, run.loops, state)
    return result


def _owner(instance: InstanceState | None, c: Context) -> Weights | None:
    """The weights that it has, where it may be given to cells, which have them then."""
    if instance is None or not isinstance(instance.cell, CellValue):
        return None
    if instance.cell.lent is not None:
        return instance.cell.lent.weights
    return c.frame.instances[instance.weights_of or instance.key].weights


class _Run:
    """Applies a layer and its parts. `path`, `state`, `key`: names for weights, for states, and of the part."""

    def __init__(
        self,
        elaborator: Elaborator,
        c: Context,
        span: Span,
        *,
        shareable: bool,
        starts: Starts | None = None,
        lent: Weights | None = None,
        loops: list[Node] | None = None,
    ) -> None:
        self.elaborator, self.c, self.span, self.shareable, self.lent = elaborator, c, span, shareable, lent
        self.graph = c.frame.graph
        self.starts = starts  # what the states begin as, where the call says so
        self.loops: list[Node] = [] if loops is None else loops  # of all cells that have run

    def whole(self, layer: Value, nodes: list[Node], path: str, state: str, key: str) -> Value:
        """The outermost layer of a call."""
        before = len(self.elaborator.diagnostics)
        result = self.layer(layer, nodes, path, state, key, self.c.frame.reverse)
        if self.starts is not None and len(self.elaborator.diagnostics) == before:
            self.starts.close()
        return result

    def _with(self, lent: Weights | None) -> _Run:
        """The same run, of an instance's weights."""
        return _Run(self.elaborator, self.c, self.span, shareable=True, starts=self.starts, lent=lent, loops=self.loops)

    def layer(self, layer: Value, nodes: list[Node], path: str, state: str, key: str, reverse: bool) -> Value:
        match layer:
            case CellValue():
                run, lent = self, layer.lent
                if lent is not None:
                    path = lent.prefix.rstrip(".")
                    run = self._with(lent.weights)
                resolved = self.elaborator.variants.resolved(layer)
                if resolved.unknown:
                    return Tensor(self.graph.poison(self.span))
                if isinstance(resolved.definition, ast.Network):
                    return run._network(resolved, nodes, path, state, key, reverse)
                return run._cell(resolved, nodes, path, state, key, reverse)
            case Instance():
                used = self.c.frame.instances[layer.key]
                used.applied = used.applied or self.span
                shared = self._with(_owner(used, self.c))
                path = self.c.frame.prefix + (used.weights_of or used.key)
                return shared.layer(used.cell, nodes, path, state, key, reverse)
            case LayerValue(kind="forward"):
                return self.layer(layer.layers[0][1], nodes, path, state, key, reverse)
            case LayerValue(kind="backward"):
                return self.layer(layer.layers[0][1], nodes, path, state, key, not reverse)
            case LayerValue(kind="bidirectional"):
                return self._bidirectional(layer, nodes, path, state, key, reverse)
            case LayerValue():
                return self._stack(layer, nodes, path, state, key, reverse)
            case _:
                raise Problem("E239", f"a layer is wanted here, not {describe(layer)}", self.span)

    def _bidirectional(
        self, layer: LayerValue, nodes: list[Node], path: str, state: str, key: str, reverse: bool
    ) -> Value:
        sides: list[Value] = []
        before = len(self.graph.nodes)
        for (name, part), backwards in zip(layer.layers, (reverse, not reverse), strict=True):
            sides.append(self.layer(part, nodes, f"{path}.{name}", f"{state}.{name}", f"{key}.{name}", backwards))
        forward, backward = sides
        runs = [node for node in self.graph.nodes[before:] if node.op == "apply"]
        for node in runs:
            node.attrs["together"] = runs
        return self._merged(forward, backward, layer.option("merge"))

    def _merged(self, forward: Value, backward: Value, merge: Value) -> Value:
        """Both directions as one; several outputs under the same names each for itself."""
        if isinstance(forward, Many) and isinstance(backward, Many) and merge != "none":
            others = dict(backward.items)
            if [n for n, _ in forward.items] == list(others):
                return Many(tuple((name, self._merged(one, others[name], merge)) for name, one in forward.items))
        if merge == "none" or not (isinstance(forward, Tensor) and isinstance(backward, Tensor)):
            return Many((("forward", forward), ("backward", backward)))
        both = (forward.node, backward.node)
        if merge == "concat":
            return Tensor(self.graph.add("concat", both, self.span, None, axis=None, fix=_NO_ONE_AXIS))
        ir = "mul" if merge == "product" else "add"
        node = self.graph.add("elementwise", both, self.span, ir=ir)
        if merge == "mean":
            half = self.graph.add("const", (), self.span, (), value=0.5)
            node = self.graph.add("elementwise", (node, half), self.span, ir="mul")
        return Tensor(node)

    def _stack(self, layer: LayerValue, nodes: list[Node], path: str, state: str, key: str, reverse: bool) -> Value:
        result: Value = None
        last = len(layer.layers) - 1
        for k, (name, part) in enumerate(layer.layers):
            result = self.layer(part, nodes, path + name, state + name, key + name, reverse)
            if isinstance(result, Many):
                if k != last:
                    raise Problem("E213", "a layer within a stack has one output", self.span)
                return result
            assert isinstance(result, Tensor)
            if layer.option("residual") is True:
                if len(nodes) != 1:
                    raise Problem("E213", "a residual layer has one input", self.span)
                result = Tensor(self.graph.add("elementwise", (result.node, nodes[0]), self.span, ir="add"))
            rate = layer.option("dropout")
            if isinstance(rate, Num) and rate.known and k != last:
                result = Tensor(
                    self._dropout(result.node, 1 - float(rate.known), str(layer.option("mask")), state + name)
                )
            nodes = [result.node]
        return result

    def _dropout(self, node: Node, keep: float, per: str, name: str) -> Node:
        body = self.c.frame.body
        site = Site(f"{name}.dropout", body.registry.rounded(keep), per, self.span)
        body.sites[site.name] = site
        return self.graph.add("random", (node,), self.span, ir="dropout", site=site)

    def _keep(self, key: str, frame: Frame) -> None:
        """For layouts, which have the weights of several runs once."""
        is_further = self.c.frame.children.setdefault(key, frame) is not frame
        if is_further:
            self.c.frame.further_runs.append((key, frame))
        frame.is_copy = is_further or (self.lent is not None and self.lent.have_run)
        if self.lent is not None:
            self.lent.have_run = True

    def _network(self, cell: CellValue, nodes: list[Node], path: str, state: str, key: str, reverse: bool) -> Value:
        """An inner network is read in place."""
        frame = self.elaborator.cells.open(
            self.c.frame.body,
            cell,
            dotted(path),
            dotted(state),
            nodes,
            self.span,
            reverse=reverse,
            shareable=self.shareable,
        )
        self._keep(key, frame)
        return results(frame, self.span)

    def _cell(self, cell: CellValue, nodes: list[Node], path: str, state: str, key: str, reverse: bool) -> Value:
        """A cell gets a body of its own; it becomes one loop."""
        self.graph.infer(*nodes)
        shapes: list[Shape] = []
        for node in nodes:
            if node.poisoned:
                return Tensor(self.graph.poison(self.span))
            if node.shape is None:
                raise Problem(
                    "E311", "the axes of this layer's input are not known here", node.span, fix="state them: `out = …`"
                )
            shapes.append(self.graph.resolve_all(node.shape))
        body = Body("cell", Graph(self.elaborator.diagnostics, self.elaborator.work), self.c.frame.body.registry)
        proxies = [
            body.graph.add("input", (), n.span, shape, step=True) for n, shape in zip(nodes, shapes, strict=True)
        ]
        before = len(self.elaborator.diagnostics)
        frame = self.elaborator.cells.open(
            body, cell, dotted(path), dotted(state), proxies, self.span, shareable=self.shareable
        )
        settle_body(body, [n for _, n in frame.outputs])
        self._keep(key, frame)
        self.c.frame.body.sink.append(body.states)
        self.c.frame.body.equations.update(body.equations)
        if len(self.elaborator.diagnostics) > before or not frame.outputs or not body.readable:
            return Tensor(self.graph.poison(self.span))
        starts = {} if self.starts is None else self.starts.of(body, dotted(state), self.c)
        shape = body.graph.resolve_all(frame.outputs[0][1].shape or ())
        node = self.graph.add(
            "apply", [*nodes, *starts.values()], self.span, shape, body=body, frame=frame, proxies=proxies,
            reverse=reverse, starts=tuple(starts),
        )  # fmt: skip
        self.loops.append(node)
        picks: list[tuple[str, Value]] = []
        for i, (name, output) in enumerate(frame.outputs):
            shape = body.graph.resolve_all(output.shape or ())
            pick = self.graph.add("pick", (node,), self.span, shape, index=i)
            pick.name = path
            picks.append((name, Tensor(pick)))
        return picks[0][1] if len(picks) == 1 else Many(tuple(picks))


def output_size(elaborator: Elaborator, layer: Value, span: Span) -> Size:
    """The size of a layer's output, as far as it is known without its input."""
    elaborator.work.spend(1, span)
    if isinstance(layer, LayerValue):
        sizes = [output_size(elaborator, part, span) for _, part in layer.layers]
        if layer.kind == "bidirectional" and layer.option("merge") == "concat":
            return sizes[0] + sizes[1]
        return sizes[-1]
    return elaborator.inner.output_promise(layer, span).size


# --- picks of steps ---


@builtin("last", "reverse", "at")
def _temporal(a: Arguments) -> Value:
    """last(y): the last valid step of each row; at(y, -1): one step for all rows; reverse(y): within each length."""
    if a.context.frame.body.kind != "network":
        fix = "a cell sees one step: what came before is kept in a state, and a network turns or picks what cells give"
        raise Problem("E404", f"`{a.name}` picks from a sequence: it belongs in a network", a.span, fix=fix)
    a.allow("index")
    attrs: dict[str, object] = {}
    if a.name == "at":
        a.count(2)
        attrs["index"] = a.evaluate.integer(a.operands[1].expression, a.operands[1].context)
    else:
        a.count(1)
    given = a.operands[0].span
    if a.name == "reverse" and isinstance(a.value(0), CellValue | LayerValue):
        fix = f"`backward({given.text})` runs from the end of each row"
        raise Problem("E213", "`reverse` turns a sequence around, no cell", given, fix=fix)
    node = a.node(0)
    return Tensor(a.context.frame.graph.add("temporal", (node,), a.span, None, what=a.name, options=attrs))


def _same(graph: Graph, node: Node) -> Shape | None:
    return node.args[0].shape


def _lower_temporal(lowering: Lowering, node: Node) -> IrValue:
    return lowering.level.temporal(lowering, node)


operation("temporal", Rule(_same), _lower_temporal)
operation("apply", Rule(lambda graph, node: node.shape), lambda lowering, node: lowering.level.apply(lowering, node))
operation("pick", Rule(lambda graph, node: node.shape), lambda lowering, node: lowering.level.picked(node))
