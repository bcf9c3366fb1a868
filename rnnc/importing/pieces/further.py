"""The inputs that definitions declare: of cells with some in front of x (`time` of PhasedLSTM), of what stands around
them and hands all of these on, and of what is as wide as the cells inside of it."""

from __future__ import annotations

import re

from rnnc.importing.pieces import library
from rnnc.importing.pieces.pieces import Piece, input_of

# Definitions whose first cell is given the inputs as they come, under the parameter that holds it.
FIRST_CELL = {
    "Dropout": "inner", "OutputProjection": "inner", "Multi": "cells", "MultiCell": "cells", "Bidirectional": "fw",
    "SharedBidirectional": "inner", "StackedBidirectional": "fw",
}  # fmt: skip


def further_inputs(cell: Piece) -> tuple[str, ...]:
    """The names of the inputs in front of x; each is one number per row."""
    if cell.definition in FIRST_CELL:
        return further_inputs(cell.cells[FIRST_CELL[cell.definition]][0])
    return library.find(cell.definition).input_names[:-1]


def given(cell: Piece, x: str, form: str = "{}") -> str:
    """The arguments of a cell whose last input is `x`, each in a form such as `reverse({})`; a layer that stands behind
    another has no further ones."""
    names = (*further_inputs(cell), x) if x == "x" else (x,)
    return ", ".join(form.format(name) for name in names)


def declaration(cell: Piece, axes: str, x: str = "x") -> str:
    return ", ".join([*(f"{name}[]" for name in further_inputs(cell)), f"{x}{axes}"])


def handing_on(text: str, cell: Piece) -> str:
    """The text of a definition of the library around a cell with further inputs, which takes them too."""
    names = further_inputs(cell)
    if not names or cell.definition not in FIRST_CELL:
        return text
    text = text.replace("input x[", f"input {declaration(cell, '[')}", 1)
    front = ", ".join(names)
    dropped = ", ".join(f"{name}_in" for name in names)
    # the first of several layers
    text = text.replace("  y[-1] = x\n", "")
    text = text.replace(
        "y[k] = f[k](y[k - 1])",
        f"if k == 0 {{\n      y[k] = f[k]({front}, x)\n    }} else {{\n      y[k] = f[k](y[k - 1])\n    }}",
    )
    # all of the inputs are dropped
    extra = "".join(f"{name}_in = dropout({name}, keep = input_keep, mask = mask)\n  " for name in names)
    masks = "\n".join(f'mask "input:{k}" = {name}' for k, name in enumerate([*(f"{n}_in" for n in names), "xin"]))
    text = text.replace("xin = dropout(x,", f"{extra}xin = dropout(x,").replace('mask "input" = xin', masks)
    turned = ", ".join(f"reverse({name})" for name in (*names, "x"))
    replaced = {"(reverse(x))": f"({turned})", "(x)": f"({front}, x)", "(xin)": f"({dropped}, xin)"}
    return re.sub(r"\(reverse\(x\)\)|\(x(in)?\)", lambda match: replaced[match[0]], text)


def declared_input(text: str, cell: Piece) -> str:
    """The text of a definition with the input that the cells inside of it want, and for the states that they have."""
    text, wanted = handing_on(text, cell), input_of(cell)
    if cell.wider:
        return text.replace("input x[inner.output.size]", f"input x[inner.output.size + {cell.wider}]")
    if cell.definition == "Attention" and "Attention" in cell.needs:  # one of its states inside is a matrix
        text = text.replace("concat(f.states')", "concat(merge(s) for s in f.states')")
    if wanted is None:
        return text
    axes = re.search(r"(?<=input x)\[[^\]\n]*\](?=\n)", text)
    if axes is None:
        return text
    before, after = text[: axes.start()], text[axes.end() :]
    if axes[0] == "[input]" and re.search(r"\binput\b", re.sub(r'"[^"]*"', "", after)):  # a size that it goes on with
        start = before.rindex("input x")
        return f"{before[:start]}let input = {wanted.strip('[]')}\n{before[start:]}{axes[0]}{after}"
    return f"{before}{wanted}{after}"
