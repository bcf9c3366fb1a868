"""Cells inside of cells: stepping an instance, and what can be known of it before that."""

from __future__ import annotations

from collections.abc import Mapping

from rnnc.diagnostics import Diagnostics, Note, Span
from rnnc.ir.size import Size
from rnnc.semantics.bodies.frames import Body, Context, Frame, Indices, Registry, flat, key_text
from rnnc.semantics.bodies.instances import (
    STATES,
    keep_promises,
    part,
    probed_states,
    results,
    slots_of,
    wrong_count,
)
from rnnc.semantics.definitions import handed
from rnnc.semantics.definitions.besides import filled
from rnnc.semantics.definitions.binding import missing_at
from rnnc.semantics.definitions.cells import Cells
from rnnc.semantics.definitions.running import apply
from rnnc.semantics.definitions.statements import Statements
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.problems import Problem, Told, report
from rnnc.semantics.scopes.values import CellValue, Instance, LayerPart, LayerValue, Promise, Tensor, Value, describe
from rnnc.semantics.shapes.inference import infer_all
from rnnc.semantics.shapes.nodes import Graph, Node
from rnnc.syntax import ast


def _refuse(a: Arguments, states: Mapping[str, object]) -> None:
    """Report a state that a step is given and that its cell does not have."""
    for name in a.options:
        own = name.removeprefix(f"{a.name}.")  # `f(x, f.h = …)`
        if name not in states and own in states:
            raise Problem("E221", f"`{a.name}` has no state `{name}`", a.name_span(name), fix=f"write `{own} = …`")
    a.allow(*states, kind="state")


