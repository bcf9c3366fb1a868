"""From objects to pieces: what is asked of an argument, and each object once (weights that are shared must be said)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnc.diagnostics import DiagnosticError, Note
from rnnc.importing.formulas import formulas, slices
from rnnc.importing.formulas.directions import Merge
from rnnc.importing.formulas.written import PAIRS, WIDER, named_in
from rnnc.importing.pieces import library
from rnnc.importing.pieces.further import FIRST_CELL, declared_input, further_inputs
from rnnc.importing.pieces.network import Flow, Meaning
from rnnc.importing.pieces.pieces import Piece, Recurrence, input_of
from rnnc.importing.pieces.scopes import declared_scopes, left_out, scope_of
from rnnc.importing.pieces.versions import tell_defaults
from rnnc.importing.python.values import Callee, Given, Made, Reference, Remarks, describe, problem
from rnnc.semantics.near import did_you_mean

MAX_SIZE = 2**31
TWO = (
    "import the layers alone, and write the network: `use f = GRU(2)`, and `f` where it runs; "
    "`b = embedding(y, 9, 6, weights = a)` has the weights of a; two objects would have their own"
)
NOTHING_KEPT = "nothing is kept, and the rest is divided by 0"


@dataclass(frozen=True)
class Constructor(Callee):
    """What texts call, and what a call of it means: a row of a library's table."""

    lower: Callable[[Call], Meaning]
    computes: Callable[[Call, str], str] | None = None  # what it makes of a text, where it is an activation
    runs: Callable[[Call], Recurrence] | None = None  # the cells that it runs, where it has states that others read
    has_weights: bool = True  # so that one object in two places is one set of them

    @property
    def is_activation(self) -> bool:
        return self.computes is not None


def constructor_of(made: Made) -> Constructor:
    """The row of what was called: whoever reads a text knows of nothing but rows."""
    assert isinstance(made.constructor, Constructor)
    return made.constructor


@dataclass
class Lowering:
    """The objects of one text."""

    activations: Mapping[str, Mapping[str, str]]  # by library: the library's names to the language's
    written: Mapping[str, str]  # texts of functions that the language does not have, by name
    remarks: Remarks = field(default_factory=Remarks)
    merge: Merge | None = None  # what becomes of the outputs of both directions of the whole
    reserved: Collection[str] = ()  # names of parameters
    functions: dict[str, str] = field(default_factory=dict[str, str])  # definitions that activations need
    seen: dict[int, Made] = field(default_factory=dict[int, Made])
    several: set[int] = field(default_factory=set[int])  # objects in several places, each of which is an instance
    scopes: dict[int, str] = field(default_factory=dict[int, str])  # names of objects that the library numbers
    is_chain: bool = False  # there are several layers of Keras, which have names of their own
    instances: dict[str, Piece] = field(default_factory=dict[str, Piece])  # of those, by the names that they have
    _names: dict[int, str] = field(default_factory=dict[int, str])

    def meaning(self, given: Given, *, inside: str | None = None, shared: bool = False) -> Meaning:
        """What an object means; `inside` names what it is an argument of, where only a cell may stand."""
        made = given.value
        if not isinstance(made, Made):
            fix = "pass a cell, such as LSTMCell(128)"
            raise problem("E605", f"a cell is wanted here, not {describe(made)}", given.span, fix=fix)
        if id(made) in self._names:
            name = self._names[id(made)]
            return replace(self.instances[name], instance=name)
        self._once(made, given, shared=shared)
        found = constructor_of(made).lower(Call(made, self, inside))
        scope = self.scopes.get(id(made)) or scope_of(made)
        declared = declared_scopes(found)
        for line in left_out(made, is_named=scope is not None and bool(declared)):
            self.remarks.add(line)
        tell_defaults(made, self.remarks)
        renames = isinstance(found, Piece) and scope is not None and declared - {scope}
        found = replace(found, scope=scope) if renames else found
        return self._as_instance(made, found) if id(made) in self.several and isinstance(found, Piece) else found

    def recurrence(self, given: Given) -> Recurrence:
        """What a recurrent layer runs, among others that it may take states from, or leave some to."""
        made = given.value
        assert isinstance(made, Made)
        runs = constructor_of(made).runs
        assert runs is not None
        self._once(made, given)
        if made.constructor.library != "keras":  # of Keras the layer inside tells it
            for line in left_out(made, is_named=False):
                self.remarks.add(line)
        return runs(Call(made, self, None))

    def _once(self, made: Made, given: Given, *, shared: bool = False) -> None:
        """E606: an object is in two places that has weights."""
        if id(made) in self.seen and not shared and constructor_of(made).has_weights:
            message = "one object in two places shares its weights between them, which is not said by this"
            notes = (Note("made here", made.span),)
            raise problem("E606", message, given.span, notes=notes, fix=TWO)
        self.seen[id(made)] = made

    def _as_instance(self, made: Made, found: Piece) -> Piece:
        """What stands for an object wherever it is: a name, under which the network has it once."""
        found = self.named(found)
        taken = {*self.instances, *self.reserved}
        name = next(name for name in ("one", *(f"one{k}" for k in range(2, 1000))) if name not in taken)
        self._names[id(made)] = name
        self.instances[name] = found
        return replace(found, instance=name)

    def cell(self, given: Given, inside: str, *, further: bool = False) -> Piece:
        """An object that steps like a cell; one with `further` inputs where these are handed on. E606: it is none."""
        found = self.meaning(given, inside=inside)
        if isinstance(found, Flow) or found.is_network:
            raise problem("E606", f"{describe(given.value)} is no cell, and stands inside {inside}", given.span)
        if further_inputs(found) and not further:
            message = f"{describe(given.value)} has several inputs, which {inside} does not hand on"
            fix = "import the cells one at a time, and write the network: `a = PhasedLSTM(4)(time, x)`, `b = GRU(3)(a)`"
            raise problem("E606", message, given.span, fix=fix)
        return self.named(found)

    def named(self, found: Piece) -> Piece:
        """A cell for a place inside another: with other names of variables it is a definition of its own."""
        entry = library.find(found.definition)
        wanted = input_of(found)
        other = wanted if wanted != entry.takes and re.search(r", |: int", wanted or "") else None
        if found.wide is not None and found.definition == "ResidualBy":
            other = f"{found.wider}_more" if found.wider else wanted
        front = "_".join(further_inputs(found)) if found.definition in FIRST_CELL else ""
        deep = "deep" if found.definition == "Attention" and "Attention" in found.needs else ""
        parts = [part for part in (found.layout, found.scope, other, front, deep) if part]
        if not parts:
            return found
        alias = re.sub(r"[^A-Za-z0-9]+", "_", "_".join([found.definition, *parts])).rstrip("_")
        scopes = {found.layout or "tf": found.scope} if found.scope is not None else {}
        bound = {"cells": found.arguments["cells"]} if front and "cells" in found.arguments else None
        # the library's cells have one input
        texts = library.renamed(found.definition, alias, bound, scopes, found.layout)
        text = texts[alias]
        texts[alias] = declared_input(text, found) if other is not None or front or deep else text
        self.functions |= texts
        return replace(found, scope=None, layout=None, alias=alias)


