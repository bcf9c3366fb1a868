"""What tutorials put behind a driver: the last step, `outputs[:, -1]`, the final state, or all steps folded; and logits
of one of these, or of every step, `tf.matmul(outputs[:, -1], weights) + biases`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rnnc.importing.formulas.directions import Key, Merge
from rnnc.importing.pieces.further import given
from rnnc.importing.pieces.masks import one_each
from rnnc.importing.pieces.network import Flow, Meaning, Network, built
from rnnc.importing.pieces.pieces import OUTPUTS, Piece, output_of

# The forms of what a text has.
ARRAY, LIST, FLAT, PER_ROW = "an array with steps", "a list of steps", "steps and rows in one axis", "one row each"

# Cells whose state is what they give, and those whose state is (c, h), of which they give h.
GIVES_STATE = {"RNN", "GRU", "UGRNN", "MinimalRNN", "ComplementCFN", "IndRNN", "IndyGRU"}
GIVES_H = {
    "LSTM", "BasicLSTM", "LSTMBlock", "CoupledLSTM", "LayerNormLSTM", "WeightNormLSTM", "RecurrentDropoutLSTM",
    "IndyLSTM", "PhasedLSTM", "NAS",
}  # fmt: skip
WITH_H = GIVES_STATE | {"IntersectionRNN"}  # whose state is h, whatever they give
# Cells around another, `f`, whose state they have.
WITH_STATE_OF_F = {"Residual", "ResidualBy", "Dropout", "Highway", "InputProjection", "OutputProjection", "Embedding"}
SEVERAL = {"Multi", "SharedLayers", "MultiCell"}  # layers one behind the other


@dataclass(frozen=True)
class End:
    """A value that is made of a layer's outputs, as a text around them; or of the part `state` of the final state, if a
    cell has what it gives there; or of the result of a product of one of these."""

    text: str
    state: str | None = None
    merge: Merge | None = None  # of the outputs of both directions, which stand in the place of the outputs
    width: int | None = None  # how many features the text says that the outputs have
    product: Head | None = None  # which it is the result of

    def suits(self, meaning: Meaning) -> bool:
        """Whether a layer gives it."""
        if self.width is not None and _width(meaning) != str(self.width):
            return False
        return self.state is None or self.member(meaning) is not None

    def member(self, meaning: Meaning) -> str | None:
        """Where a layer has this part of its final state: `.f.h'`, `[1].c'`; None where nothing here tells."""
        return state_in(meaning, self.state) if self.state is not None and isinstance(meaning, Piece) else None


def state_in(cell: Piece, part: str) -> str | None:
    """The state of a cell that is this part of its final state, behind its name; None where nothing here tells."""
    if cell.definition in WITH_STATE_OF_F:
        inner = state_in(cell.cells["inner"][0], part) if "state_keep" not in cell.arguments else None
        return f".f{inner}" if inner is not None else None
    if cell.definition in SEVERAL:
        k, rest = _layer_of(cell, part)
        inner = state_in(layers_of(cell)[k], rest) if k is not None else None
        return f".f[{k}]{inner}" if inner is not None else None
    if cell.definition in GIVES_H:
        is_h, is_c = part in (".h", "[1]", "[-1]"), part in (".c", "[0]", "[-2]")
        return ".h'" if is_h else ".c'" if is_c else None
    return ".h'" if cell.definition in WITH_H and part == "" else None


def _layer_of(cell: Piece, part: str) -> tuple[int | None, str]:
    """Which of several layers has this part of the final state, and what it is of that layer's."""
    place, count = re.match(r"\[(-?\d+)\]", part), len(layers_of(cell))
    if place is None or not -count <= int(place[1]) < count:
        return None, part
    return int(place[1]) % count, part[place.end() :]


def layers_of(cell: Piece) -> tuple[Piece, ...]:
    """The cells of layers one behind the other."""
    if cell.definition == "SharedLayers":
        return cell.cells["inner"] * int(cell.arguments.get("layers", "2"))
    return cell.cells["cells"]


def _width(meaning: Meaning) -> str | None:
    """How many features a layer gives, where its arguments tell."""
    if not isinstance(meaning, Piece):
        return None
    if meaning.definition == "SharedBidirectional":
        sides = [meaning.cells["inner"][0]] * 2
    elif "fw" in meaning.cells:
        sides = [meaning.cells["fw"][-1], meaning.cells["bw"][-1]]
    else:
        sides = [meaning]
    widths = [output_of(side) or "" if _gives_units(side) else "" for side in sides]
    return str(sum(map(int, widths))) if all(width.isdigit() for width in widths) else None


def _gives_units(cell: Piece) -> bool:
    """Whether a cell gives as many features as its arguments say."""
    if cell.definition in OUTPUTS and OUTPUTS[cell.definition] in cell.arguments:
        return True
    inner = cell.cells.get("inner") or cell.cells.get("cells")
    return _gives_units(inner[-1]) if inner else cell.definition in GIVES_STATE | GIVES_H | {"IntersectionRNN"}


