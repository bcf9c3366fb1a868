"""The derivative of a whole program: a training program that leaves a tape, and a backward program that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rnnc.autodiff.activity import varied
from rnnc.autodiff.padding import guard_padding
from rnnc.autodiff.partition import CHEAP, STEP_FREE, Block, Policy, choose, settled, weave
from rnnc.autodiff.reverse import Cotangents, Origin, Reverse
from rnnc.autodiff.stretches import divisible, in_stretches
from rnnc.autodiff.tape import Differentiated, Remark, TapeEntry, tape_ports
from rnnc.ir.operations import Builder
from rnnc.ir.program import DType, Loop, Node, Op, Port, Program, Value, reads
from rnnc.ir.rewrite import fresh, with_args
from rnnc.ir.trim import trim, trim_program

Save = Literal["all", "states"] | int
"""What the training program keeps of a loop's steps.

- "all": what the backward pass reads, so that it computes neither a product nor a transcendental function again;
- "states": the states before each step; the backward pass runs each step again;
- K: the states before every K-th step; the backward pass runs each stretch of K steps again, keeping "all" of it.

Under the latter two, what stands outside loops (a product that left one) runs again too, where that saves memory.
"""

_PLACING = frozenset(["place", "place_at"])  # the last argument gives the length of time, and nothing else


def differentiate(program: Program, save: Save = "all") -> Differentiated:
    """Differentiate a program over its trained parameters, float inputs and float states.

    The backward program reads those ports of the program that it needs, the tape, and a cotangent "output:<name>" or
    "state:<name>" per float output and final state; it gives a gradient "param:<name>", "input:<name>" or
    "state:<name>" per trained parameter, float input and float state, zeros where nothing flows. Raises ValueError for
    a `save` that is none.
    """
    nodes, remarks = _prepared(program.nodes, save)
    sources = [p for p in program.inputs_of("param", "input", "state") if _is_float(p)]
    reverse = Reverse(
        varied=varied(nodes, (p.value for p in sources)),
        states_only=save == "states",
        free={p.value for p in program.inputs},
    )
    builder = Builder()
    cotangents = Cotangents(builder)
    incoming = _cotangent_ports(program)
    for port in program.outputs_of("output", "state"):
        if port.value in reverse.varied:
            cotangents.add(port.value, incoming[port.role, port.name].value)
    forward = reverse.block(nodes, cotangents, builder)
    gradients = [Port("gradient", f"{p.role}:{p.name}", _gradient(p, cotangents, builder, incoming)) for p in sources]
    nodes = _measured_by_inputs(trim(builder.nodes, (port.value for port in gradients)), program)
    policy = CHEAP if save == "all" else STEP_FREE
    return _joined(program, forward, nodes, gradients, incoming, policy, reverse.origins, remarks)


def _prepared(nodes: tuple[Node, ...], save: Save) -> tuple[tuple[Node, ...], tuple[Remark, ...]]:
    """The nodes with loops in stretches, where that is asked for."""
    if save in ("all", "states"):
        return nodes, ()
    if save < 1:
        raise ValueError(f'save should be "all", "states" or a positive number of steps, and is {save!r}')
    message = f"its states are read as a sequence, so all steps are kept instead of every {save}th state"
    whole = [n for n in nodes if isinstance(n, Loop) and n.chunk is None and not divisible(n)]
    remarks = tuple(Remark("kept-whole", f"loop {n.name}: {message}", n.spans) for n in whole)
    return in_stretches(nodes, save), remarks


def _cotangent_ports(program: Program) -> dict[tuple[str, str], Port]:
    return {
        (p.role, p.name): Port("cotangent", f"{p.role}:{p.name}", Value(p.value.type, f"d_{p.name}"))
        for p in program.outputs_of("output", "state")
        if _is_float(p)
    }


def _gradient(port: Port, cotangents: Cotangents, builder: Builder, incoming: dict[tuple[str, str], Port]) -> Value:
    """What flows to an input; zeros where nothing does."""
    found = cotangents.get(port.value)
    if found is not None:
        return found
    if port.role == "param":
        return builder.zeros(port.value.type)
    final = incoming.get((port.role, port.name))  # a state may be absent at run time, its final cotangent is not
    return builder.op("zeros_like", port.value if final is None else final.value)


@dataclass(frozen=True)
class _Kept:
    """The forward values that the backward program reads, with what they are called there."""

    ports: tuple[Port, ...]
    tape: tuple[Value, ...]
    stand_ins: dict[Value, Value]


def _joined(
    program: Program,
    forward: tuple[Node, ...],
    nodes: Sequence[Node],
    gradients: Sequence[Port],
    incoming: dict[tuple[str, str], Port],
    policy: Policy,
    origins: dict[Value, Origin],
    remarks: tuple[Remark, ...],
) -> Differentiated:
    """Cut the joint graph in two at what is cheapest to keep."""
    results = tuple(port.value for port in gradients)
    block, nodes = settled(Block({p.value: 0 for p in program.inputs}, forward), nodes)
    wanted = {*results, *(v for node in nodes for v in reads(node))}
    kept = _kept(program, block, choose(block, wanted, policy))
    woven, mapping = weave(block, nodes, results, kept.stand_ins)
    outputs = tuple(Port(p.role, p.name, mapping[p.value]) for p in gradients)
    tape = tape_ports(kept.tape)
    train_outputs = (*program.outputs, *tape)
    backward_inputs = (
        *kept.ports,
        *tape_ports([kept.stand_ins[value] for value in kept.tape]),
        *incoming.values(),
    )
    train = Program(f"{program.name}_train", program.inputs, tuple(block.nodes), train_outputs)
    backward = Program(f"{program.name}_backward", backward_inputs, woven, outputs)
    return Differentiated(
        train=trim_program(train),
        backward=trim_program(guard_padding(train, backward)),
        tape=tuple(_entry(port, block, origins) for port in tape),
        remarks=remarks,
    )


def _measured_by_inputs(nodes: tuple[Node, ...], program: Program) -> tuple[Node, ...]:
    """The nodes, in which an input stands in for a sequence that only says how many steps there are."""
    sequence = next((p.value for p in program.inputs_of("input") if p.value.type.time), None)
    if sequence is None:
        return nodes
    return tuple(
        with_args(node, (*node.args[:-1], sequence)) if isinstance(node, Op) and node.name in _PLACING else node
        for node in nodes
    )


def _kept(program: Program, block: Block, values: Sequence[Value]) -> _Kept:
    stand_ins = {value: fresh(value) for value in values}
    return _Kept(
        ports=tuple(Port(p.role, p.name, stand_ins[p.value]) for p in program.inputs if p.value in stand_ins),
        tape=tuple(value for value in values if value not in block.params),
        stand_ins=stand_ins,
    )


def _entry(port: Port, block: Block, origins: dict[Value, Origin]) -> TapeEntry:
    origin = origins.get(port.value)
    if origin is None:
        node = block.definitions[port.value]
        origin = Origin(node.spans)
    return TapeEntry(port.name, port.value.name, port.value.type, origin.spans, origin.every)


def _is_float(port: Port) -> bool:
    return port.value.type.dtype is DType.FLOAT
