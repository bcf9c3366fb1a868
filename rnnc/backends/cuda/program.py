"""A program as two functions of the host: one that prepares what depends on parameters alone, and one that runs."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.cuda.block import Block
from rnnc.backends.cuda.lowering import lower
from rnnc.backends.cuda.unit import Kernels, Shared
from rnnc.backends.escape import Names, identifier, string
from rnnc.backends.skeleton import Written
from rnnc.ir.program import Loop, Node, Port, Program, Value, reads

KEPT_NAMES = (
    *("np", "cp", "T", "B", "dt", "p", "k", "s", "given", "launch", "t", "n", "start", "stop", "steps", "int", "min"),
    *("range", "reversed", "None"),
)
OPTIONAL = ("lengths", "mask", "state")


def write_program(
    program: Program,
    sizes: Sequence[str],
    kernels: Kernels,
    *,
    nullable: frozenset[tuple[str, str]] = frozenset(),
) -> Written:
    """`_pack_NAME(p, s, dt, launch)` and `_run_NAME(k, s, T, B, dt, given, launch)`.

    `given` maps "role:name" to arrays (time in front) or None; the result maps the output ports likewise. Input ports
    in `nullable` may be None, besides those that always may.
    """
    program = lower(program)
    early, late = _divided(program)
    name = identifier(program.name)
    names = Names(KEPT_NAMES)
    shared = Shared(kernels, name, sizes, names)
    read_late = {v for node in late for v in reads(node)} | {port.value for port in program.outputs}

    pack = Block(shared, "T")
    for port in program.inputs_of("param", "fixed"):
        variable = names.new(port.name)
        pack.line(f"{variable} = p[{string(port.name)}]")
        pack.place(port.value, variable)
    wanted = [v for node in early for v in node.outs if v in read_late]
    pack.write(early, [v for v in wanted if v not in pack.numbers])

    run = Block(shared, "T")
    run.definitions, run.numbers = dict(pack.definitions), dict(pack.numbers)
    kept: list[str] = []
    for value in dict.fromkeys([*(p.value for p in program.inputs_of("param", "fixed")), *wanted]):
        home = pack.home(value)
        if value in read_late and home is not None:
            run.place(value, home.host)
            kept.append(home.host)
    for port in program.inputs:
        if port.role not in ("param", "fixed"):
            variable = names.new(port.name or port.role)
            run.line(f"{variable} = given[{string(f'{port.role}:{port.name}')}]")
            absent = port.role in OPTIONAL or (port.role, port.name) in nullable
            run.place(port.value, variable, nullable=absent)
    run.write(late, list(dict.fromkeys(port.value for port in program.outputs)))
    results = [f"    {string(f'{p.role}:{p.name}')}: {_result(run, p, program)}," for p in program.outputs]
    head = [f"{', '.join(shared.variables.values())}, = s"] if sizes else []
    unpack = [f"{', '.join(kept)}, = k"] if kept else []
    return Written(
        _function(
            f"_pack_{name}(p, s, dt, launch)", [*head, *pack.lines, f"return ({''.join(f'{v}, ' for v in kept)})"]
        ),
        _function(
            f"_run_{name}(k, s, T, B, dt, given, launch)", [*head, *unpack, *run.lines, "return {", *results, "}"]
        ),
        frozenset(),
    )


def _result(run: Block, port: Port, program: Program) -> str:
    """An output: a copy where its array is another output too, or an argument of the caller."""
    same = [other for other in program.outputs if run.array(other.value) == run.array(port.value)]
    text = run.array(port.value)
    taken = any(other.value is port.value for other in program.inputs)
    if port.role == "tape" or (same[0] is port and not taken):
        return text
    return f"None if {text} is None else {text}.copy()" if taken else f"{text}.copy()"


def _divided(program: Program) -> tuple[list[Node], list[Node]]:
    """What depends on parameters alone, and the rest."""
    known: set[Value] = {port.value for port in program.inputs_of("param", "fixed")}
    early: list[Node] = []
    late: list[Node] = []
    for node in program.nodes:
        alone = not isinstance(node, Loop) and known.issuperset(reads(node))
        (early if alone else late).append(node)
        if alone:
            known.update(node.outs)
    return early, late


def _function(head: str, lines: Sequence[str]) -> list[str]:
    return [f"def {head}:", *(f"    {line}".rstrip() for line in lines)]
