"""What the two functions of a program have in common on every target.

The first prepares what depends on parameters alone, the second runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnnc.backends.escape import identifier, string
from rnnc.ir.program import Loop, Node, Port, Program, Type, Value, reads

OPTIONAL = ("lengths", "mask", "state")  # roles whose ports may always be absent: states have default values
TIME, BATCH = "T", "B"  # letters of the leading axes in a product's letters; features have small ones


def divided(program: Program) -> tuple[list[Node], list[Node]]:
    """What depends on parameters alone, and the rest."""
    known = {port.value for port in program.inputs_of("param", "fixed")}
    early: list[Node] = []
    late: list[Node] = []
    for node in program.nodes:
        alone = not isinstance(node, Loop) and known.issuperset(reads(node))
        (early if alone else late).append(node)
        if alone:
            known.update(node.outs)
    return early, late


def results_of(nodes: Sequence[Node]) -> list[Value]:
    """Everything that nodes define."""
    return [out for node in nodes for out in node.outs]


def optional_values(program: Program, nullable: frozenset[tuple[str, str]]) -> set[Value]:
    """The inputs that may be None: those that always may, and the ports (role, name) in `nullable`."""
    return {p.value for p in program.inputs if p.role in OPTIONAL or (p.role, p.name) in nullable}


def pack_and_run(
    name: str,
    head: Sequence[str],
    kept: Sequence[str],
    pack: Sequence[str],
    run: Sequence[str],
    *,
    pack_with: str = "",
    run_with: str = "",
) -> tuple[list[str], list[str]]:
    """`_pack_NAME(p, s, dt)` and `_run_NAME(k, s, T, B, dt, given)`, each with one more argument where it has one.

    Both begin with `head`; `pack` and `run` are their own lines, `kept` the variables that the first hands to the
    second.
    """
    name = identifier(name)
    pack_with, run_with = (one and f", {one}" for one in (pack_with, run_with))
    unpack = [f"{', '.join(kept)}, = k"] if kept else []
    return (
        function(f"_pack_{name}(p, s, dt{pack_with})", [*head, *pack, f"return ({''.join(f'{v}, ' for v in kept)})"]),
        function(f"_run_{name}(k, s, T, B, dt, given{run_with})", [*head, *unpack, *run]),
    )


def given(port: Port) -> str:
    """The argument for an input port that is no parameter."""
    return f"given[{_key(port)}]"


def returned(results: Iterable[tuple[Port, str]]) -> list[str]:
    """The lines that return what output ports give."""
    return ["return {", *(f"    {_key(port)}: {text}," for port, text in results), "}"]


def _key(port: Port) -> str:
    return string(f"{port.role}:{port.name}")


def function(head: str, lines: Sequence[str]) -> list[str]:
    """The lines of a Python function."""
    return [f"def {head}:", *(f"    {line}".rstrip() for line in lines)]


def lead_letters(type: Type) -> str:
    """The letters of a value's leading axes."""
    return TIME * type.time + BATCH * type.batch
