"""What the two functions of a program have in common on every target.

The first prepares what depends on parameters alone, the second runs.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnc.ir.program import Loop, Node, Program, Type, Value, reads

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


def function(head: str, lines: Sequence[str]) -> list[str]:
    """The lines of a Python function."""
    return [f"def {head}:", *(f"    {line}".rstrip() for line in lines)]


def lead_letters(type: Type) -> str:
    """The letters of a value's leading axes."""
    return TIME * type.time + BATCH * type.batch
