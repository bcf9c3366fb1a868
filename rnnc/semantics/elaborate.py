"""The semantic layer's one entry: a parsed file, a name and options become a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rnnc.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Source, Span, Use
from rnnc.ir.model import MaskInfo, Model, ParameterInfo, PortInfo
from rnnc.ir.program import Loop, Program, walk
from rnnc.ir.size import Size
from rnnc.semantics.assemble import CannotStream, Level
from rnnc.semantics.bodies.frames import Body, Context, Frame, Parameter, Registry
from rnnc.semantics.bodies.initial import check_initial
from rnnc.semantics.bodies.lent import check_lent
from rnnc.semantics.bodies.settle import settle_body
from rnnc.semantics.definitions.elaborator import Elaborator
from rnnc.semantics.files import Files
from rnnc.semantics.layouts.layouts import LayoutReader
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem, Work, report
from rnnc.semantics.scopes.values import CellValue, Lazy, Num, Scope, Value, describe, texts
from rnnc.semantics.shapes.nodes import Graph, Node
from rnnc.semantics.shapes.rules.products import fan_in
from rnnc.semantics.shapes.shaped import Shape
from rnnc.semantics.told_once import told_once
from rnnc.syntax import ast
from rnnc.syntax.literals import as_text
from rnnc.syntax.parse import parse_expression
from rnnc.syntax.walk import heading

_PRIMED_MEMBER = re.compile(r"((?:\[[^][]*\])+)'$")


@dataclass(frozen=True, eq=False)
class Reading:
    """A model, and the names and equations that it was read from: what pictures and pages are made of."""

    model: Model
    frame: Frame
    elaborator: Elaborator
    warnings: tuple[Diagnostic, ...] = ()


Option = "str | int | float | bool | None | list[Option] | tuple[Option, ...]"


def elaborate(
    file: ast.File,
    path: Path | None,
    name: str,
    options: Mapping[str, object] | None = None,
    *,
    expose: tuple[str, ...] = (),
    rounding: str | None = None,
) -> Model:
    """The model of one definition. Raises DiagnosticError with every error that was found.

    `options` are compile-time parameters and sizes of free axes, as text of the language or Python values.
    `rounding` is the layout as whose library constants are rounded to float32.
    """
    try:
        return read_definition(file_scope(file, path), name, options, expose=expose, rounding=rounding).model
    except DiagnosticError as error:
        raise DiagnosticError(told_once(error.diagnostics, file)) from None


def file_scope(file: ast.File, path: Path | None, lost: Collection[str] = ()) -> Scope:
    """What a file defines, imports and knows. `lost`: names of what could not be read. Raises DiagnosticError."""
    diagnostics = Diagnostics()
    scope = None
    try:
        scope = Files(diagnostics).file(file, path, lost)
    except Problem as problem:
        report(diagnostics, problem)
    diagnostics.raise_errors()
    assert scope is not None
    return scope


def read_definition(
    scope: Scope,
    name: str,
    options: Mapping[str, object] | None = None,
    *,
    expose: tuple[str, ...] = (),
    rounding: str | None = None,
    work: Work | None = None,
    own: Span | None = None,
) -> Reading:
    """The model of a cell or network that a scope knows, and what it was read from. Raises DiagnosticError.

    Options are those of `elaborate`. `work` counts what is done; `own` is the text that the definition stands for.
    """
    diagnostics = Diagnostics()
    found = scope.find(name)
    assert found is not None
    cell = found[1]
    assert isinstance(cell, CellValue)
    diagnostics.use = Use(own or cell.definition.span)
    if cell.variant is not None:
        base = cell.variant.base
        diagnostics.use = Use(base.base.span if isinstance(base, ast.With) else base.span, diagnostics.use)
    try:
        return _Elaboration(diagnostics, scope, rounding, work or Work()).read(cell, options or {}, expose)
    except Problem as problem:
        report(diagnostics, problem)
    except RecursionError:
        message = f"what `{name}` is made of is nested too deeply"
        diagnostics.error("E405", message, heading(cell.definition), fix="give parts of it names of their own")
    raise DiagnosticError(tuple(diagnostics))


class _Elaboration:
    def __init__(self, diagnostics: Diagnostics, scope: Scope, rounding: str | None, work: Work) -> None:
        self.diagnostics = diagnostics
        self.elaborator = Elaborator(diagnostics, work)
        self.scope = scope
        self.registry = Registry(diagnostics, rounding)

    def read(self, cell: CellValue, options: Mapping[str, object], expose: tuple[str, ...]) -> Reading:
        cell, sizes = self._bind(cell, options)
        self.elaborator.inputs.sizes = sizes
        span = cell.definition.span
        outer = Body("network", Graph(self.diagnostics, self.elaborator.work), self.registry)
        is_cell = isinstance(self.elaborator.variants.resolved(cell).definition, ast.Cell)
        body = Body("cell", Graph(self.diagnostics, self.elaborator.work), self.registry) if is_cell else outer
        frame = self.elaborator.cells.open(body, cell, "", "", None, span)
        settle_body(body, [n for _, n in frame.outputs])
        inputs, outputs = _as_layer(outer, body, frame) if is_cell else (frame.inputs, frame.outputs)
        if is_cell:
            settle_body(outer, [])
        self.diagnostics.raise_errors()
        if not (body.readable and outer.readable):
            raise DiagnosticError(())  # it hangs on an unknown cell, or on text with an error that is told
        self._unknown_sizes(sizes, frame)
        model = self._assemble(cell, frame, outer, inputs, outputs, expose, is_cell)
        return Reading(model, frame, self.elaborator, tuple(self.diagnostics))

    # --- options ---

    def _bind(self, cell: CellValue, options: Mapping[str, object]) -> tuple[CellValue, dict[str, int]]:
        """Options that are parameters are bound; whole numbers that are not are sizes of free axes."""
        parameters = {p.name: p for p in self.elaborator.variants.parameters_of(cell)}
        bound = cell.arguments
        sizes: dict[str, int] = {}
        for key, given in options.items():
            value, span = self._option(key, given)
            if key in parameters:
                try:
                    found = self.elaborator.cells.checked(parameters[key], value, span)
                    bound[key] = replace(found, given=span) if isinstance(found, Num) else found
                except Problem as problem:
                    report(self.diagnostics, problem)
            elif isinstance(value, Num) and isinstance(value.value, int) and value.value > 0:
                sizes[key] = value.value
            elif key in _free_sizes(cell):
                message = f"the size of an input's axis is a whole number from 1 on, not {describe(value)}"
                self.diagnostics.error("E208", message, span)
            else:
                names = list(dict.fromkeys([*parameters, *sorted(_free_sizes(cell))]))
                fix = did_you_mean(key, names) or f"there are {', '.join(names)}"
                self.diagnostics.error("E242", f"`{cell.name}` has no parameter or free size `{key}`", span, fix=fix)
        self.diagnostics.raise_errors()
        self._names = list(parameters)
        return replace(cell, bound=tuple(bound.items())), sizes

    def _option(self, key: str, given: object) -> tuple[Value, Span]:
        written = given if isinstance(given, str) else as_text(given)
        source = Source(f"-D {key}", written)
        try:
            e = parse_expression(source)
        except DiagnosticError as error:
            self.diagnostics.extend(error.diagnostics)
            self.diagnostics.raise_errors()
            raise
        body = Body("network", Graph(self.diagnostics, self.elaborator.work), self.registry)
        frame = Frame(body, Scope(self.scope), "", "fn", key, e.span)
        try:
            return self.elaborator.expressions.value(e, Context(frame.scope, frame)), e.span
        except Problem as problem:
            report(self.diagnostics, problem)
            self.diagnostics.raise_errors()
            raise

    def _unknown_sizes(self, sizes: Mapping[str, int], frame: Frame) -> None:
        free = _free_sizes(frame.cell) if frame.cell is not None else set[str]()
        for key in sizes:
            if key not in self.elaborator.inputs.used_sizes:
                names = list(dict.fromkeys([*self._names, *sorted(free)]))
                fix = did_you_mean(key, names) or f"there are {', '.join(names)}"
                self.diagnostics.error("E242", f"`{frame.name}` has no parameter or free size `{key}`", None, fix=fix)
        self.diagnostics.raise_errors()

    # --- programs ---

    def _assemble(
        self,
        cell: CellValue,
        frame: Frame,
        outer: Body,
        inputs: list[tuple[str, Node]],
        outputs: list[tuple[str, Node]],
        expose: tuple[str, ...],
        is_cell: bool,
    ) -> Model:
        exposed = self._exposed(outer, expose)
        forward_level = Level(self.registry, sequence=True, expose=exposed)
        forward = forward_level.program(cell.name, outer, inputs, outputs)
        step, no_step = self._step(cell.name, outer, inputs, outputs, exposed)
        self.diagnostics.raise_errors()
        parameters = self._parameters(forward_level)
        sizes = self._sizes(forward, frame)
        layouts = LayoutReader(self.elaborator.expressions, parameters, forward, self.diagnostics).read(frame)
        self.diagnostics.raise_errors()
        definition = self.elaborator.variants.resolved(cell).definition
        return Model(
            name=cell.name,
            kind="cell" if is_cell else "network",
            doc=definition.doc or "",
            forward=forward,
            step=step,
            no_step=no_step,
            parameters=parameters,
            inputs=_infos(forward, "input"),
            states=_infos(forward, "state"),
            outputs=_infos(forward, "output"),
            exposed=_infos(forward, "expose"),
            masks=self._masks(forward_level, forward),
            layouts=layouts,
            options=self._option_texts(frame),
            sizes=sizes,
            equations=tuple(
                (n, s.span.text)
                for n, node in outer.equations.items()
                if (s := node.attrs.get("statement")) is not None
            ),
        )

    def _exposed(self, outer: Body, expose: tuple[str, ...]) -> dict[str, str]:
        """Full names of the equations asked for: as written, or the value after the step."""
        found: dict[str, str] = {}
        names = {_as_written(full): full for full in outer.equations}
        for asked in expose:
            name = _as_written(asked)
            full = names.get(name) or names.get(_as_written(name + "'"))
            if full is not None:
                found[full] = full.rstrip("'")
                continue
            members = [n for n in names if n.replace("'", "").startswith(f"{name}[")]
            among = f"its members are {', '.join(members)}" if members else did_you_mean(name, names)
            fix = among or f"there are {', '.join(names)}"
            self.diagnostics.error("E243", f"there is no equation `{asked}` to expose", None, fix=fix)
        return found

    def _step(
        self,
        name: str,
        outer: Body,
        inputs: list[tuple[str, Node]],
        outputs: list[tuple[str, Node]],
        exposed: dict[str, str],
    ) -> tuple[Program | None, str]:
        try:
            return Level(self.registry, sequence=False, expose=exposed).program(name, outer, inputs, outputs), ""
        except CannotStream as reason:
            return None, str(reason)

    def _parameters(self, level: Level) -> tuple[ParameterInfo, ...]:
        check_lent(self.registry)
        infos: list[ParameterInfo] = []
        for p in self.registry.parameters.values():
            value = level.parameters.get(p.name)
            if value is not None:
                axes, inputs = value.type.axes, _fan_in(p)
                infos.append(ParameterInfo(p.name, axes, p.init, p.trained, frozenset((p.span,)), inputs))
                check_initial(p, axes, inputs, self.diagnostics)
        return tuple(infos)

    def _sizes(self, forward: Program, frame: Frame) -> tuple[str, ...]:
        """Every open size, in the order of the parameters' text; each must be found in some array's shape."""
        found: dict[str, None] = {}
        for port in forward.inputs:
            if port.role in ("param", "fixed", "input"):  # a state may be absent at run time
                for axis in port.value.type.axes:
                    found.update(dict.fromkeys(sorted(axis.size.symbols)))
        everywhere = _symbols(forward)
        for name in sorted(everywhere - set(found)):
            self.diagnostics.error(
                "E240",
                f"no parameter's or input's shape tells `{name}`, so it must be given",
                heading(frame.cell.definition) if frame.cell else frame.span,
                fix=f"give it: `-D {name}=…`",
            )
        self.diagnostics.raise_errors()
        order = [n for n in self._names if n in found]
        return (*order, *(n for n in found if n not in order))

    def _masks(self, level: Level, forward: Program) -> tuple[MaskInfo, ...]:
        infos: list[MaskInfo] = []
        for port in forward.inputs_of("mask"):
            site = level.sites[port.name]
            per = "step" if port.value.type.time else "sequence"
            infos.append(MaskInfo(port.name, port.value.type.axes, site.keep, per, frozenset((site.span,))))
        return tuple(infos)

    def _option_texts(self, frame: Frame) -> tuple[tuple[str, str], ...]:
        assert frame.cell is not None
        values: list[Value] = []
        for p in frame.cell.parameters:
            value = frame.scope.names.get(p.name)
            assert not isinstance(value, Lazy), "parameters are bound before anything is read"
            values.append(None if isinstance(value, Size) else value)
        return tuple(zip((p.name for p in frame.cell.parameters), texts(values), strict=True))


def _as_layer(outer: Body, body: Body, frame: Frame) -> tuple[list[tuple[str, Node]], list[tuple[str, Node]]]:
    """A cell on its own is a network of one layer with no name."""
    graph = outer.graph
    inputs: list[tuple[str, Node]] = []
    proxies: list[Node] = []
    for name, node in frame.inputs:
        above = graph.add("input", (), node.span, body.graph.resolve_all(node.shape or ()), **node.attrs)
        above.poisoned = node.poisoned
        above.name = name
        inputs.append((name, above))
        proxies.append(node)
    outer.sink.append(body.states)
    outer.equations.update(body.equations)
    if not frame.outputs:
        return inputs, []
    shapes: list[Shape] = [body.graph.resolve_all(n.shape or ()) for _, n in frame.outputs]
    layer = graph.add(
        "apply",
        [n for _, n in inputs],
        frame.span,
        shapes[0],
        body=body,
        frame=frame,
        proxies=proxies,
        reverse=False,
        starts=(),
    )
    picks = [
        graph.add("pick", (layer,), n.span, s, index=i)
        for i, ((_, n), s) in enumerate(zip(frame.outputs, shapes, strict=True))
    ]
    return inputs, [(name, pick) for (name, _), pick in zip(frame.outputs, picks, strict=True)]


def _as_written(name: str) -> str:
    """The name of an equation as descriptions have it: `h'[0]`, not `h[0]'`."""
    return _PRIMED_MEMBER.sub(r"'\1", name)


def _free_sizes(cell: CellValue) -> set[str]:
    """Names that the axes of inputs have, of which some are no parameters."""
    declarations = [s for s in cell.definition.body if isinstance(s, ast.Declaration) and s.kind == "input"]
    axes = [axis for each in declarations for item in each.items for axis in item.axes]
    return {axis.size.id for axis in axes if isinstance(axis.size, ast.Name)}


def _infos(program: Program, role: str) -> tuple[PortInfo, ...]:
    ports = [p for p in program.outputs if p.role == role] or [p for p in program.inputs if p.role == role]
    return tuple(
        PortInfo(p.name, p.value.type.with_(batch=False, time=False), frozenset(), p.value.type.time) for p in ports
    )


def _fan_in(parameter: Parameter) -> tuple[int, ...]:
    """Which axes of a weight are inputs: those of the operand (and the kernel's)."""
    graph, node = next(iter(parameter.nodes.items()))
    return () if parameter.fan_in is None or node.shape is None else fan_in(graph, node)


def _symbols(program: Program) -> set[str]:
    found: set[str] = set()
    for node in walk(program.nodes):
        values = node.outs if not isinstance(node, Loop) else (*node.outs, *node.params)
        for value in values:
            for axis in value.type.axes:
                found |= axis.size.symbols
        if not isinstance(node, Loop):
            for _, attr in node.attrs:
                if isinstance(attr, Size):
                    found |= attr.symbols
    return found
