"""What tutorials put behind a driver: the last step, `outputs[:, -1]`, the final state, or all steps folded; and logits
of one of these, or of every step, `tf.matmul(outputs[:, -1], weights) + biases`."""

from __future__ import annotations

from dataclasses import dataclass

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
AROUND = {"Residual", "ResidualBy", "Dropout", "Highway", "InputProjection", "OutputProjection", "Embedding"}


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
        layers = meaning.cells.get("cells", ()) if isinstance(meaning, Piece) else ()
        last = (layers or (meaning,))[-1]
        places = ["[-1]", f"[{len(layers) - 1}]"] if layers else [""]
        return (
            self.state is None
            or any(self.state.startswith(place) and is_output(last, self.state[len(place) :]) for place in places)
            or self.member(meaning) is not None
        )

    def member(self, meaning: Meaning) -> str | None:
        """Where a cell has this part of its final state, which it does not give: `f.h'`."""
        if self.state is None or not isinstance(meaning, Piece) or is_output(meaning, self.state):
            return None
        return state_in(meaning, self.state)


def is_output(cell: Meaning, part: str) -> bool:
    """Whether this part of a cell's final state is what the cell gives at the last step."""
    definition = cell.definition if isinstance(cell, Piece) else ""
    return part == "" if definition in GIVES_STATE else part in (".h", "[1]", "[-1]") and definition in GIVES_H


def state_in(cell: Piece, part: str) -> str | None:
    """The state of a cell that is this part of its final state; None where nothing here tells."""
    if cell.definition in AROUND:
        inner = state_in(cell.cells["inner"][0], part) if "state_keep" not in cell.arguments else None
        return f"f.{inner}" if inner is not None else None
    if cell.definition in GIVES_H:
        is_h, is_c = part in (".h", "[1]", "[-1]"), part in (".c", "[0]", "[-2]")
        return "h'" if is_h else "c'" if is_c else None
    return "h'" if cell.definition in WITH_H and part == "" else None


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
        member = head.root.member(meaning)
        if member is not None and isinstance(meaning, Piece):
            network.use(meaning, x)
            layer = network.named("layer", meaning.text)
            y = network.equation("y", f"{layer}({given(meaning, x)})")
            start = f"{layer}.{member}"
        else:
            y = layer = built(meaning, network, x)
            start = f"last({y})" if head.root.state is not None else y
        network.layouts.setdefault("tf", [f'scope {layer} = "{head.scope}"'] if layer.isidentifier() else [])
        network.options["tf"] = 'constants = "float32"'
        return multiplied(network, y, start, head)

    return Flow(build)


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
