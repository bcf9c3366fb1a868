"""A program as two functions: one that prepares what depends on parameters alone, and one that runs."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.escape import Names, string
from rnnc.backends.functions import divided, given, optional_values, pack_and_run, results_of, returned
from rnnc.backends.numpy.body import Body
from rnnc.backends.numpy.emitter import DTYPES, Frame, Root
from rnnc.backends.numpy.lowering import lower
from rnnc.backends.numpy.spelling import SPELLINGS, View
from rnnc.backends.sizes import Sizes
from rnnc.backends.skeleton import Written
from rnnc.ir.program import Node, Op, Port, Program, Value, reads

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
    _leave(run, program, late)
    functions = pack_and_run(program.name, frame.sizes.named(), [pack.read(v) for v in kept], pack.lines, run.lines)
    return Written(*functions, frozenset(helpers))


def _enter(run: Body, port: Port, names: Names) -> None:
    variable = names.new(port.name or port.role)
    run.define(port.value, variable)
    run.line(f"{variable} = {given(port)}")


def _leave(run: Body, program: Program, late: Sequence[Node]) -> None:
    """Return the outputs: no number of one is a number of another, or of anything that does not belong to the call."""
    shared = _shared(run, program, late)
    run.lines += returned([(port, _result(run, port, shared)) for port in program.outputs])


def _shared(run: Body, program: Program, late: Sequence[Node]) -> set[Port]:
    """The outputs that are not copied. Of every array that belongs to the call that is one, or the parts of it (the
    gradients of weights that lay side by side), and the whole tape: nobody changes it."""
    parts = _parts(late)
    keepers: dict[Root, Port] = {}
    taken: set[Value] = set()
    shared: set[Port] = set()
    for port in sorted(program.outputs, key=lambda port: (port.role != "tape", not port.value.type.time)):
        value = port.value
        if run.scalar(value) is not None or value in run.frame.nullable:
            continue
        root = run.place(value).root
        if not root.writable:
            continue
        keeper = keepers.setdefault(root, port)
        split, part = parts.get(value, (None, value))
        beside = split is not None and split is parts.get(keeper.value, (None, value))[0] and part not in taken
        if port is keeper or port.role == "tape" or beside:
            shared.add(port)
            taken.add(part)
    return shared


def _parts(nodes: Sequence[Node]) -> dict[Value, tuple[Op, Value]]:
    """Of views of parts of an array: what cut it into parts, and which of them."""
    parts: dict[Value, tuple[Op, Value]] = {}
    for node in nodes:
        if isinstance(node, Op) and node.name == "split":
            parts.update((out, (node, out)) for out in node.outs)
        elif isinstance(node, Op) and isinstance(SPELLINGS[node.name], View) and node.args[0] in parts:
            parts.update((out, parts[node.args[0]]) for out in node.outs)
    return parts


def _result(run: Body, port: Port, shared: set[Port]) -> str:
    text = run.read(port.value)
    if port.value in run.frame.nullable:
        return f"None if {text} is None else np.array({text})"
    if run.scalar(port.value) is not None:
        return f"np.full((), {text}, {DTYPES[port.value.type.dtype]})"
    return text if port in shared else f"np.array({text})"
