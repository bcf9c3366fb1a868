"""A whole module for any target: the programs, what they need, and the contract around them."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jinja2 import Environment, StrictUndefined

from rnnc.backends.escape import Names, comment, literal, mapping, string, tuple_text
from rnnc.backends.layouts import write_layouts
from rnnc.backends.solving import Claim, Solution, solve
from rnnc.backends.unit import Unit
from rnnc.diagnostics import Diagnostic, DiagnosticError
from rnnc.ir.model import MaskInfo, ParameterInfo, PortInfo
from rnnc.ir.program import Axis, Program, Role
from rnnc.ir.size import Size
from rnnc.resources import resource_text


@dataclass(frozen=True)
class Written:
    """The functions of one program. `helpers` are the functions of the module that they call."""

    pack: list[str]
    run: list[str]
    helpers: frozenset[str]


class Skeleton(ABC):
    """Everything around the programs. A target says which templates it has, and writes the programs.

    `target`: its name; `folder`: where its own templates are; `parts`: the templates of the contract, in order, by
    their paths; `arrays`: the library of arrays, `xp` in them; `kept_names`: names that no variable of a size may
    have; `banner` and `imports`: how the text starts.
    """

    target: str
    folder: str
    parts: tuple[str, ...]
    arrays: str = "np"
    kept_names: tuple[str, ...]
    banner: str
    imports: tuple[str, ...]

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._model = unit.model
        names = Names(self.kept_names)
        self._variables = {symbol: names.new(symbol) for symbol in self._model.sizes}
        self._as_sizes = {symbol: Size.of(name) for symbol, name in self._variables.items()}
        self._from_parameters = self._solve(inputs=False).unsolved

    @abstractmethod
    def write(self, program: Program, nullable: frozenset[tuple[str, str]]) -> Written:
        """The functions of a program. Of its inputs, those in `nullable` may be None, besides those that always may."""

    def programs(self) -> dict[str, Program]:
        """The programs of the module by name."""
        unit = self.unit
        found = {"forward": unit.forward, "step": unit.step, "train": unit.train, "backward": unit.backward}
        return {name: program for name, program in found.items() if program is not None}

    def tables(self) -> list[str]:
        """Lines that define what else the target's templates need."""
        return []

    def text(self) -> str:
        """The complete text of the module."""
        model = self._model
        written = {name: self._program(name, program) for name, program in self.programs().items()}
        packers = _shared_packers(written)
        environment = Environment(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
        )
        template = environment.from_string(resource_text("templates/common/module.py.jinja"))
        helpers = self._helpers(frozenset[str]().union(*(w.helpers for w in written.values())))
        return template.render(
            head=[*comment(self.banner), "#", *self._head()],
            imports="\n".join(self.imported(helpers)),
            equations=[line for text in dict.fromkeys(text for _, text in model.equations) for line in comment(text)],
            spec=mapping(self._spec()),
            parameter_sizes=literal(
                [s for s in model.sizes if any(s in a.size.symbols for p in model.parameters for a in p.axes)]
            ),
            sizes=self._sizes(),
            axes=self._axes(),
            programs=[
                "\n".join(lines)
                for name, w in written.items()
                for lines in ((w.pack, w.run) if packers[name] == name else (w.run,))
            ],
            pack=mapping({name: f"_pack_{packers[name]}" for name in written}),
            run=mapping({name: f"_run_{name}" for name in written}),
            helpers=helpers,
            tables=self.tables(),
            layouts=write_layouts(model, self._variables, self.kept_names),
            contract=[re.sub(r"\bxp\b", self.arrays, _part(name)) for name in self.parts],
        )

    def imported(self, helpers: Sequence[str]) -> Sequence[str]:
        """How the text starts that has these helper functions."""
        del helpers
        return self.imports

    # --- the head ---------------------------------------------------------------------------------------------------

    def _head(self) -> list[str]:
        header, model = self.unit.header, self._model
        lines = [f"{model.kind} {model.name}, from {header.source_name} (SHA-256 {header.source_sha256})"]
        lines += [f"options: {header.options}"] if header.options else []
        lines += ["", *model.doc.strip().split("\n")] if model.doc.strip() else []
        return [line for text in lines for line in comment(text)]

    def _spec(self) -> dict[str, str]:
        model, header = self._model, self.unit.header
        fewest = model.fewest_steps()
        return {
            "name": string(model.name),
            "kind": string(model.kind),
            "doc": string(model.doc),
            "sizes": literal(model.sizes),
            "inputs": self._ports(model.inputs, "input"),
            "states": self._ports(model.states, "state"),
            "outputs": self._ports(model.outputs, "output"),
            "exposed": self._ports(model.exposed, "expose"),
            "parameters": mapping({p.name: self._parameter(p) for p in model.parameters}, "    "),
            "masks": mapping({m.name: self._mask(m) for m in model.masks}, "    "),
            "layouts": literal([layout.name for layout in model.layouts]),
            "options": mapping({name: string(value) for name, value in model.options}, "    "),
            "streams": literal(self.unit.step is not None),
            "no_step": string(model.no_step),
            **({"fewest_steps": literal(fewest)} if fewest else {}),
            "target": string(self.target),
            "source": string(header.source_name),
            "hash": string(header.source_sha256),
            "version": string(header.version),
        }

    def _ports(self, ports: Sequence[PortInfo], role: Role) -> str:
        forward = self.unit.forward
        found = (*forward.inputs, *forward.outputs)
        batched = {p.name: p.value.type.batch for p in found if p.role == role}
        return mapping(
            {
                port.name: literal(
                    {
                        "axes": _labels(port.type.axes),
                        "shape": _shape(port.type.axes),
                        "dtype": port.type.dtype.value,
                        "sequence": role != "state" and port.sequence,
                        "batch": batched.get(port.name, True),
                    }
                )
                for port in ports
            },
            "    ",
        )

    def _parameter(self, parameter: ParameterInfo) -> str:
        return literal(
            {
                "axes": _labels(parameter.axes),
                "shape": _shape(parameter.axes),
                "trained": parameter.trained,
                "init": (parameter.init.kind, *parameter.init.numbers),
                "fan_in_axes": parameter.fan_in_axes,
                "stream": int.from_bytes(hashlib.sha256(parameter.name.encode()).digest()[:8], "little"),
            }
        )

    def _mask(self, mask: MaskInfo) -> str:
        return literal({"axes": _labels(mask.axes), "shape": _shape(mask.axes), "keep": mask.keep, "per": mask.per})

    # --- sizes ------------------------------------------------------------------------------------------------------

    def _solve(self, *, inputs: bool) -> Solution:
        return solve(self._model.sizes, self._variables, list(self._claims(inputs)), "inputs is None")

    def _claims(self, inputs: bool) -> Iterator[Claim]:
        for parameter in self._model.parameters:
            for position, axis in enumerate(parameter.axes):
                yield Claim(axis.size, f"params[{string(parameter.name)}][{position}]")
        for port in self._model.inputs if inputs else ():
            for position, axis in enumerate(port.type.axes):
                yield Claim(axis.size, f"inputs[{string(port.name)}][{position - port.type.rank}]", certain=False)

    def _sizes(self) -> list[str]:
        solution = self._solve(inputs=True)
        if solution.unsolved:
            names = ", ".join(solution.unsolved)
            what = f"no shape of a parameter or input of {self._model.name} tells the size of {names}"
            raise DiagnosticError([Diagnostic("E240", what, fix=f"give it: `-D {solution.unsolved[0]}=…`")])
        return [*solution.lines, f"return {tuple_text(tuple(self._variables.values()))}"]

    def _axes(self) -> str:
        """Functions that give the feature shapes of everything for given sizes."""
        model = self._model
        tables = {
            "parameter": [(p.name, p.axes) for p in model.parameters],
            "input": [(p.name, p.type.axes) for p in model.inputs],
            "state": [(p.name, p.type.axes) for p in model.states],
            "output": [(p.name, p.type.axes) for p in model.outputs],
            "mask": [(m.name, m.axes) for m in model.masks],
        }
        return "\n\n\n".join(self._axes_function(kind, table) for kind, table in tables.items())

    def _axes_function(self, kind: str, table: list[tuple[str, tuple[Axis, ...]]]) -> str:
        used = {symbol for _, axes in table for axis in axes for symbol in axis.size.symbols}
        late = set(self._from_parameters) if kind == "parameter" else set[str]()
        lines = [f"def _{kind}_axes(s):"]
        if used:
            lines.append(f"    {', '.join(self._variables.values())}, = s")
        entries = {name: tuple_text(tuple(self._size(axis.size, late) for axis in axes)) for name, axes in table}
        return "\n".join([*lines, f"    return {mapping(entries, '    ')}"])

    def _size(self, size: Size, late: set[str]) -> str:
        text = str(size.substitute(self._as_sizes))
        if unknown := sorted(size.symbols & late):
            checks = " or ".join(f"{self._variables[symbol]} is None" for symbol in unknown)
            return f"None if {checks} else {text}"
        return text

    # --- programs -----------------------------------------------------------------------------------------------------

    def _program(self, name: str, program: Program) -> Written:
        absent = {p.value for p in self.unit.train.inputs if p.role in ("lengths", "mask", "state")}
        tape = (port for port in self.unit.train.outputs_of("tape") if port.value in absent)
        return self.write(replace(program, name=name), frozenset((port.role, port.name) for port in tape))

    def _helpers(self, used: frozenset[str]) -> list[str]:
        """The helper functions and tables that are used, directly or not, in the order of their file."""
        if not used:
            return []
        pieces: dict[str, str] = {}
        for piece in re.split(r"\n\n+(?=def |_[A-Z])", _part(f"{self.folder}/helpers")):
            match = re.match(r"(?:def )?(\w+)", piece)
            assert match is not None
            pieces[match[1]] = piece
        needed: set[str] = set()
        waiting = sorted(used)
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting += [other for other in re.findall(r"\b_\w+", pieces[name]) if other in pieces]
        return [piece for name, piece in pieces.items() if name in needed]


def _labels(axes: Sequence[Axis]) -> tuple[str, ...]:
    return tuple(axis.label or str(axis.size) for axis in axes)


def _shape(axes: Sequence[Axis]) -> tuple[str | int, ...]:
    return tuple(str(a.size) if a.size.constant is None else a.size.constant for a in axes)


def _shared_packers(written: Mapping[str, Written]) -> dict[str, str]:
    """For every program the first one that prepares just the same of the parameters."""
    first: dict[str, str] = {}
    return {name: first.setdefault("\n".join(w.pack[1:]), name) for name, w in written.items()}


def _part(name: str) -> str:
    """A part of the module's text, without the comment at its head."""
    return resource_text(f"templates/{name}.py").partition("\n\n")[2].strip()
