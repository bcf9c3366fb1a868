"""Recurrent layers among other layers: layer by layer, in one direction or both, with what they begin with, and with
the states that they leave to others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnc.diagnostics import Span
from rnnc.importing.pieces.head import GIVES_H, GIVES_STATE
from rnnc.importing.pieces.lowering import Lowering
from rnnc.importing.pieces.pieces import Network, Piece, output_of
from rnnc.importing.python.values import problem

ONE_STATE, TWO_STATES = GIVES_STATE | {"VariationalRNN", "VariationalGRU"}, GIVES_H | {"VariationalLSTM"}
SIDES = ("forward", "backward")
State = tuple[str, int]  # its name, and its place among layers and directions


@dataclass(frozen=True)
class Recurrence:
    """What a call of a library runs: of every layer the cells of its directions, and what stands between layers."""

    layers: tuple[tuple[Piece, ...], ...]
    rate: float = 0.0  # of the dropout between layers
    merge: Callable[[str, str], str] = "concat({}, {})".format  # of the outputs of both directions
    backwards: bool = False  # it begins with the last step, and gives that first
    sequences: bool = True
    steps_first: bool | None = None

    @property
    def width(self) -> str | None:
        """How many features come out, where that is known."""
        sizes = [output_of(cell) or "" for cell in self.layers[-1]]
        if len(sizes) == 1:
            return sizes[0] or None
        is_joined = self.merge("1", "2") == "concat(1, 2)" and all(size.isdigit() for size in sizes)
        return str(sum(map(int, sizes))) if is_joined else None


@dataclass
class Ran:
    """A recurrence in a network: the expressions for what it gives and for its final states, and what its layers are
    called: the name, the layer, the direction."""

    text: str
    finals: dict[State, str] = field(default_factory=dict[State, str])
    layers: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])


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
            outputs = self._layer(
                ran, recurrence, k, [self._prepared(cell, place) for cell, place, _ in placed(cells, k)], x
            )
            if k == last and not recurrence.sequences:
                outputs = [ran.finals["h", place] for _, place, _ in placed(cells, k)]
            x = recurrence.merge(*outputs) if len(cells) == 2 else outputs[0]
            if k < last and recurrence.rate:
                x = self._network.equation("d", f"dropout({x}, {recurrence.rate!r}, mask = step)")
        ran.text = x
        return ran

    def _layer(self, ran: Ran, recurrence: Recurrence, k: int, cells: list[Piece], x: str) -> list[str]:
        """One layer, in its directions; their outputs."""
        network, both = self._network, len(cells) == 2
        places = [place for _, place, _ in placed(cells, k)]
        for cell in cells:
            network.use(cell, x)
        begins = any(self._begin(place) for place in places)
        if both and not begins and all(cell.instance is None for cell in cells):
            ways = f"forward = {cells[0].text}, backward = {cells[1].text}"
            y = network.equation("y", f"bidirectional({ways}, merge = none)({x})")
            for cell, place, side, final in zip(cells, places, SIDES, ("last({})", "at({}, 0)"), strict=True):
                self._leave(ran, cell, place, f"{y}.{side}", final)
                ran.layers.append((f"{y}.{side}", k, side))
            return [_output(cell, f"{y}.{side}") for cell, side in zip(cells, SIDES, strict=True)]
        outputs: list[str] = []
        for cell, place, side in zip(cells, places, SIDES, strict=False):
            back = side == "backward" or (recurrence.backwards and not both)
            simple = back and not begins and cell.instance is None  # `backward(cell)` takes no states
            given = f"reverse({x})" if back and not simple else x
            name = f"backward({cell.text})" if simple else cell.text
            y = network.equation("y", f"{name}({given}{self._begin(place)})")
            # Keras gives the last step first; the other direction of two is turned around again
            outputs.append(f"reverse({_output(cell, y)})" if back and (both or simple) else _output(cell, y))
            self._leave(ran, cell, place, y, "at({}, 0)" if simple else "last({})")
            ran.layers.append((y, k, side))
        return outputs

    def _begin(self, place: int) -> str:
        """The arguments that say what the states begin with."""
        return "".join(f", {name} = {text}" for (name, at), text in self._states.items() if at == place)

    def _prepared(self, cell: Piece, place: int) -> Piece:
        """The cell, with the states that others read as outputs. E606: states that it has not, or not so called."""
        for name, at in {*self._states, *self._wanted}:
            if at == place and not has_state(cell, name):
                what = f"the state `{name}` of {cell.definition} is handed on, which is not said by this"
                fix = "import the layers alone, and write the network: `d = Decoder(x, h = last(e))`"
                raise problem("E606", what, self._span, fix=fix)
        return self.showing(cell) if ("c", place) in self._wanted and not cell.shows else cell

    def showing(self, cell: Piece) -> Piece:
        """The cell with its state `c` as an output beside `h`."""
        text = f"{cell.text} with {{\n  output h', c: c'\n}}\n"
        functions = self._lowering.functions
        names = (f"{cell.definition}States{k or ''}" for k in range(1000))
        alias = next(name for name in names if functions.get(name) in (None, f"cell {name} = {text}"))
        functions[alias] = f"cell {alias} = {text}"
        return replace(cell, arguments={}, alias=alias, shows=True)

    @staticmethod
    def _leave(ran: Ran, cell: Piece, place: int, y: str, final: str) -> None:
        ran.finals["h", place] = final.format(_output(cell, y))
        if cell.shows:
            ran.finals["c", place] = final.format(f"{y}.c")


def placed(cells: Sequence[Piece], layer: int) -> list[tuple[Piece, int, str]]:
    """Cells with their places and directions: layer by layer, forwards first."""
    return [(cell, len(cells) * layer + k, side) for k, (cell, side) in enumerate(zip(cells, SIDES, strict=False))]


def _output(cell: Piece, y: str) -> str:
    return f"{y}.h" if cell.shows else y
