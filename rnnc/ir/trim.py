"""Keeps of a block what somebody reads: dead operations, loop results, carries and sequences fall away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rnnc.ir.program import Carry, Loop, Node, Op, Program, Value, reads


def trim(nodes: Sequence[Node], live: Iterable[Value]) -> tuple[Node, ...]:
    """The nodes that `live` values depend on, in their order; of loops, the parts that matter."""
    needed = set(live)
    kept: list[Node] = []
    for node in reversed(nodes):
        slim = node if isinstance(node, Op) else _trim_loop(node, needed)
        if needed.isdisjoint(slim.outs):
            continue
        kept.append(slim)
        needed.update(reads(slim))
    return tuple(reversed(kept))


def trim_program(program: Program) -> Program:
    """The program without nodes that its outputs do not need. Ports stay."""
    return replace(program, nodes=trim(program.nodes, (port.value for port in program.outputs)))


def _trim_loop(loop: Loop, needed: set[Value]) -> Loop:
    """The loop with only the needed results, and what they need inside."""
    ys = tuple((value, seq) for value, seq in loop.ys if seq in needed)
    wanted = {c.param for c in loop.carries if c.final in needed or c.before in needed}
    while True:
        carries = tuple(c for c in loop.carries if c.param in wanted)
        results = (*(c.next for c in carries), *(value for value, _ in ys))
        body = trim(loop.body, results)
        read = set(results).union(*(reads(node) for node in body))
        more = {c.param for c in loop.carries if c.param in read} - wanted
        if not more:
            break
        wanted |= more
    xs = tuple((seq, param) for seq, param in loop.xs if param in read)
    like = loop.like if loop.like is not None else next(iter(length_givers(loop)), None)
    return replace(
        loop,
        xs=xs,
        carries=tuple(_trim_carry(c, needed) for c in carries),
        body=body,
        ys=ys,
        valid=loop.valid if loop.valid in read else None,
        like=None if length_givers(replace(loop, xs=xs)) else like,
    )


def _trim_carry(carry: Carry, needed: set[Value]) -> Carry:
    return carry if carry.before is None or carry.before in needed else replace(carry, before=None)


def length_givers(loop: Loop) -> tuple[Value, ...]:
    """The sequences that say how many steps a loop has: not those with one entry per stretch of a chunked loop."""
    return tuple(seq for seq, param in loop.xs if loop.chunk is None or param.type.time)
