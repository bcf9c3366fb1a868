"""Layers of networks at work: cells run over sequences, in their directions and stacks."""

from __future__ import annotations

from rnnc.diagnostics import Span
from rnnc.semantics.bodies.frames import Around, Body, Context, Frame, InstanceState, nameless
from rnnc.semantics.bodies.instances import STATES, results
from rnnc.semantics.bodies.settle import settle_body
from rnnc.semantics.definitions.besides import filled
from rnnc.semantics.definitions.cells import Cells
from rnnc.semantics.definitions.handed import Starts, finals_of, refuse_lists, runs_again
from rnnc.semantics.definitions.taking import Handed, Inputs
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.functions.lending import dotted
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import CellValue, Instance, LayerValue, Many, Num, Tensor, Users, Value, describe
from rnnc.semantics.shapes.lower import Site
from rnnc.semantics.shapes.nodes import Graph, Node
from rnnc.semantics.shapes.shaped import Shape
from rnnc.syntax import ast

_NO_ONE_AXIS = (
    "`merge = none` gives `y.forward` and `y.backward`, to be put together as you like; `merge` is also `sum`, `mean`, "
    "`product`"
)


def apply(cells: Cells, layer: Value, a: Arguments, instance: InstanceState | None = None) -> Value:
    """A layer on its inputs, in a network. Weights are named after the equation, or after a `use`."""
    c = a.context
    if c.frame.body.kind != "network":
        raise Problem("E404", "layers run sequences: they belong in a network", a.span, fix="in a cell: `use f = …`")
    if not isinstance(layer, CellValue) or isinstance(cells.variants.resolved(layer).definition, ast.Network):
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
    run = _Run(cells, c, a.span, shareable=shareable, starts=_starts(cells, a), users=_users(instance, c))
    try:
        return _run(run, layer, nodes, own, state, local, instance)
    finally:
        if c.frame.around is not None:
            c.frame.around.loops.extend(run.loops)


def _starts(cells: Cells, a: Arguments) -> Starts:
    frame = a.context.frame
    around = frame.around.starts if frame.around is not None else None
    return Starts(a, around, cells.nesting.place(frame.graph))


def _run(
    run: _Run, layer: Value, nodes: list[Node], own: str, state: str, local: str, instance: InstanceState | None
) -> Value:
    """A call of a layer, or of one that has a name."""
    c, span = run.c, run.span
    if instance is None:
        return run.whole(layer, nodes, own, state, local)
    is_first = instance.applied is None
    if is_first:  # its states are called like its weights; those of further runs by their equations
        state = c.frame.state_prefix + instance.key
    else:
        instance.again = span
        if instance.read is not None:
            raise runs_again(instance, span, instance.read)
    instance.applied = span
    key = instance.weights_of or instance.key
    c.frame.running.append(instance.key)
    try:
        result = run.whole(layer, nodes, c.frame.prefix + key, state, key)
    finally:
        c.frame.running.pop()
    if is_first:
        instance.finals = finals_of(c.frame.graph, run.loops, state)
    return result


def _users(instance: InstanceState | None, c: Context) -> Users | None:
    """Those that have its weights, where it may be given to cells, which have them then."""
    if instance is None or not isinstance(instance.cell, CellValue):
        return None
    if instance.cell.lent is not None:
        return instance.cell.lent.users
    return c.frame.instances[instance.weights_of or instance.key].users