class Inner:
    """The instances of a body (`use f = …`)."""

    def __init__(self, cells: Cells, statements: Statements) -> None:
        self.cells, self.expressions, self.variants = cells, cells.expressions, cells.variants
        self.finals = handed.Finals(statements)
        self._probes: dict[int, tuple[CellValue, Frame]] = {}

    def call(self, instance: Instance, e: ast.Call, c: Context) -> Value:
        with missing_at(c.frame.instances[instance.key].written, e.span):
            return self._call(instance, e, c)

    def _call(self, instance: Instance, e: ast.Call, c: Context) -> Value:
        state = c.frame.instances[instance.key]
        a = Arguments(self.expressions, e, c, instance.key)
        a.refuse_labels()
        a.refuse_sharing(cell=True)
        if c.frame.body.kind == "network":
            return apply(self.cells, state.cell, a, instance=state)
        if state.applied is not None:
            raise Problem(
                "E408", f"`{instance.key}` is stepped twice", e.span, notes=[Note("the other step", state.applied)],
                fix=f"one instance is stepped once: `use g = {instance.key}` is another with its weights, and "
                f"`g(x, h = {instance.key}.h')` goes on from its state `h`",
            )  # fmt: skip
        if not isinstance(state.cell, CellValue):
            raise Problem("E404", f"inside a cell only cells can be used, not {describe(state.cell)}", e.span)
        state.applied = e.span
        handed.refuse_lists(a)
        nodes = self._with_handed(state.cell, a.nodes(), c.frame, e.span)
        given = self._given(state.cell, a)
        if self.variants.is_unknown(state.cell):
            return Tensor(c.frame.graph.poison(e.span))  # nothing that is made of it is an error
        prefix = f"{c.frame.prefix}{state.weights_of or instance.key}."
        lent = None if c.frame.body.probing else state.cell.lent
        if lent is not None:
            prefix = lent.prefix
        users = lent.users if lent is not None else state.users
        state_prefix = f"{c.frame.state_prefix}{instance.key}."
        sink = c.frame.body.sink
        c.frame.body.sink = state.slots
        c.frame.body.found |= {state_prefix + name: value for name, value in given.items()}
        try:
            is_copy = state.weights_of is not None or users.have_run
            is_shared = is_copy or lent is not None
            users.have_run = True
            frame = self.cells.open(
                c.frame.body,
                state.cell,
                prefix,
                state_prefix,
                nodes,
                e.span,
                shareable=c.frame.shareable or is_shared,
                is_copy=c.frame.is_copy or is_copy,
            )
        finally:
            c.frame.body.sink = sink
        state.frame, state.left = frame, {slot: slot.after for slot in flat(state.slots)}
        c.frame.children[instance.key] = frame
        keep_promises(state, frame, lambda problem: report(self.cells.diagnostics, problem))
        missing = {name for name in given if c.frame.body.found.pop(state_prefix + name, None) is not None}
        if missing - frame.broken:
            _refuse(a, slots_of(state))
        return results(frame, e.span)

    def _with_handed(self, cell: CellValue, nodes: list[Node], frame: Frame, span: Span) -> list[Node]:
        """What a step is given, with what the cell around it hands on."""
        if frame.handed is None:
            return nodes
        own = [name for name, _ in frame.inputs]
        return filled(self.cells.taken_by(cell, span, []), nodes, frame.handed, frame.name, own, frame.span)

    def _given(self, cell: CellValue, a: Arguments) -> dict[str, tuple[Node, Span]]:
        """What a step finds in states: in some by name, or in all, `states = …`."""
        if STATES not in a.options:
            return {n: (self.expressions.tensor(o.value, a.context), o.value.span) for n, o in a.options.items()}
        handed.refuse_beside(a)
        values = handed.listed(a)
        if self.variants.is_unknown(cell):
            return {}
        names = probed_states(self.probe(cell, a.span))
        if len(names) != len(values):
            raise wrong_count(a.name, len(names), len(values), a.options[STATES].value.span)
        return dict(zip(names, values, strict=True))

    def inside(self, e: ast.Expr, c: Context) -> LayerPart | None:
        """The cell inside of an instance that `f.low` or `f.low[k]` is; None of all else, and in networks."""
        name, items = (e.base, e.items) if isinstance(e, ast.Subscript) else (e, ())
        places = tuple(item for item in items if not isinstance(item, ast.Slice))
        if not isinstance(name, ast.Attribute) or name.primed or c.frame.body.kind == "network":
            return None
        around = self.inside(name.base, c) or self._whole(name.base, c)
        if around is None or len(places) < len(items):
            return None
        state = c.frame.instances[around.key]
        if not isinstance(state.cell, CellValue) or self.variants.is_unknown(state.cell):
            return None
        path = f"{around.path}.{name.name}".lstrip(".")
        names = probed_states(self.probe(state.cell, name.span))
        if not any(n.startswith((f"{path}.", f"{path}[")) for n in names):
            return None
        path = key_text(path, self.expressions.indices(places, c))
        return LayerPart(around.key, path) if any(n.startswith(f"{path}.") for n in names) else None

    def _whole(self, e: ast.Expr, c: Context) -> LayerPart | None:
        """An instance as what lies around the cells inside of it."""
        name = e.base if isinstance(e, ast.Subscript) else e
        known = isinstance(name, ast.Name) and name.id in (c.frame.instances, c.frame.instance_families)[e is not name]
        value = self.expressions.value(e, c) if known else None
        return LayerPart(value.key, "") if isinstance(value, Instance) else None

    def attribute(self, base: Instance | LayerPart, e: ast.Attribute, c: Context, indices: Indices = ()) -> Value:
        """`f.output`, `f.states`, `f.states'`, `f.c`, `f.c'`, `f.ct'[0]`, `f.low.c`."""
        state, path = c.frame.instances[base.key], base.path if isinstance(base, LayerPart) else ""
        if e.name == "output" and not e.primed and not path:
            return self.output_promise(state.cell, e.span)
        if c.frame.body.kind == "network":
            return self.finals.attribute(base, e, indices, c)
        if not isinstance(state.cell, CellValue):
            raise Problem("E201", f"`{state.key}` has no `{e.name}`", e.span, missing=e.span.text)
        graph, path = c.frame.graph, path and f"{path}."
        if self.variants.is_unknown(state.cell) and e.name != STATES:
            return Tensor(graph.poison(e.span))
        if e.name == STATES:
            names = probed_states(self.probe(state.cell, e.span))
            return tuple(Tensor(part(state, n, (), e.primed, e.span, graph)) for n in names if n.startswith(path))
        return Tensor(part(state, path + e.name, indices, e.primed, e.span, graph))

    def member(self, e: ast.Attribute, indices: Indices, c: Context) -> Value:
        """`f.ct'[0]`: a member of a family inside of an instance; None where the brackets are no such thing."""
        base = self.inside(e.base, c) or self.expressions.value(e.base, c)
        if not isinstance(base, Instance | LayerPart) or e.name == STATES:
            return None
        return self.attribute(base, e, c, indices)

    def subscript(self, base: Instance | LayerPart, indices: Indices, span: Span, c: Context) -> Value:
        """`f[0]` of a stack, in a network."""
        return self.finals.subscript(base, indices, span, c)

    def output_promise(self, cell: Value, span: Span) -> Promise:
        """`f.output`: its size, known before the cell is stepped."""
        if isinstance(cell, LayerValue):
            return Promise(self._layers_size(cell, span))
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

    def _layers_size(self, layer: Value, span: Span) -> Size:
        """The size of a layer's output, as far as it is known without its input."""
        self.cells.work.spend(1, span)
        if isinstance(layer, LayerValue):
            sizes = [self._layers_size(part, span) for _, part in layer.layers]
            if layer.kind == "bidirectional" and layer.option("merge") == "concat":
                return sizes[0] + sizes[1]
            return sizes[-1]
        return self.output_promise(layer, span).size

    def probe(self, cell: CellValue, span: Span) -> Frame:
        """The cell read on its own, with inputs of unknown size: for what can be known before it is stepped."""
        if self.variants.is_unknown(cell):
            raise Told(span)
        for known, frame in self._probes.values():
            if known is cell:
                return frame
        diagnostics = Diagnostics()
        resolved = self.variants.resolved(cell)
        kind = "network" if isinstance(resolved.definition, ast.Network) else "cell"
        body = Body(kind, Graph(diagnostics, self.cells.work), Registry(diagnostics))
        body.probing = True
        frame = self.cells.open(body, cell, "", "", (), span)
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