@dataclass(frozen=True)
class Call:
    """One call and what is asked of its arguments; every method raises E605 at an argument of the wrong kind."""

    made: Made
    lowering: Lowering
    inside: str | None

    @property
    def name(self) -> str:
        return self.made.constructor.name

    def has(self, parameter: str) -> bool:
        """Whether the argument was passed, and is not None."""
        return parameter in self.made.arguments and self.made.arguments[parameter].value is not None

    def given(self, parameter: str) -> Given:
        """The argument, or the default of its parameter."""
        found = self.made.arguments.get(parameter)
        if found is not None:
            return found
        default = self.made.constructor.parameters[parameter].default
        assert default is None or isinstance(default, bool | int | float | str), parameter
        return Given(default, self.made.span)

    def wrong(self, parameter: str, wanted: str, fix: str | None = None) -> DiagnosticError:
        found = self.given(parameter)
        if fix is None and isinstance(found.value, Reference) and "." not in found.value.path:
            fix = f"nothing gives `{found.value.path}` a value: put a line `{found.value.path} = …` before the call"
        return problem(
            "E605", f"`{parameter}` of {self.name} is {wanted}, not {describe(found.value)}", found.span, fix=fix
        )

    def cannot(self, parameter: str, why: str, fix: str | None = None) -> DiagnosticError:
        """E606 at an argument."""
        return problem("E606", f"`{parameter}` of {self.name}: {why}", self.given(parameter).span, fix=fix)

    # --- values ---

    def size(self, parameter: str) -> int:
        value = self.given(parameter).value
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < MAX_SIZE:
            raise self.wrong(parameter, "a whole number from 1 on")
        return value

    def whole(self, parameter: str) -> int:
        value = self.given(parameter).value
        if isinstance(value, bool) or not isinstance(value, int) or not abs(value) < MAX_SIZE:
            raise self.wrong(parameter, "a whole number")
        return value

    def number(self, parameter: str) -> int | float:
        value = self.given(parameter).value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.wrong(parameter, "a number")
        return value

    def fraction(self, parameter: str) -> float:
        value = self.number(parameter)
        if not 0 <= value <= 1:
            raise self.wrong(parameter, "a number from 0 to 1")
        return value

    def rate(self, parameter: str) -> float:
        """The share that dropout takes away; E606 where it is everything."""
        found = self.fraction(parameter)
        if found == 1:
            raise self.cannot(parameter, NOTHING_KEPT)
        return found

    def flag(self, parameter: str) -> bool:
        value = self.given(parameter).value
        if value is not None and not isinstance(value, bool):
            raise self.wrong(parameter, "True or False")
        return bool(value)

    def word(self, parameter: str, words: Iterable[str | None]) -> str | None:
        value, known = self.given(parameter).value, tuple(words)
        if (value is not None and not isinstance(value, str)) or value not in known:
            fix = did_you_mean(value, [word for word in known if word]) if isinstance(value, str) else None
            raise self.wrong(parameter, " or ".join(map(repr, known)), fix)
        return value

    def items(self, parameter: str) -> list[Given]:
        value = self.given(parameter).value
        if not isinstance(value, list) or not value:
            raise self.wrong(parameter, "a list with something in it")
        return value

    def numbers(self, parameter: str, least: int) -> list[int]:
        found: list[int] = []
        for item in self.items(parameter):
            if isinstance(item.value, bool) or not isinstance(item.value, int) or not least <= item.value < MAX_SIZE:
                message = (
                    f"`{parameter}` of {self.name} holds whole numbers from {least} on, not {describe(item.value)}"
                )
                raise problem("E605", message, item.span)
            found.append(item.value)
        return found

    def function(self, parameter: str) -> str | None:
        """The language's name of an activation; None where None is passed. One that the language does not have by name
        is written out as a function."""
        given, known = self.given(parameter), self.lowering.activations[self.made.constructor.library]
        match given.value:
            case None:
                return None
            case str() as name:
                pass
            case Reference() as reference if formulas.is_approximate(reference):
                return "gelu_tanh"
            case Reference(last=name) if name in known or name not in formulas.WRITTEN:
                pass
            case Made() as made if (computes := constructor_of(made).computes) is not None:
                return self.written(parameter, ("v",), computes(Call(made, self.lowering, None), "v"))
            case _:
                return self.written(parameter, ("v",), self.formula(parameter, ("v",)))
        is_step = self.made.constructor.is_activation or self.name == "Dense"  # of what has a size by itself
        if name in formulas.REFUSED and not (is_step and name in WIDER):
            raise self.cannot(parameter, f"`{name}`: {formulas.REFUSED[name]}")
        if known.get(name) in PAIRS and not is_step:
            raise self.cannot(parameter, f"`{name}` compares all features, whose number no equation of the cell tells")
        if name not in known:
            fix = did_you_mean(name, known) or f"known are {', '.join(known)}"
            raise problem("E603", f"there is no activation `{name}` here", given.span, fix=fix)
        if known[name] in self.lowering.written:
            self.lowering.functions[known[name]] = self.lowering.written[known[name]]
        return known[name]

    def formula(self, parameter: str, names: Sequence[str]) -> str:
        """What a function of Python computes, as an expression over the `names` of its parameters."""
        given, known = self.given(parameter), self.lowering.activations[self.made.constructor.library]
        translation = formulas.Formulas(lambda _: None, lambda _: given, known)
        try:
            return translation.applied(given.value, [formulas.Text(name) for name in names]).text
        except formulas.NotRead as error:
            message = f"`{parameter}` of {self.name} is {describe(given.value)} that is not read: {error}"
            fix = f"leave it out, and write it as an `fn {parameter}({', '.join(names)})` in the description"
            raise problem("E606", message, given.span, fix=fix) from None

    def written(self, parameter: str, names: Sequence[str], text: str) -> str:
        """The name of a function that computes an expression, which is written out unless the language has it."""
        self.lowering.functions |= named_in(text)
        if text == ", ".join(names):
            return "identity"
        if (direct := re.fullmatch(rf"(\w+)\({', '.join(names)}\)", text)) is not None:
            return direct[1]
        functions = self.lowering.functions
        header = ", ".join(slices.parameter(name, text) for name in names)
        body = f"({header}) {{\n  return {text}\n}}\n"
        own = (f"{parameter}{k}" for k in range(1, 1000))
        name = next(name for name in own if functions.get(name) in (None, f"fn {name}{body}"))
        functions[name] = f"fn {name}{body}"
        return name

    def cell(self, parameter: str, *, further: bool = False) -> Piece:
        return self.lowering.cell(self.given(parameter), self.name, further=further)

    def cells(self, parameter: str) -> list[Piece]:
        """Cells one behind the other; the first of them may have further inputs."""
        items = self.items(parameter)
        return [self.lowering.cell(item, self.name, further=item is items[0]) for item in items]