class _Run:
    """Applies a layer and its parts. `path`, `state`, `key`: names for weights, for states, and of the part."""

    def __init__(
        self,
        cells: Cells,
        c: Context,
        span: Span,
        *,
        shareable: bool,
        starts: Starts,
        users: Users | None = None,
        loops: list[Node] | None = None,
    ) -> None:
        self.cells, self.c, self.span, self.shareable, self.users = cells, c, span, shareable, users
        self.graph = c.frame.graph
        self.starts = starts  # what the states begin as, where the call says so
        self.loops: list[Node] = [] if loops is None else loops  # of all cells that have run

    def whole(self, layer: Value, nodes: list[Node], path: str, state: str, key: str) -> Value:
        """The outermost layer of a call."""
        before = len(self.cells.diagnostics)
        nodes = self._with_handed(layer, nodes)
        result = self.layer(layer, nodes, path, state, key, self.c.frame.reverse)
        if len(self.cells.diagnostics) == before:
            self.starts.close()
        return result

    def _with(self, users: Users | None) -> _Run:
        """The same run, of an instance's weights."""
        return _Run(self.cells, self.c, self.span, shareable=True, starts=self.starts, users=users, loops=self.loops)

    def layer(self, layer: Value, nodes: list[Node], path: str, state: str, key: str, reverse: bool) -> Value:
        match layer:
            case CellValue():
                run, lent = self, layer.lent
                if lent is not None:
                    path = lent.prefix.rstrip(".")
                    run = self._with(lent.users)
                resolved = self.cells.variants.resolved(layer)
                if resolved.unknown:
                    return self._lost()
                if isinstance(resolved.definition, ast.Network):
                    return run._network(resolved, nodes, path, state, key, reverse)
                return run._cell(resolved, nodes, path, state, key, reverse)
            case Instance():
                used = self.c.frame.instances[layer.key]
                used.applied = used.applied or self.span
                shared = self._with(_users(used, self.c))
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

    def _lost(self) -> Value:
        """What is known of nothing: neither which states there are, nor what is made of it."""
        self.starts.unsure = True
        return Tensor(self.graph.poison(self.span))

    def _bidirectional(
        self, layer: LayerValue, nodes: list[Node], path: str, state: str, key: str, reverse: bool
    ) -> Value:
        sides: list[Value] = []
        before = len(self.graph.nodes)
        given = self._handed([(f"`{name}`", part) for name, part in layer.layers], nodes)
        if given.unknown:
            return self._lost()
        for k, ((name, part), backwards) in enumerate(zip(layer.layers, (reverse, not reverse), strict=True)):
            names = (f"{path}.{name}", f"{state}.{name}", f"{key}.{name}")
            sides.append(self.layer(part, given.to(k), *names, backwards))
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
        given = self._handed([(f"layer {k}", part) for k, (_, part) in enumerate(layer.layers)], nodes)
        if given.unknown:
            return self._lost()
        for k, (name, part) in enumerate(layer.layers):
            result = self.layer(part, given.to(k), path + name, state + name, key + name, reverse)
            if isinstance(result, Many):
                if k != last:
                    raise Problem("E213", "a layer within a stack has one output", self.span)
                return result
            assert isinstance(result, Tensor)
            if layer.option("residual") is True:
                if len(given.sequences) != 1:
                    raise Problem("E213", "a residual layer has one input", self.span)
                result = Tensor(self.graph.add("elementwise", (result.node, *given.sequences), self.span, ir="add"))
            rate = layer.option("dropout")
            if isinstance(rate, Num) and rate.known and k != last:
                result = Tensor(
                    self._dropout(result.node, 1 - float(rate.known), str(layer.option("mask")), state + name)
                )
            given.after(k, result.node)
        return result

    def _handed(self, layers: list[tuple[str, Value]], nodes: list[Node]) -> Handed:
        doubts: list[Problem] = []
        taken = [(label, self._inputs(layer, doubts)) for label, layer in layers]
        return Handed(taken, nodes, self.span, doubts)

    def _inputs(self, layer: Value, doubts: list[Problem]) -> Inputs | None:
        return self.cells.taken_by(layer, self.span, doubts, self.c.frame.instances)

    def _with_handed(self, layer: Value, nodes: list[Node]) -> list[Node]:
        """What a layer is given, with what the network around it hands on."""
        frame = self.c.frame
        if frame.handed is None:
            return nodes
        own = [name for name, _ in frame.inputs]
        return filled(self._inputs(layer, []), nodes, frame.handed, frame.name, own, frame.span)

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
        frame.is_copy = is_further or (self.users is not None and self.users.have_run)
        if self.users is not None:
            self.users.have_run = True

    def _network(self, cell: CellValue, nodes: list[Node], path: str, state: str, key: str, reverse: bool) -> Value:
        """An inner network is read in place."""
        frame = self.cells.open(
            self.c.frame.body,
            cell,
            dotted(path),
            dotted(state),
            nodes,
            self.span,
            reverse=reverse,
            shareable=self.shareable,
            around=Around(self.starts, self.loops),
        )
        self._keep(key, frame)
        if frame.body.damaged:
            self.starts.unsure = True
        return results(frame, self.span)

    def _cell(self, cell: CellValue, nodes: list[Node], path: str, state: str, key: str, reverse: bool) -> Value:
        """A cell gets a body of its own; it becomes one loop."""
        self.graph.infer(*nodes)
        shapes: list[Shape] = []
        for node in nodes:
            if node.poisoned:
                return self._lost()
            if node.shape is None:
                raise Problem(
                    "E311", "the axes of this layer's input are not known here", node.span, fix="state them: `out = …`"
                )
            shapes.append(self.graph.resolve_all(node.shape))
        body = Body("cell", Graph(self.cells.diagnostics, self.cells.work), self.c.frame.body.registry)
        proxies = [
            body.graph.add("input", (), n.span, shape, step=True) for n, shape in zip(nodes, shapes, strict=True)
        ]
        before = len(self.cells.diagnostics)
        frame = self.cells.open(body, cell, dotted(path), dotted(state), proxies, self.span, shareable=self.shareable)
        settle_body(body, [n for _, n in frame.outputs])
        self._keep(key, frame)
        self.c.frame.body.sink.append(body.states)
        self.c.frame.body.equations.update(body.equations)
        if len(self.cells.diagnostics) > before or not frame.outputs or not body.readable:
            return self._lost()
        starts = self.starts.of(body, dotted(state), self.graph)
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
