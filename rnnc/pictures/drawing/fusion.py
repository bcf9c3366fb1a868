"""Which products the compiler made one, and when each runs: read off the program that is emitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from rnnc.ir.program import Loop, Node, Op, Program, Value

Runs = Literal["all steps", "each step", "once"]


@dataclass(frozen=True)
class Fused:
    """One product of the program: the parameters that its weight is made of, and how often it runs."""

    parameters: tuple[str, ...]
    runs: Runs


def products(program: Program) -> list[Fused]:
    """Every product of a program that has a parameter in it, in order."""
    made: dict[Value, Op] = {}
    ports = {p.value: p.name for p in program.inputs if p.role in ("param", "fixed")}
    found: list[Fused] = []
    for node, inside in _walk(program.nodes, False):
        for out in node.outs:
            made[out] = node
        if node.name == "contract":
            weights = [_parameters(arg, made, ports) for arg in node.args if _is_weight(arg)]
            if len(weights) == 1 and weights[0]:
                runs: Runs = "each step" if inside else "all steps" if node.out.type.time else "once"
                found.append(Fused(tuple(weights[0]), runs))
    return found


def by_parameter(fused: list[Fused]) -> Mapping[str, int]:
    """The product (its place in the list) that each parameter takes part in."""
    return {name: at for at, product in enumerate(fused) for name in product.parameters}


def _walk(nodes: tuple[Node, ...], inside: bool) -> Iterator[tuple[Op, bool]]:
    for node in nodes:
        if isinstance(node, Loop):
            yield from _walk(node.body, True)
        else:
            yield node, inside


def _is_weight(value: Value) -> bool:
    return not value.type.time and not value.type.batch


def _parameters(value: Value, made: Mapping[Value, Op], ports: Mapping[Value, str]) -> dict[str, None]:
    """The parameters that a value is computed from, in order."""
    found: dict[str, None] = {}
    stack, seen = [value], {value}
    while stack:
        current = stack.pop()
        if current in ports:
            found[ports[current]] = None
        elif current in made:
            new = [a for a in made[current].args if a not in seen]
            seen.update(new)
            stack.extend(reversed(new))
    return found
