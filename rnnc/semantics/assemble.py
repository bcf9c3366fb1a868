"""From read bodies to programs: whole sequences (each cell a loop) or one step (each cell in place)."""

from __future__ import annotations

from rnnc.ir.operations import Builder
from rnnc.ir.program import NO_SPANS, Axis, Carry, DType, Loop, Port, Program, Type, Value
from rnnc.semantics.bodies.frames import Body, Registry, Site, StateSlot
from rnnc.semantics.functions.over_time import OVER_TIME, lower_over_time
from rnnc.semantics.scopes.numbers import of_quotient
from rnnc.semantics.shapes.lower import Lowering, check_per_row
from rnnc.semantics.shapes.nodes import Graph, Node, ShapeError
from rnnc.semantics.shapes.shaped import show


class CannotStream(Exception):
    """Why a network has no single step."""


class Level:
    """Builds one program. `sequence`: over time; otherwise one step."""

    def __init__(self, registry: Registry, *, sequence: bool, expose: dict[str, str]) -> None:
        self.registry = registry
        self.sequence = sequence
        self.expose = expose  # equation's full name → name of the port
        self.builder = Builder()
        self.inputs: list[Port] = []
        self.states_in: list[Port] = []
        self.states_out: list[Port] = []
        self.masks: dict[str, Port] = {}
        self.sites: dict[str, Site] = {}
        self.exposed: dict[str, Value] = {}
        self.lengths = Value(Type((), DType.INT, batch=True), "lengths") if sequence else None
        self.parameters: dict[str, Value] = {}
        self._results: dict[Node, list[Value]] = {}
        self._finals: dict[StateSlot, Value] = {}  # of layers, after the last step of each row
        self._zero_past: set[Value] = set()  # sequences that are zero past the length as they are

    # --- the outermost ---

    def program(
        self, name: str, body: Body, inputs: list[tuple[str, Node]], outputs: list[tuple[str, Node]]
    ) -> Program:
        """The program of a network-level body."""
        leaves: dict[Node, Value] = self.parameter_leaves(body.graph)
        for port_name, node in inputs:
            dtype = DType.INT if node.attrs.get("dtype") == "int" else DType.FLOAT
            timed = self.sequence and not node.attrs.get("per_row")
            value = Value(Type(self._axes(body.graph, node), dtype, batch=True, time=timed), port_name)
            self.inputs.append(Port("input", port_name, value))
            if self.lengths is not None and timed:  # what stands in the padding must not reach a sum over time
                value = self.builder.op("fill_past", value, self.lengths, value=0.0 if dtype is DType.FLOAT else 0)
            leaves[node] = value
        lowering = Lowering(body.graph, self.builder, leaves, self.mask, self)
        lowering.run([*(node for _, node in outputs), *self._asked_for(body)])
        for node in body.graph.nodes:  # where one direction is read, the other has states all the same
            if any(other in lowering.values for other in node.attrs.get("together", ())):
                lowering.run([node])
        ports = [Port("output", n, self._output(lowering, node)) for n, node in outputs if node in lowering.values]
        for full in self.expose:
            node = body.equations.get(full)
            if full not in self.exposed and node is not None and node in lowering.values:
                value = self._output(lowering, node) if lowering[node].type.time else lowering[node]
                self.exposed[full] = self.as_float(self.builder, value)
        exposed = [Port("expose", port, self.exposed[f]) for f, port in self.expose.items() if f in self.exposed]
        lengths = [Port("lengths", "lengths", self.lengths)] if self.lengths is not None else []
        parameters = [
            Port("param" if p.trained else "fixed", p.name, self.parameters[p.name])
            for p in self.registry.parameters.values()
            if p.name in self.parameters
        ]
        return Program(
            name,
            (*parameters, *self.inputs, *self.states_in, *lengths, *self.masks.values()),
            tuple(self.builder.nodes),
            (*ports, *self.states_out, *exposed),
        )

    def _asked_for(self, body: Body) -> list[Node]:
        """The equations that are exposed, and the layers that have such: perhaps no output reads them."""

        def has_some(node: Node) -> bool:
            layer: Body | None = node.attrs.get("body") if node.op == "apply" else None
            return any(node is body.equations[f] or (layer is not None and f in layer.equations) for f in self.expose)

        return [node for node in body.graph.nodes if has_some(node)] if self.expose else []

    def _output(self, lowering: Lowering, node: Node) -> Value:
        """Outputs have a batch axis, and are zero past the length."""
        value = (
            self.as_float(self.builder, lowering[node]) if lowering[node].type.dtype is DType.BOOL else lowering[node]
        )
        if not value.type.batch:
            value = self._with_lead(self.builder, value, self._clock())
        if self.lengths is not None and value.type.time and value not in self._zero_past:
            value = self.builder.op(
                "fill_past", value, self.lengths, value=0.0 if value.type.dtype is DType.FLOAT else 0
            )
        return value

    def _clock(self) -> Value:
        """An input that tells how many rows there are, and how many steps."""
        return next(p.value for p in self.inputs if p.value.type.time is self.sequence)

    def _axes(self, graph: Graph, node: Node) -> tuple[Axis, ...]:
        return tuple(Axis(a.label, a.size) for a in graph.resolve_all(node.shape or ()))

    def parameter_leaves(self, graph: Graph) -> dict[Node, Value]:
        """The parameters that this graph names, as values of the program."""
        leaves: dict[Node, Value] = {}
        differs = False
        for parameter in self.registry.named_in(graph):
            node = parameter.nodes[graph]
            if node.poisoned:
                continue
            if parameter.name not in self.parameters:
                self.parameters[parameter.name] = Value(Type(self._axes(graph, node)), parameter.name)
                parameter.shape = graph.resolve_all(node.shape or ())
            elif [a.size for a in self._axes(graph, node)] != [a.size for a in parameter.shape or ()]:
                if differs:  # the one size is told of its first weight
                    node.poisoned = True
                    continue
                differs = True
                first, here = show(parameter.shape or ()), show(graph.resolve_all(node.shape or ()))
                message = f"the shared weight `{parameter.name}` is {first} elsewhere, and {here} here"
                fix = "what has one set of weights has inputs of one size: make them so (`dense`), or `use` another"
                graph.report(node, ShapeError("E312", message, fix))
            leaves[node] = self.parameters[parameter.name]
        return leaves

    def _with_lead(self, builder: Builder, value: Value, like: Value) -> Value:
        """A constant result gets the batch (and time) of an input, by adding zeros."""
        zeros = builder.op("zeros_like", like)
        if like.type.rank:
            zeros = builder.op("reduce_sum", zeros, axes=tuple(range(like.type.rank)), keep=False)
        if value.type.dtype is not zeros.type.dtype:
            zeros = builder.op("cast", zeros, dtype=value.type.dtype.value)
        return builder.op("add", value, zeros)

    def as_float(self, builder: Builder, value: Value) -> Value:
        return value if value.type.dtype is DType.FLOAT else builder.op("cast", value, dtype="float")

    # --- random sites ---

    def mask(self, site: Site, timed: bool) -> Value:
        """The mask of a site at network level: with time where it is drawn per step, and there are steps."""
        if site.name not in self.masks:
            axes = tuple(Axis(a.label, a.size) for a in site.shape or ())
            type = Type(axes, batch=True, time=self.sequence and timed and site.per == "step")
            self.sites[site.name] = site
            self.masks[site.name] = Port("mask", site.name, Value(type, f"{site.name}.mask"))
        return self.masks[site.name].value

    # --- layers ---

    def picked(self, node: Node) -> Value:
        index: int = node.attrs["index"]
        return self._results[node.args[0]][index]

    def final(self, node: Node) -> Value:
        """A state of a layer after its last step."""
        if not self.sequence:
            raise CannotStream("what a layer leaves after its last step is of the whole sequence")
        return self._finals[node.attrs["slot"]]

    def apply(self, lowering: Lowering, node: Node) -> Value:
        """A cell on its inputs."""
        if not self.sequence and node.attrs["reverse"]:
            raise CannotStream("a layer runs backwards, so it needs the whole sequence")
        build = self._loop if self.sequence else self._inline
        args = [lowering[a] for a in node.args]
        inputs = len(node.attrs["proxies"])
        starts = dict(zip(node.attrs["starts"], args[inputs:], strict=True))
        self._results[node] = build(node, args[:inputs], starts)
        return self._results[node][0]

    def temporal(self, lowering: Lowering, node: Node) -> Value:
        value = lowering[node.args[0]]
        what: str = node.attrs["what"]
        if not self.sequence:
            raise CannotStream(f"`{what}` {'is over' if what in OVER_TIME else 'picks from'} the whole sequence")
        if not value.type.time:
            fix = "what a layer leaves is of its last step already" if node.args[0].op == "final" else None
            raise ShapeError("E313", f"`{what}` wants a sequence, and this has no time", fix)
        assert self.lengths is not None
        backwards: bool = node.attrs["reverse"]
        match what:
            case "last":
                # backwards no `at(index = 0)`: that would ask for sequences that have a step
                turned = self.builder.op("reverse_time", value, self.lengths) if backwards else value
                return self.builder.op("last", turned, self.lengths)
            case "reverse":
                return self.builder.op("reverse_time", value, self.lengths)
            case _ if what in OVER_TIME:
                value = self.as_float(self.builder, value)
                options: dict[str, bool] = node.attrs["options"]
                if what == "cumsum":
                    options = options | {"reverse": options["reverse"] != backwards}
                return lower_over_time(what, options, self.builder, value, self.lengths)
            case _:
                value = self.builder.op("fill_past", value, self.lengths, value=0.0)
                if backwards:
                    value = self.builder.op("reverse_time", value, self.lengths)
                return self.builder.op("at", value, index=node.attrs["options"]["index"])

    def _initial(self, body: Body, slot: StateSlot, pre: Lowering, start: Value | None) -> Value:
        """The state before the first step: given, or what the network says, or its declared value (zeros)."""
        axes = self._axes(body.graph, slot.node)
        port = Port("state", slot.name, Value(Type(axes, slot.dtype, batch=True), slot.name))
        self.states_in.append(port)
        is_own = start is None
        if start is None and slot.init is not None:
            pre.run([slot.init])
            if slot.init not in pre.values:
                return port.value
            start = pre[slot.init]
        if start is None:
            fallback = self.builder.op("full", value=0.0 if slot.dtype is DType.FLOAT else 0, axes=axes)
        elif start.type.time:
            raise ShapeError("E313", f"`{slot.name}` begins as one value, and this is a sequence", "`last(y)` is one")
        else:
            fallback = start if start.type.rank == len(axes) else self.builder.op("broadcast", start, axes=axes)
        if fallback.type.dtype is not slot.dtype:
            if fallback.type.dtype is DType.FLOAT and is_own and slot.init is not None:
                body.graph.report(slot.init, _no_whole_numbers(slot, slot.init))
            elif fallback.type.dtype is DType.FLOAT:
                raise _no_whole_numbers(slot)
            fallback = self.builder.op("cast", fallback, dtype=slot.dtype.value)
        with self.builder.at(frozenset((slot.span,))):
            return self.builder.op("default", port.value, fallback)

    def _before(self, node: Node, args: list[Value]) -> Lowering:
        """What is there before the first step of a layer: parameters, and inputs that come once per row."""
        graph: Graph = node.attrs["body"].graph
        given = {proxy: arg for proxy, arg in zip(node.attrs["proxies"], args, strict=True) if "per_row" in proxy.attrs}
        return Lowering(graph, self.builder, self.parameter_leaves(graph) | given, self.mask, self)

    def _inline(self, node: Node, args: list[Value], starts: dict[StateSlot, Value]) -> list[Value]:
        """One step in place."""
        body: Body = node.attrs["body"]
        leaves = self.parameter_leaves(body.graph) | dict(zip(node.attrs["proxies"], args, strict=True))
        pre = self._before(node, args)
        slots = body.all_states()
        for slot in slots:
            leaves[slot.node] = self._initial(body, slot, pre, starts.get(slot))
        lowering = Lowering(body.graph, self.builder, leaves, self.mask, self)
        outputs, nexts, exposed = self._results_of(body, node, lowering, slots, args[0])
        for slot, value in zip(slots, nexts, strict=True):
            self.states_out.append(Port("state", slot.name, value))
        self.exposed.update(exposed)
        return outputs

    def _results_of(
        self, body: Body, node: Node, lowering: Lowering, slots: list[StateSlot], like: Value
    ) -> tuple[list[Value], list[Value], dict[str, Value]]:
        """Lower a body: its outputs, next states, and equations asked for."""
        frame = node.attrs["frame"]
        wanted = {full: body.equations[full] for full in self.expose if full in body.equations}
        after = [slot.after for slot in slots]
        roots = [n for _, n in frame.outputs] + [n for n in after if n is not None] + list(wanted.values())
        lowering.run(roots)
        builder = lowering.builder

        def found(of: Node) -> Value:
            """Also for what has an error: a value like it, so that nothing else is found wrong for its sake."""
            return lowering.values.get(of) or Value(Type(self._axes(body.graph, of), batch=True))

        outputs: list[Value] = []
        for _, output in frame.outputs:
            value = found(output)
            if value.type.dtype is DType.BOOL:
                value = self.as_float(builder, value)
            outputs.append(value if value.type.batch else self._with_lead(builder, value, like))
        nexts: list[Value] = []
        for slot, next in zip(slots, after, strict=True):
            value = found(slot.node if next is None else next)
            if value.type.dtype is not slot.dtype:
                if next is not None and next in lowering.values and value.type.dtype is DType.FLOAT:
                    body.graph.report(next, _no_whole_numbers(slot, next))
                value = builder.op("cast", value, dtype=slot.dtype.value)
            nexts.append(value if value.type.batch else self._with_lead(builder, value, like))
        exposed: dict[str, Value] = {}
        for full, n in wanted.items():
            if n in lowering.values:
                value = self.as_float(builder, lowering[n])
                exposed[full] = value if value.type.batch else self._with_lead(builder, value, like)
        return outputs, nexts, exposed

    def _loop(self, node: Node, args: list[Value], starts: dict[StateSlot, Value]) -> list[Value]:
        """A cell over time: a loop whose body is one step."""
        body: Body = node.attrs["body"]
        inner = Builder()
        xs: list[tuple[Value, Value]] = []
        leaves = self.parameter_leaves(body.graph)
        pre = self._before(node, args)
        elements: list[Value] = []
        for arg, proxy in zip(args, node.attrs["proxies"], strict=True):
            check_per_row(proxy, arg)
            elements.append(self._element(arg, xs))
            leaves[proxy] = elements[-1]
        slots = body.all_states()
        inits = [self._initial(body, slot, pre, starts.get(slot)) for slot in slots]
        params = [Value(Type(i.type.axes, i.type.dtype, batch=True), s.name) for i, s in zip(inits, slots, strict=True)]
        leaves.update({slot.node: param for slot, param in zip(slots, params, strict=True)})
        lowering = Lowering(body.graph, inner, leaves, lambda site, _: self._element(self.mask(site, True), xs), self)
        outputs, nexts, exposed = self._results_of(body, node, lowering, slots, elements[0])
        carries = tuple(
            Carry(init, param, next, Value(param.type, f"{param.name}"), None)
            for init, param, next in zip(inits, params, nexts, strict=True)
        )
        ys = tuple((v, Value(v.type.with_(time=True), v.name)) for v in (*outputs, *exposed.values()))
        valid = Value(Type((), DType.BOOL, batch=True), "valid")
        loop = Loop(
            tuple(xs),
            carries,
            tuple(inner.nodes),
            ys,
            reverse=node.attrs["reverse"],
            lengths=self.lengths,
            valid=valid,
            like=None if xs else self._clock(),
            name=node.attrs["frame"].prefix.rstrip("."),
            spans=NO_SPANS,
        )
        self.builder.emit(loop)
        for slot, carry in zip(slots, carries, strict=True):
            self.states_out.append(Port("state", slot.name, carry.final))
            self._finals[slot] = carry.final
        sequences = [seq for _, seq in ys]
        self._zero_past.update(sequences)
        self.exposed.update(zip(exposed, sequences[len(outputs) :], strict=True))
        return sequences[: len(outputs)]

    @staticmethod
    def _element(value: Value, xs: list[tuple[Value, Value]]) -> Value:
        """One step of a sequence; what has no time is captured."""
        if not value.type.time:
            return value
        for sequence, element in xs:
            if sequence is value:
                return element
        element = Value(value.type.with_(time=False), value.name)
        xs.append((value, element))
        return element


def _no_whole_numbers(slot: StateSlot, given: Node | None = None) -> ShapeError:
    texts = [] if given is None else [value.span.text for value in (given, *given.args)]
    fixes = [of_quotient(" ".join(texts)), "declare it without `: int`"]
    fix = "; or ".join(fix for fix in fixes if fix is not None)
    return ShapeError("E310", f"the state `{slot.name}` holds whole numbers, and this is a float", fix)
