"""What expressions behind a driver are: its results, parts of these, and what is made of them. Every value knows the
lines that it is made of; what is not read has no value (None), nor has what reads it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from rnnc.importing.formulas.directions import Key, Merge, left
from rnnc.importing.pieces.head import ARRAY, LIST, PER_ROW, End, Head


@dataclass(frozen=True)
class Outputs:
    """What the driver gives at every step, or a formula of both directions."""

    reads: frozenset[Key]
    steps_first: bool | None  # None: nothing tells
    form: str = ARRAY
    merge: Merge | None = None  # None: of one direction
    width: int | None = None  # how many features the text says that there are
    renamed: bool = True  # it has all numbers of the results, and no others
    text: str = "{}"  # what stands around the results: dropout of all steps


@dataclass(frozen=True)
class Final:
    """The final state, or a part of it, `.h` or `[1]`; of one of both directions. What is not `known` is not read."""

    reads: frozenset[Key]
    part: str = ""
    direction: int | None = None
    known: bool = True


@dataclass(frozen=True)
class Several:
    """Results in a tuple."""

    reads: frozenset[Key]
    items: tuple[Result, ...]


Result = Outputs | Final | Several | Head | None


def also(result: Result, reads: frozenset[Key]) -> Result:
    """The value, which more lines make."""
    return replace(result, reads=result.reads | reads) if result is not None else None


def is_renamed(result: Result) -> bool:
    """Whether a value is made of whole results, in the order in which a module gives them: other names, no more."""
    match result:
        case Outputs():
            return result.renamed
        case Final():
            return True
        case Several(items=items):
            return all(map(is_renamed, items))
        case _:
            return False


def end_of(result: Result) -> End | None:
    """The value as what a product may be made of."""
    match result:
        case Outputs(form=form, merge=merge, width=width, text=text) if form != LIST:
            return End(text, merge=merge, width=width)
        case Head(classes=None, end=end):
            return end
        case Head():
            return End("{}", product=result)
        case Final(part=part, direction=None, known=True):
            return End("{}", part)
        case Final(part=part, direction=int() as direction):
            return End("{}", merge=Merge(left(direction, part), frozenset([(direction, part)])))
        case _:
            return None


def form_of(result: Result) -> str:
    """The axes of the text's array, where it is one of those that products are made of."""
    return result.form if isinstance(result, Outputs | Head) else PER_ROW


def key_of(node: ast.AST, names: object) -> Key:
    return id(node), id(names)
