"""Recurrent layers among other layers: layer by layer, in one direction or both, with what they begin with, and with
the states that they leave to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rnnc.diagnostics import Span
from rnnc.importing.pieces.head import GIVES_H, GIVES_STATE
from rnnc.importing.pieces.lowering import Lowering
from rnnc.importing.pieces.network import Network
from rnnc.importing.pieces.pieces import Piece, Recurrence
from rnnc.importing.python.values import problem

ONE_STATE, TWO_STATES = GIVES_STATE | {"VariationalRNN", "VariationalGRU"}, GIVES_H | {"VariationalLSTM"}
SIDES = ("forward", "backward")
State = tuple[str, int]  # its name, and its place among layers and directions


@dataclass
class Ran:
    """A recurrence in a network: the expressions for what it gives and for its final states, and what its layers are
    called: the name, the layer, the direction."""

    text: str
    finals: dict[State, str] = field(default_factory=dict[State, str])
    layers: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])


@dataclass(frozen=True)
class Way:
    """What one direction of a layer gives: all steps, and its last one."""

    steps: str
    end: str


def has_state(cell: Piece, state: str) -> bool:
    """Whether the cell has a state of this name, which others can be given."""
    return cell.definition in TWO_STATES or (state == "h" and cell.definition in ONE_STATE)


class Runner:
    """Puts layers into a network. `states` are those that they begin with, `wanted` those that others read."""

    def __init__(
        self, network: Network, lowering: Lowering, span: Span, states: Mapping[State, str], wanted: frozenset[State]
    ) -> None:
        self._network, self._lowering, self._span = network, lowering, span
        self._states, self._wanted = states, wanted

    def run(self, recurrence: Recurrence, x: str) -> Ran:
        ran, last = Ran(x), len(recurrence.layers) - 1
        for k, cells in enumerate(recurrence.layers):
            ways = self._layer(ran, recurrence, k, list(cells), x)
            is_whole = k < last or recurrence.sequences
            outputs = [way.steps if is_whole else way.end for way in ways]
            x = recurrence.merge(*outputs) if len(cells) == 2 else outputs[0]
            if k < last and recurrence.rate:
                x = self._network.equation("d", f"dropout({x}, {recurrence.rate!r}, mask = step)")
        ran.text = x
        return ran

    def _layer(self, ran: Ran, recurrence: Recurrence, k: int, cells: list[Piece], x: str) -> list[Way]:
        """One layer, in its directions; what they give."""
        network, both = self._network, len(cells) == 2
        for cell, place, _ in placed(cells, k):
            self._check(cell, place)
            network.use(cell, x)
        begins = any(self._begin(place) for _, place, _ in placed(cells, k))
        if both and not begins and all(cell.instance is None for cell in cells):
            ways = f"forward = {cells[0].text}, backward = {cells[1].text}"
            is_read = any(self._is_read(place) for _, place, _ in placed(cells, k))
            y, layer = self._run(f"bidirectional({ways}, merge = none)", x, is_read, apart=True)
            for _, place, side in placed(cells, k):
                self._leave(ran, place, f"{layer}.{side}")
                ran.layers.append((f"{layer}.{side}", k, side))
            return [Way(f"{y}.forward", f"last({y}.forward)"), Way(f"{y}.backward", f"at({y}.backward, 0)")]
        found: list[Way] = []
        for cell, place, side in placed(cells, k):
            back = side == "backward" or (recurrence.backwards and not both)
            simple = back and not begins and cell.instance is None  # `backward(cell)` takes no states
            given = f"reverse({x})" if back and not simple else x
            text = f"backward({cell.text})" if simple else cell.text
            y, layer = self._run(text, given + self._begin(place), self._is_read(place))
            # Keras gives the last step first; the other direction of two is turned around again
            steps = f"reverse({y})" if back and (both or simple) else y
            found.append(Way(steps, f"at({y}, 0)" if simple else f"last({y})"))
            self._leave(ran, place, layer)
            ran.layers.append((layer, k, side))
        return found

    def _run(self, layer: str, given: str, is_read: bool, *, apart: bool = False) -> tuple[str, str]:
        """The equation of a layer, and what the layer is called: by `use`, where others read its final states."""
        name = self._network.named("layer", layer) if is_read else None
        y = self._network.run("y", name or layer, given, apart=apart)
        return y, name or y

    def _is_read(self, place: int) -> bool:
        """Whether others read a state there."""
        return any(at == place for _, at in self._wanted)

    def _begin(self, place: int) -> str:
        """The arguments that say what the states begin with."""
        return "".join(f", {name} = {text}" for (name, at), text in self._states.items() if at == place)

    def _check(self, cell: Piece, place: int) -> None:
        """E606: states that others read or give, and that the cell has not, or not so called."""
        for name, at in {*self._states, *self._wanted}:
            if at == place and not has_state(cell, name):
                what = f"the state `{name}` of {cell.definition} is handed on, which is not said by this"
                fix = "import the layers alone, and write the network: `d = Decoder(x, states = e.states')`"
                raise problem("E606", what, self._span, fix=fix)

    def _leave(self, ran: Ran, place: int, layer: str) -> None:
        """The final states that others read. `h` is none of the outputs: a row without steps leaves what it began with,
        and gives zeros."""
        ran.finals |= {(name, at): f"{layer}.{name}'" for name, at in self._wanted if at == place}


def placed(cells: Sequence[Piece], layer: int) -> list[tuple[Piece, int, str]]:
    """Cells with their places and directions: layer by layer, forwards first."""
    return [(cell, len(cells) * layer + k, side) for k, (cell, side) in enumerate(zip(cells, SIDES, strict=False))]
