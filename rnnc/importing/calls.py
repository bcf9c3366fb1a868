"""The entry: the text of a call becomes the text of a description."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from rnnc.diagnostics import Source, Span
from rnnc.importing import contrib, tensorflow
from rnnc.importing.evaluate import Evaluator
from rnnc.importing.lowering import Lowering
from rnnc.importing.script import read_script
from rnnc.importing.signature import Constructor
from rnnc.importing.values import Made, Names, Reference, Remarks, describe, problem
from rnnc.importing.write import write
from rnnc.semantics.scope import did_you_mean

CONSTRUCTORS: tuple[Constructor, ...] = (*tensorflow.CONSTRUCTORS, *contrib.CONSTRUCTORS)
ACTIVATIONS = {tensorflow.LIBRARY: tensorflow.ACTIVATIONS}
DRIVERS = frozenset(driver.name for driver in tensorflow.DRIVERS)


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
    subject = read_script(source, _bind, DRIVERS, remarks)
    if not isinstance(subject.value, Made):
        fix = "such as LSTMCell(128)"
        raise problem("E602", f"a call of a cell or layer is wanted, not {describe(subject.value)}", subject.span, fix=fix)
    lowering = Lowering(ACTIVATIONS, remarks)
    meaning = lowering.meaning(subject)
    own = name or subject.value.constructor.name
    text = write(meaning, source.text, own, lowering.functions, renamed=name is not None, inline=inline)
    return Imported(text, tuple(remarks.lines))


def _bind(reference: Reference, node: ast.Call, evaluator: Evaluator, names: Names, where: Span) -> Made:
    """The object that a call of a library's name makes. E603: no library has the name."""
    candidates = [each for each in CONSTRUCTORS if each.name == reference.last]
    here = [each for each in candidates if each.library == library_of(reference.path)] or candidates
    if not here:
        known = {each.name for each in CONSTRUCTORS}
        fix = did_you_mean(reference.last, known) or "TensorFlow's, Keras' and PyTorch's recurrent cells and layers are known"
        raise problem("E603", f"no library knows `{reference.path}`", where, fix=fix)
    keywords = [keyword.arg for keyword in node.keywords if keyword.arg is not None]
    fitting = [each for each in here if all(each.takes(keyword) for keyword in keywords)]
    return (fitting or here)[0].bind(node, evaluator, names, where)


def library_of(path: str) -> str | None:
    """The library that the front of a dotted name tells; None where it stands alone, or tells nothing."""
    front = path.split(".")[:-1]
    if "keras" in front or front[-1:] == ["layers"]:
        return "keras"
    if front[:1] in (["torch"], ["nn"]):
        return "torch"
    return tensorflow.LIBRARY if front else None