@dataclass(frozen=True)
class Head:
    """An end, or a product of it with `classes` results, and the names of the product's variables where they have any.
    `reads` are the lines that it is made of; `variables` what the products so far multiply with and add."""

    end: End
    scope: str  # that the driver puts in front of variables
    reads: frozenset[Key]
    classes: int | None = None
    at: Key | None = None  # the call of the product
    weights: str | None = None
    biases: str | None = None
    has_bias: bool = True
    turned: bool = False  # the library keeps the weights the other way round
    activation: str = "identity"
    form: str = PER_ROW  # of the text's array
    variables: frozenset[Key | str] = frozenset()
    remarks: tuple[str, ...] = ()

    def suits(self, meaning: Meaning) -> bool:
        return self.root.suits(meaning)

    @property
    def merge(self) -> Merge | None:
        """What the first of its products reads of both directions."""
        return self.root.merge

    @property
    def root(self) -> End:
        """What the first of its products reads."""
        return self.end.product.root if self.end.product is not None else self.end

    @property
    def texts(self) -> str:
        """What stands around the values that its products read."""
        merge = self.end.merge.formula.text if self.end.merge is not None else ""
        before = self.end.product.texts if self.end.product is not None else ""
        return f"{self.end.text} {merge} {before}"

    @property
    def chain(self) -> tuple[Key | None, ...]:
        """The products that it is made of, its own first."""
        return (self.at, *(self.end.product.chain if self.end.product is not None else ()))


def headed(meaning: Meaning, head: Head) -> Flow:
    """The network with its logits."""

    def build(network: Network, x: str) -> str:
        if isinstance(meaning, Piece) and head.root.state is not None:
            y, start, scopes = _with_states(network, meaning, x, head.root.state)
        else:
            y = start = built(meaning, network, x)
            scopes = {y: ""} if y.isidentifier() else {}
        around = {name: "/".join(filter(None, (head.scope, scope))) for name, scope in scopes.items()}
        network.layouts.setdefault("tf", [f'scope {name} = "{scope}"' for name, scope in around.items()])
        network.options["tf"] = 'constants = "float32"'
        return multiplied(network, y, start, head)

    return Flow(build)


def _with_states(network: Network, cell: Piece, x: str, part: str) -> tuple[str, str, Mapping[str, str]]:
    """A layer whose state is read: its outputs, the state, and the scopes of variables by what has them. Of a network
    nobody reads states, so its layers are written out."""
    network.use(cell, x, written=cell.is_network)
    if not cell.is_network:
        y, layer = _named(network, cell, x)
        return y, f"{layer}{state_in(cell, part)}", {layer: ""}
    layers, (place, rest) = layers_of(cell), _layer_of(cell, part)
    is_shared = cell.definition == "SharedLayers"
    if is_shared:
        layers = (replace(layers[0], instance=network.instance(layers[0])),) * len(layers)
    scopes: dict[str, str] = {}
    y, state = x, ""
    for k, each in enumerate(layers):
        if each.instance is not None and each.instance not in scopes:  # it runs once under its own name
            y, name = network.run("y", each.instance, given(each, y)), each.instance
        elif k == place or each.instance is not None:
            y, name = _named(network, each, y)
        else:
            y = name = network.run("y", each.text, given(each, y))
        state = f"{name}{state_in(each, rest)}" if k == place else state
        if each.instance is None or name == each.instance:  # where an instance runs first, it has its variables
            scopes[name] = f"{cell.scope or 'multi_rnn_cell'}/cell_{k}"
    return y, state, scopes


def _named(network: Network, cell: Piece, x: str) -> tuple[str, str]:
    """The outputs of a layer, and its name."""
    layer = network.named("layer", cell.text)
    return network.run("y", layer, given(cell, x)), layer


def multiplied(network: Network, y: str, start: str, head: Head) -> str:
    """The products behind the outputs `y`, or behind what starts them, one behind the other."""
    before = head.end.product
    start = multiplied(network, y, start, before) if before is not None else start
    end = one_each(network, head.end.text.format(start))
    if end != (start if before is not None else y):
        end = network.equation("d" if before is not None else "end", end)
    if head.classes is None:
        return end
    plain = f"linear(end: {end}, out = {head.classes}, bias = false)"
    logits = network.equation("logits", f"dense({end}, {head.classes})" if head.has_bias else plain)
    weight = f"{logits}.{'weight' if head.has_bias else 'end'}"
    lines = network.layouts["tf"]
    lines += [f'"{head.weights}" = {f"T({weight})" if head.turned else weight}'] if head.weights else []
    lines += [f'"{head.biases}" = {logits}.bias'] if head.biases and head.has_bias else []
    return logits if head.activation == "identity" else network.equation("y", f"{head.activation}({logits})")
