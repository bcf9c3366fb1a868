"""The call of a driver: what it gives, and what it is given."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from rnnc.importing.behind.calling import Plain
from rnnc.importing.behind.values import Final, Outputs, Result, Several
from rnnc.importing.formulas.directions import BACKWARD, FORWARD, Key, Merge
from rnnc.importing.pieces.head import LIST
from rnnc.importing.python.values import Broken, Names, Thunk

BOTH_DIRECTIONS = "bidirectional_dynamic_rnn"  # gives the outputs of both apart
ONE = ("dynamic_rnn", "static_rnn", "static_state_saving_rnn")  # whose variables stand in a scope of their own
STEPS_FIRST = ("static", "stack_bidirectional_rnn")  # what the names begin with of those that have a list of steps
_DATA = "placeholder Variable constant zeros ones random_normal random_uniform get_next convert_to_tensor"
DATA = frozenset(_DATA.split())  # what makes arrays of no others


@dataclass(frozen=True)
class Driver:
    """One call, as a text has it."""

    node: ast.Call
    names: Names  # that it reads
    name: str
    arguments: dict[str, ast.expr]
    plain: Plain

    @staticmethod
    def of(node: ast.Call, names: Names, name: str, parameters: tuple[str, ...], plain: Plain) -> Driver:
        given = dict(zip(parameters, node.args, strict=False))
        return Driver(node, names, name, given | {k.arg: k.value for k in node.keywords if k.arg}, plain)

    @property
    def is_list(self) -> bool:
        return self.name.startswith(STEPS_FIRST)

    @property
    def steps_first(self) -> bool | None:
        """Whether arrays of the text have the steps in front of the rows; None where nobody knows."""
        return True if self.is_list else self.plain.flag(self.arguments.get("time_major"), self.names)

    @property
    def has_lengths(self) -> bool:
        return self._gives("sequence_length")

    @property
    def scope(self) -> str:
        """What it puts in front of the names of variables."""
        around = self.plain.scope(self.names) or ""
        own = self.arguments.get("scope")
        found = self.plain.value(own, self.names) if own is not None else None
        return f"{around}{found if isinstance(found, str) and found else 'rnn'}" if self.name in ONE else ""

    def results(self) -> Result:
        """What it gives."""
        none = frozenset[Key]()
        first = self.steps_first
        if self.name == BOTH_DIRECTIONS:
            sides = tuple(Outputs(none, first, merge=Merge(each)) for each in (FORWARD, BACKWARD))
            return Several(none, (Several(none, sides), Several(none, (Final(none, "", 0), Final(none, "", 1)))))
        outputs = Outputs(none, first, LIST) if self.is_list else Outputs(none, first)
        if self.name in ONE:
            return Several(none, (outputs, Final(none)))
        return Several(none, (outputs, Final(none, known=False), Final(none, known=False)))

    def remarks(self) -> tuple[str, ...]:
        """What it is given that is made of something: it is no part of the description."""
        found: list[str] = []
        if (data := self.arguments.get("inputs")) is not None and (made := self._made(data)) is not None:
            found.append(f"the input is what {self.name} is given, {made}; what makes that is left out")
        for parameter in ("initial_state", "initial_state_fw", "initial_state_bw"):
            begin = self.arguments.get(parameter)
            if begin is not None and (made := self._made(begin)) is not None:
                found.append(f"`{parameter}` of {self.name}, {made}, is given to the module as `state`")
        ways = [name for name in ("initial_state_fw", "initial_state_bw") if self._gives(name)]
        if len(ways) == 1:
            other = {"initial_state_fw": "initial_state_bw"}.get(ways[0], "initial_state_fw")
            found.append(f"`{other}` of {self.name} is not given: give a module zeros for it, where it takes `state`")
        if not self.plain.is_understood(self.names):
            found.append(f"what the block around {self.name} changes of it is left out")
        return tuple(found)

    def _gives(self, parameter: str) -> bool:
        given = self.arguments.get(parameter)
        return given is not None and self.plain.value(given, self.names) is not None

    def _made(self, node: ast.expr) -> str | None:
        """The text of what data are made by; None where they are only named, or turned as the driver wants them."""
        names, shown = self.names, ast.unparse(node)
        for _ in range(100):
            entry = names.get(node.id) if isinstance(node, ast.Name) else None
            if isinstance(entry, Thunk):
                node, names = entry.node, entry.names
                shown = f"{ast.unparse(self._first(entry))}"
                continue
            if isinstance(entry, Broken):
                return f"`{_short(ast.unparse(node))}`, which is not read"
            turned = self._turned(node, names)
            if turned is None:
                break
            node = turned
        return f"`{_short(shown)}`" if self._computes(node, names) else None

    def _first(self, entry: Thunk) -> ast.expr:
        """A value as the text has it: one of several is a part of what stands there."""
        node, names = entry.node, entry.names
        while isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            held = names.get(node.value.id)
            if not isinstance(held, Thunk):
                break
            node, names = held.node, held.names
        return node

    def _turned(self, node: ast.expr, names: Names) -> ast.expr | None:
        """What is taken apart into steps, or has steps and rows the other way round, as the driver wants it."""
        if not isinstance(node, ast.Call) or not node.args:
            return None
        kind, text = self.plain.called(node, names), ast.unparse(node).replace(" ", "")
        is_turn = kind == "transpose" and text.endswith(("[1,0,2])", "(1,0,2))"))
        is_apart = self.is_list and kind == "unstack" and text.endswith((",1)", "axis=1)"))
        return node.args[0] if is_turn or is_apart else None

    def _computes(self, node: ast.expr, names: Names) -> bool:
        match node:
            case ast.Name() | ast.Constant() | ast.Attribute():
                return False
            case ast.Call():
                name = self.plain.called(node, names) or ast.unparse(node.func).rpartition(".")[2]
                is_method = isinstance(node.func, ast.Attribute) and not node.args and not node.keywords
                return not (is_method or name in DATA or name.endswith("zero_state"))
            case ast.Subscript(value=ast.Name(), ctx=ast.Store()):
                return self._computes(self._first(Thunk(node, names, names)), names)
            case ast.Subscript(value=base, slice=ast.Constant(value=str())):  # `features['x']`
                return self._computes(base, names)
            case _:
                return True


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}…"
