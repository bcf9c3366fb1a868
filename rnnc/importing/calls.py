"""The entry: the text of a call becomes the text of a description."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from rnnc.diagnostics import DiagnosticError, Source, Span
from rnnc.importing.formulas.directions import Key
from rnnc.importing.formulas.written import FUNCTIONS as WRITTEN
from rnnc.importing.libraries import (
    contrib,
    cudnn,
    fused,
    joints,
    keras,
    keras_steps,
    models,
    tensorflow,
    torch,
    torch_layers,
    unread,
)
from rnnc.importing.libraries.graph import Graph
from rnnc.importing.pieces import shared
from rnnc.importing.pieces.alive import arrays_alone
from rnnc.importing.pieces.head import Head, headed
from rnnc.importing.pieces.library import defines
from rnnc.importing.pieces.lowering import Constructor, Lowering, constructor_of
from rnnc.importing.pieces.network import Meaning
from rnnc.importing.pieces.pieces import Piece
from rnnc.importing.pieces.versions import NEWEST, SLOPE, origin_of
from rnnc.importing.pieces.write import Writer
from rnnc.importing.python.binding import bind
from rnnc.importing.python.values import (
    Applied,
    Given,
    Incoming,
    Made,
    Names,
    Record,
    Reference,
    Remarks,
    Tensor,
    describe,
    is_input,
    problem,
)  # fmt: skip
from rnnc.importing.script import Subject, read_script
from rnnc.importing.texts.evaluate import Evaluator
from rnnc.importing.texts.reached import layers_in

TABLES = (tensorflow, contrib, fused, cudnn, keras, keras_steps, joints, models, torch, torch_layers)
CONSTRUCTORS: tuple[Constructor, ...] = tuple(each for table in TABLES for each in table.CONSTRUCTORS)
ACTIVATIONS = {each.LIBRARY: each.ACTIVATIONS for each in (tensorflow, keras, torch)}
FUNCTIONS = {
    **ACTIVATIONS,
    keras.LIBRARY: keras.FUNCTIONS,
    torch.LIBRARY: torch_layers.FUNCTIONS,
}  # of one tensor, by library
MANY = ("Sequential",)  # of layers that have their own places
MOST_SHOWN = 80  # letters of a line of the text
DRIVERS = {driver.name: tuple(driver.parameters) for driver in tensorflow.DRIVERS}


@dataclass(frozen=True)
class Imported:
    """A description, and what it leaves out of the call, in words."""

    text: str
    remarks: tuple[str, ...]


def import_call(source: Source, *, name: str | None = None, inline: bool = False) -> Imported:
    """The description that means what a call means. E601-E606: the text cannot be read, or not be said.

    `name`: what the cell or network is called. `inline`: every definition that it needs is written out.
    """
    remarks = Remarks()
    script = read_script(source, _bind, _knows, DRIVERS, FUNCTIONS, _library_of, remarks)
    subject, places = script.given, script.places
    value = subject.value
    layers = [subject]
    if isinstance(value, Applied):
        layers = [layer for layer in value.layers or [value.layer] if not is_input(layer)]
    first = layers[0].value if layers else value
    if isinstance(value, Record) and script.name is not None:
        what = f"`{script.name}` gives a dictionary, or an object, where tensors are wanted"
        raise problem("E602", what, subject.span, fix="return them: `return logits, probs`")
    if not isinstance(first, Made) and not isinstance(value, Tensor):
        fix = "such as LSTMCell(128)"
        raise problem("E602", f"a call of a cell or layer is wanted, not {describe(first)}", subject.span, fix=fix)
    lowering = Lowering(ACTIVATIONS, WRITTEN, remarks, script.found.merge)
    lowering.reserved = [each.name for each in script.found.parameters]
    lowering.several |= shared.in_several(layers)
    called = layers_in([value])
    lowering.scopes |= fused.numbered(called) if len(called) > 1 else {}
    is_graph = isinstance(value, Tensor) and (not isinstance(value, Applied) or value.layers is None or bool(places))
    if isinstance(value, Tensor) and is_graph:
        meaning = Graph(value, lowering).flow
    else:
        meaning = lowering.meaning(layers[0]) if len(layers) == 1 else models.chain(layers, lowering)
    head = _behind(script, meaning, lowering)
    if head is not None:
        if isinstance(meaning, Piece) and (head.root.state is None or not meaning.is_network):
            meaning = lowering.named(meaning)
        meaning = headed(meaning, head)
    meaning = shared.declared(meaning, lowering.instances)
    own = name or script.name or (_own_name(first) if isinstance(first, Made) and not is_graph else None)
    own = own if own is not None and (is_graph or len(layers) == 1 or script.name) else name or "Layers"
    writer = Writer(
        own,
        lowering.functions,
        script.places,
        _parameters(script, head, lowering),
        lambda known: _spare(script, known, remarks),
        script.made,
        remarks,
        renamed=name is not None,
        inline=inline,
    )
    written = writer.written(meaning, source.text)
    if any(map(contrib.takes_width, written.cells)):
        remarks.add(contrib.TOLD_WIDTH)
    origins = {made.origin for made in lowering.seen.values() if made.constructor.library == "keras"}
    if "keras_hard_sigmoid" in written.functions and origins != {NEWEST}:
        remarks.add(SLOPE)
    return Imported(written.text, tuple(remarks.lines))


def _spare(script: Subject, known: set[int], remarks: Remarks) -> list[str]:
    """What a layout says of the layers of a model of PyTorch's that nothing it gives is made of: files have them.
    Told are those whose arrays nobody here knows."""
    found: list[str] = []
    lost = [each for each in script.unknown if not each.endswith(("loss", "criterion"))]
    for made in script.layers:
        if id(made) in known or not constructor_of(made).has_weights or made.constructor.name in MANY:
            continue
        layer, lowering = Given(made, made.span), Lowering(ACTIVATIONS, WRITTEN)
        try:
            meaning = Graph(Applied(layer, (Incoming("x", 0),)), lowering).flow
            spare = Writer("Spare", lowering.functions, script.places, renamed=True).written(meaning)
            own = arrays_alone("torch", spare.text, "Spare", torch_layers.width_of(made))
        except DiagnosticError:
            own = []
        found += own
        lost += [] if own else [script.places[id(made)]]
    for each in lost:
        fix = f"leave its arrays of a file out (`--without '{each}.*'`, of a parameter `--without {each}`)"
        remarks.add(f"`{each}` is not in the layout: {fix}")
    return found


def _behind(script: Subject, meaning: Meaning, lowering: Lowering) -> Head | None:
    """What the description ends with behind a driver; what else stands there is told."""
    found, merge = script.found, lowering.merge  # None: what is wanted of both directions is not there
    heads = [each for each in found.heads if each.merge is None or each.merge.is_plain or each.merge == merge]
    head = next((each for each in heads if each.suits(meaning)), None)
    lowering.remarks.lines |= dict.fromkeys([*script.remarks, *(head.remarks if head is not None else ())])
    reads = head.reads if head is not None else found.merged if found.merge == merge else frozenset[Key]()
    ends = {key: text for key, text in script.behind if key in reads}
    left = [text for key, text in script.behind if key not in reads]
    for text in left:
        lowering.remarks.add(f"left out: `{_short(text)}`")
    if left:
        last = _short(list(ends.values())[-1] if ends else script.line)
        shown = last if len(last) <= MOST_SHOWN else f"{last[:MOST_SHOWN].rpartition(' ')[0]} …"
        lowering.remarks.add(f"the description ends with what `{shown}` gives")
    return head


def _parameters(script: Subject, head: Head | None, lowering: Lowering) -> dict[str, str]:
    """The parameters that the description has: what is kept by dropout where nothing in the text says it."""
    read = (
        f"{head.texts if head is not None else ''} {lowering.merge.formula.text if lowering.merge is not None else ''}"
    )
    found = [each for each in script.found.parameters if re.search(rf"(?<!mask = )\b{each.name}\b(?! =)", read)]
    for each in found:
        why = "has no value here: it is" if each.text is None else "is"
        what = f"`{each.name}` {why} a parameter of the description, {each.default} unless it is given"
        lowering.remarks.add(f"{what} (`-D {each.name}=0.5`)")
    return {each.name: each.default for each in found}


def _short(text: str) -> str:
    """The text of a statement; of a block the first line."""
    first, *rest = text.strip().splitlines()
    return f"{first} …" if rest else first


def _own_name(made: Made) -> str:
    """What was called, past what only runs it; no name of the library."""
    while constructor_of(made).lower is tensorflow.wrapped and isinstance(inner := made.arguments["cell"].value, Made):
        made = inner
    name = made.constructor.name
    return f"{name}Layer" if defines(name) else name


def _knows(reference: Reference) -> bool:
    is_joint = _may_join(reference, library_of(reference.path)) and reference.last in joints.FUNCTIONS
    return is_joint or any(each.name == reference.last for each in CONSTRUCTORS)


def _may_join(reference: Reference, library: str | None) -> bool:
    """`layers.add`, or `concatenate` alone: functions of Keras under names that others have, too, of which `keras.ops`
    has functions of tensors."""
    is_of_layers = library == "keras" and {"ops", "backend"}.isdisjoint(reference.path.split("."))
    return is_of_layers or "." not in reference.path


def _bind(reference: Reference, node: ast.Call, evaluator: Evaluator, names: Names, where: Span) -> Made | Applied:
    """The object that a call of a library's name makes. E603: no library has the name."""
    library = library_of(reference.path) or evaluator.library
    joint = joints.FUNCTIONS.get(reference.last) if _may_join(reference, library) else None
    candidates = [each for each in CONSTRUCTORS if each.name == (joint or reference.last)]
    here = [each for each in candidates if each.library == library] or candidates
    if not here:
        fix = unread.advice(reference.path, {each.name for each in CONSTRUCTORS})
        raise problem("E603", f"`rnnc import` does not know `{reference.path}`", where, fix=fix)
    keywords = [keyword.arg for keyword in node.keywords if keyword.arg is not None]
    fitting = [each for each in here if all(each.takes(keyword) for keyword in keywords)]
    origin = origin_of(reference.path, names)
    if joint is not None and node.args:  # `layers.add([a, b])`
        keywords = ast.copy_location(ast.Call(func=node.func, args=node.args[1:], keywords=node.keywords), node)
        made = bind(here[0], keywords, evaluator, names, where)
        return Applied(Given(made, where), evaluator.tensors.inputs(node.args[0], names))
    return replace(bind((fitting or here)[0], node, evaluator, names, where), origin=origin)


def _library_of(path: str) -> str:
    return library_of(path) or tensorflow.LIBRARY


def library_of(path: str) -> str | None:
    """The library that the front of a dotted name tells; None where it stands alone, or tells nothing."""
    front = path.split(".")[:-1]
    if "keras" in front or front[-1:] == ["layers"]:
        return "keras"
    if front[:1] in (["torch"], ["nn"], ["F"]):
        return torch.LIBRARY
    return tensorflow.LIBRARY if front else None
