"""Models of Keras whose layers are called on each other, and meet again: `layers.add([x, y])`."""

from __future__ import annotations

from rnnc.importing.keras import other, sequence_here
from rnnc.importing.lowering import Call, Lowering
from rnnc.importing.pieces import Flow, Meaning, Network, Piece, built
from rnnc.importing.values import Applied, Given, Made, problem

SIGNS = {"Add": "+", "Subtract": "-", "Multiply": "*"}
JOINTS = {
    "Add": "sum", "Subtract": "", "Multiply": "prod", "Average": "mean", "Maximum": "max", "Minimum": "min",
    "Concatenate": "concat",
}  # fmt: skip
FUNCTIONS = {name.lower(): name for name in JOINTS}


def graph(last: Applied, lowering: Lowering) -> Flow:
    """Layers that are called on each other, up to the last one."""
    meanings: dict[int, Meaning] = {}

    def collect(applied: Applied) -> None:
        if id(applied) not in meanings:
            for each in applied.inputs:
                collect(each)
            if joint_of(applied) is None and not is_input(applied.layer):
                meanings[id(applied)] = lowering.meaning(applied.layer)

    lowering.is_chain = True
    collect(last)

    def build(network: Network, x: str) -> str:
        network.alone = False
        found: dict[int, tuple[str, bool]] = {}

        def text(applied: Applied) -> tuple[str, bool]:
            """The expression for what a layer gives, and whether it is a sequence."""
            if is_input(applied.layer):
                return x, True
            if id(applied) not in found:
                given = [text(each) for each in applied.inputs] or [(x, True)]
                found[id(applied)] = step(applied, given)
            return found[id(applied)]

        def step(applied: Applied, given: list[tuple[str, bool]]) -> tuple[str, bool]:
            made = applied.layer.value
            assert isinstance(made, Made)
            name = joint_of(applied)
            if name is not None:
                return network.equation("m", joined(made, name, [each for each, _ in given])), given[0][1]
            meaning = meanings[id(applied)]
            network.is_sequence = given[0][1]
            if isinstance(meaning, Piece):
                sequence_here(Call(made, lowering, None), network)
            y = built(meaning, network, given[0][0])
            return y, network.is_sequence

        y, network.is_sequence = text(last)
        return y

    return Flow(build)


def is_input(item: Given) -> bool:
    return isinstance(item.value, Made) and item.value.constructor.name in ("Input", "InputLayer")


def joint_of(applied: Applied) -> str | None:
    """How several values are put together; None where a layer of one is called."""
    made = applied.layer.value
    return made.constructor.name if isinstance(made, Made) and made.constructor.name in JOINTS else None


def joined(made: Made, name: str, texts: list[str]) -> str:
    axis = made.arguments.get("axis")
    if axis is not None and axis.value not in (-1, 2):
        raise problem("E606", "values are put together along the features here", axis.span, fix="axis=-1")
    if name in SIGNS:
        return f" {SIGNS[name]} ".join(texts)
    if name == "Average":
        return f"({' + '.join(texts)}) / {len(texts)}"
    return f"{JOINTS[name]}({', '.join(texts)})"


def alone(call: Call) -> Meaning:
    raise problem("E606", f"{call.name} puts several values together, and stands among layers of one", call.made.span)


CONSTRUCTORS = tuple(
    other(
        name,
        "axis=-1, **kwargs" if name == "Concatenate" else "**kwargs",
        "axis" if name == "Concatenate" else "",
        alone,
    )
    for name in JOINTS
)
