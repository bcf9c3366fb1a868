"""A program as two functions: one that prepares what depends on parameters alone, and one that runs."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.escape import Names, string
from rnnc.backends.functions import divided, given, optional_values, pack_and_run, results_of, returned
from rnnc.backends.numpy.body import Body
from rnnc.backends.numpy.emitter import DTYPES, Frame, Root
from rnnc.backends.numpy.lowering import lower
from rnnc.backends.sizes import Sizes
from rnnc.backends.skeleton import Written
from rnnc.ir.program import Port, Program, reads

KEPT_NAMES = ("np", "T", "B", "dt", "p", "k", "s", "given")  # what every function calls its arguments


def write_program(
    program: Program, sizes: Sequence[str], *, nullable: frozenset[tuple[str, str]] = frozenset()
) -> Written:
    """`_pack_NAME(p, s, dt)` and `_run_NAME(k, s, T, B, dt, given)`.

    `given` maps "role:name" to arrays (time in front, contiguous) or None; the result maps the output ports likewise.
    Input ports in `nullable` may be None, besides those that always may.
    """
    program = lower(program)
    early, late = divided(program)
    names, helpers = Names(KEPT_NAMES), set[str]()
    frame = Frame(names, Sizes(sizes, names), helpers, optional_values(program, nullable))
    parameters = program.inputs_of("param", "fixed")
    read_early = {v for node in early for v in reads(node)}
    read_late = {v for node in late for v in reads(node)} | {port.value for port in program.outputs}
    packed = [v for v in dict.fromkeys([*(p.value for p in parameters), *results_of(early)]) if v in read_late]

    pack = Body(frame, "T", early, packed)
    for port in parameters:
        pack.define(port.value, names.new(port.name))
        if port.value in read_early or port.value in read_late:
            pack.line(f"{pack.read(port.value)} = p[{string(port.name)}]")
    pack.write_all()
    kept = [v for v in packed if pack.scalar(v) is None]

    run = Body(frame, "T", late, (port.value for port in program.outputs))
    run.inherit(pack, [*kept, *(v for v in packed if v not in kept)])
    for port in program.inputs:
        if port.role not in ("param", "fixed"):
            _enter(run, port, names)
    run.write_all()
    _leave(run, program)
    functions = pack_and_run(program.name, frame.sizes.named(), [pack.read(v) for v in kept], pack.lines, run.lines)
    return Written(*functions, frozenset(helpers))


def _enter(run: Body, port: Port, names: Names) -> None:
    variable = names.new(port.name or port.role)
    run.define(port.value, variable)
    run.line(f"{variable} = {given(port)}")


def _leave(run: Body, program: Program) -> None:
    """Return the outputs: none shares memory with another, or with anything that does not belong to the call."""
    keepers = _keepers(run, program)
    run.lines += returned([(port, _result(run, port, keepers)) for port in program.outputs])


def _keepers(run: Body, program: Program) -> dict[Root, Port]:
    """Of every array that belongs to the call: the output that is not copied. The tape never is: nobody changes it."""
    keepers: dict[Root, Port] = {}
    for port in sorted(program.outputs, key=lambda port: (port.role != "tape", not port.value.type.time)):
        if run.scalar(port.value) is None and port.value not in run.frame.nullable:
            root = run.place(port.value).root
            if root.writable:
                keepers.setdefault(root, port)
    return keepers


def _result(run: Body, port: Port, keepers: dict[Root, Port]) -> str:
    text = run.read(port.value)
    if port.value in run.frame.nullable:
        return f"None if {text} is None else np.array({text})"
    if run.scalar(port.value) is not None:
        return f"np.full((), {text}, {DTYPES[port.value.type.dtype]})"
    keeper = keepers.get(run.place(port.value).root)
    shared = port is keeper or (port.role == "tape" and keeper is not None)
    return text if shared else f"np.array({text})"
