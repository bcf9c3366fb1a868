"""What a value of a text is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from rnnc.importing.python.values import Applied, Computed, Final, Finals, Functional, Made, Outputs, Value


def reached(roots: Iterable[Value], inside: Callable[[Value], Iterable[Value]]) -> list[Value]:
    """Values, and what they are made of, each once: `inside` tells what a value is made of."""
    found: dict[int, Value] = {}
    pending = [*roots]
    while pending:
        value = pending.pop()
        if value is not None and not isinstance(value, bool | int | float | str) and id(value) not in found:
            found[id(value)] = value
            pending += inside(value)
    return [*found.values()]


def tensors_in(value: Value) -> Iterator[Value]:
    """The tensors that a value is made of."""
    match value:
        case list():
            yield from (item.value for item in value)
        case Applied(inputs=inputs, state=state):
            yield from inputs
            yield state.value if state is not None else None
        case Computed(inputs=inputs) | Outputs(parts=inputs):
            yield from inputs
        case Functional(outputs=outputs):
            yield outputs
        case Final(of=of) | Finals(of=of):
            yield of
        case _:
            pass


def layers_in(values: Iterable[Value]) -> list[Made]:
    """All layers whose calls values are made of, in the order of these calls in the text."""
    found = [each for each in reached(values, tensors_in) if isinstance(each, Applied)]
    calls = sorted(found, key=lambda applied: applied.layer.span.start)
    made = [applied.layer.value for applied in calls]
    return [each for each in made if isinstance(each, Made)]


def is_old(made: Made) -> bool:
    """Whether a layer is one of TensorFlow 1."""
    return made.constructor.library in ("tf", "cudnn")
