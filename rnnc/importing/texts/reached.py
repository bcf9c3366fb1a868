"""The layers that a value of a text is made of."""

from __future__ import annotations

from collections.abc import Iterable

from rnnc.importing.python.values import Applied, Computed, Final, Finals, Made, Outputs, Value


def layers_in(values: Iterable[Value]) -> list[Made]:
    """All layers whose calls values are made of, in the order of these calls in the text."""
    found: dict[int, Applied] = {}
    seen: set[int] = set()
    pending = list(values)
    while pending:
        each = pending.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        match each:
            case Applied():
                found[id(each)] = each
                pending += [*each.inputs, *([each.state.value] if each.state is not None else [])]
            case Computed(inputs=inputs) | Outputs(parts=inputs):
                pending += inputs
            case Final(of=of) | Finals(of=of):
                pending.append(of)
            case list():
                pending += [item.value for item in each]
            case _:
                pass
    calls = sorted(found.values(), key=lambda applied: applied.layer.span.start)
    made = [applied.layer.value for applied in calls]
    return [each for each in made if isinstance(each, Made)]


def is_old(made: Made) -> bool:
    """Whether a layer is one of TensorFlow 1."""
    return made.constructor.library in ("tf", "cudnn")
