"""A program as two functions of the host: one that prepares what depends on parameters alone, and one that runs."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.cuda.kernels.shared import Kernels, Shared
from rnnc.backends.cuda.loops.body import Body
from rnnc.backends.cuda.lowering import lower
from rnnc.backends.escape import Names, identifier, string
from rnnc.backends.functions import divided, given, optional_values, pack_and_run, returned
from rnnc.backends.skeleton import Written
from rnnc.ir.program import Port, Program, reads

KEPT_NAMES = (
    *("np", "cp", "T", "B", "dt", "wt", "p", "k", "s", "given", "launch", "t", "t_next", "step", "n", "start", "stop"),
    *("steps", "int", "min", "range", "reversed", "True", "None", "_parts", "_lanes"),
)


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
    early, late = divided(program)
    name = identifier(program.name)
    names = Names(KEPT_NAMES)
    shared = Shared(kernels, name, sizes, names)
    read_late = {v for node in late for v in reads(node)} | {port.value for port in program.outputs}

    pack = Body(shared, "T")
    for port in program.inputs_of("param", "fixed"):
        variable = names.new(port.name)
        pack.line(f"{variable} = p[{string(port.name)}]")
        pack.place(port.value, variable)
    wanted = [v for node in early for v in node.outs if v in read_late]
    pack.write(early, [v for v in wanted if v not in pack.numbers])

    run, optional = Body(shared, "T"), optional_values(program, nullable)
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
            run.line(f"{variable} = {given(port)}")
            run.place(port.value, variable, nullable=port.value in optional)
    run.write(late, list(dict.fromkeys(port.value for port in program.outputs)))
    run.lines += returned([(port, _result(run, port, program)) for port in program.outputs])
    head = shared.sizes.named()
    if shared.wide:
        head.append("wt = np.promote_types(dt, np.float32)  # of sums over many steps")
    functions = pack_and_run(program.name, head, kept, pack.lines, run.lines, pack_with="launch", run_with="launch")
    return Written(*functions, frozenset())


def _result(run: Body, port: Port, program: Program) -> str:
    """An output: a copy where its array is the caller's, or an output of an earlier port, or the tape's, which must not
    change when the caller changes a result."""
    text = run.array(port.value)
    if port.role == "tape":
        return text
    if any(other.value is port.value for other in program.inputs):
        return f"None if {text} is None else {text}.copy()"
    same = [other for other in program.outputs if run.array(other.value) == text]
    alone = same[0] is port and not any(other.role == "tape" for other in same)
    return text if alone else f"{text}.copy()"
