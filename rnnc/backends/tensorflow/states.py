"""What the objects of a module are told of states and variables: tf.nn's cell, Keras' cell and Keras' layer."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rnnc.backends.escape import literal
from rnnc.ir.layout import WeightLayout
from rnnc.ir.model import Model, PortInfo
from rnnc.ir.program import AttrValue, Axis, Op, Port, Program, Type, reads, walk
from rnnc.ir.size import Size
from rnnc.ir.trim import trim_program


def initial_program(model: Model) -> Program | None:
    """The states that a call starts from where none are given. None where some state has to be given, or begins with
    what the inputs make of it."""
    program = model.step or model.forward
    given = {port.value: port.name for port in program.inputs_of("state")}
    found = {
        given[node.args[0]]: node.out
        for node in program.nodes
        if isinstance(node, Op) and node.name == "default" and node.args[0] in given
    }
    if found.keys() != {*given.values()}:
        return None
    outputs = tuple(Port("state", state.name, found[state.name]) for state in model.states)
    inputs = program.inputs_of("param", "fixed", "state")
    initial = trim_program(Program("initial", inputs, program.nodes, outputs))
    known = {*(port.value for port in inputs), *(out for node in initial.nodes for out in node.outs)}
    return initial if all(value in known for node in initial.nodes for value in reads(node)) else None


def state_tables(model: Model, initial: Program | None) -> list[str]:
    """Lines that define the tables which `templates/tensorflow/variables.py` and the classes read."""
    if initial is None:
        return ["_STATES_WAIT = True  # for inputs: they begin with what is made of these"]
    weights = {port.value for port in initial.inputs_of("param", "fixed")}
    weighted = any(value in weights for node in initial.nodes for value in reads(node))
    return [
        "_STATES_WAIT = False",
        f"_STATE_NEEDS = {literal(_symbols(model, model.states))}",
        f"_INITIAL_NEEDS = {literal(_ordered(model, _sizes_read(initial)))}",
        f"_OUTPUT_NEEDS = {literal(_symbols(model, model.outputs))}",
        f"_STATE_HAS_WEIGHTS = {weighted}",
    ]


def _symbols(model: Model, ports: Sequence[PortInfo]) -> list[str]:
    """The open sizes in the shapes of ports."""
    return _ordered(model, {symbol for port in ports for size in port.type.shape for symbol in size.symbols})


def _sizes_read(program: Program) -> set[str]:
    """The open sizes that a program computes with. Those of weights are known where there are weights."""
    found: set[str] = set()
    for node in walk(program.nodes):
        attributes = [value for _, value in node.attrs] if isinstance(node, Op) else []
        found |= _symbols_in((*(out.type for out in node.outs), *attributes))
    return found


def _symbols_in(attribute: AttrValue) -> frozenset[str]:
    """The open sizes in an attribute."""
    match attribute:
        case Size():
            return attribute.symbols
        case Axis(_, size):
            return size.symbols
        case Type():
            return _symbols_in(attribute.axes)
        case tuple():
            return frozenset[str]().union(*map(_symbols_in, attribute))
        case _:
            return frozenset()


def _ordered(model: Model, sizes: Collection[str]) -> list[str]:
    return [size for size in model.sizes if size in sizes]


def usable_layout(model: Model, name: str) -> WeightLayout | None:
    """A layout that has a home for all parameters."""
    return next((layout for layout in model.layouts if layout.name == name and not layout.missing), None)


def ordered_states(model: Model, layout: WeightLayout | None) -> list[str]:
    """The names of the states, in the order of the layout where it tells one."""
    names = [state.name for state in model.states]
    return list(layout.states) if layout is not None and {*layout.states} == {*names} else names


def common_scope(names: Sequence[str]) -> str:
    """The first part of all names, or nothing."""
    firsts = {name.partition("/")[0] for name in names if "/" in name}
    alone = len(firsts) == 1 and all("/" in name for name in names)
    return firsts.pop() if alone else ""
