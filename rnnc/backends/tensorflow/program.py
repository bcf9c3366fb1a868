"""A program as two functions: one that prepares what depends on parameters alone, and one that runs."""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.backends.escape import Names, string
from rnnc.backends.functions import divided, given, optional_values, pack_and_run, results_of, returned
from rnnc.backends.sizes import Sizes
from rnnc.backends.skeleton import Written
from rnnc.backends.tensorflow.apart import values_apart
from rnnc.backends.tensorflow.block import Frame
from rnnc.backends.tensorflow.body import Body
from rnnc.backends.tensorflow.places import Places
from rnnc.backends.tensorflow.slopes import slopes
from rnnc.backends.weighted import biases
from rnnc.ir.program import Program

KEPT_NAMES = ("np", "tf", "T", "B", "dt", "p", "k", "s", "given", "loop")  # what every function calls its arguments


def write_program(
    program: Program,
    sizes: Sequence[str],
    equations: Sequence[tuple[str, str]] = (),
    *,
    nullable: frozenset[tuple[str, str]] = frozenset(),
) -> Written:
    """`_pack_NAME(p, s, dt)` and `_run_NAME(k, s, T, B, dt, given, loop)`.

    `given` maps "role:name" to tensors (time in front) or None; the result maps the output ports likewise. `loop` is
    the driver of loops. Input ports in `nullable` may be None, besides those that always may.
    """
    early, late = divided(program)
    names = Names(KEPT_NAMES)
    constant = {*(port.value for port in program.inputs_of("param", "fixed")), *results_of(early)}
    apart = values_apart(program, constant)
    frame = Frame(
        names,
        Sizes(sizes, names),
        Places(equations),
        apart=apart,
        biases=biases(program, constant),
        slopes=slopes(program),
    )
    frame.nullable.update(optional_values(program, nullable))
    parameters = program.inputs_of("param", "fixed")
    read_late = frame.slopes.reads(tuple(late)) | {port.value for port in program.outputs}
    read_early = frame.slopes.reads(tuple(early))

    pack = Body(frame, "T")
    for port in parameters:
        if port.value in read_late or port.value in read_early:
            pack.line(f"{pack.fresh(port.value, port.name)} = p[{string(port.name)}]")
    pack.write(early)
    packed = [v for v in dict.fromkeys([*(p.value for p in parameters), *results_of(early)]) if v in read_late]

    run = Body(frame, "T", pack)
    for port in program.inputs:
        if port.role not in ("param", "fixed"):
            variable = run.fresh(port.value, port.name or port.role)
            run.line(f"{variable} = {given(port)}")
            if port.role == "lengths":
                run.lengths = variable
    run.write(late)
    read = [pack.variable(v) for v in packed if pack.number(v) is None]
    kept = list(dict.fromkeys([*read, *pack.preparations]))
    results = returned(
        (p, run.variable(p.value) if run.absent(p.value) else run.read(p.value)) for p in program.outputs
    )
    head = [f"{', '.join(frame.sizes.variables.values())}, = s"] if sizes else []
    functions = pack_and_run(program.name, head, kept, pack.lines, [*run.lines, *results], run_with="loop")
    return Written(*functions, frozenset(frame.helpers))
