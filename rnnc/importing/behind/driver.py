"""The call of a driver: what it gives, and what it is given."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from rnnc.importing.behind.calling import Plain, followed, is_own
from rnnc.importing.behind.values import Final, Outputs, Result, Several
from rnnc.importing.formulas.directions import BACKWARD, FORWARD, Key, Merge
from rnnc.importing.pieces.head import LIST
from rnnc.importing.python.values import Broken, Names, Reference, Thunk
from rnnc.importing.texts.applying import STATES_OF_CELLS

BOTH_DIRECTIONS = "bidirectional_dynamic_rnn"  # gives the outputs of both apart
ONE = ("dynamic_rnn", "static_rnn", "static_state_saving_rnn")  # whose variables stand in a scope of their own
STEPS_FIRST = ("static", "stack_bidirectional_rnn")  # what the names begin with of those that have a list of steps
_DATA = "placeholder Variable constant zeros ones random_normal random_uniform get_next convert_to_tensor"
DATA = frozenset(_DATA.split())  # what makes arrays of no others
_SIDES = "initial_state_fw initial_state_bw initial_states_fw initial_states_bw"
BEGINS = ("initial_state", *_SIDES.split(), "state_saver")  # parameters for states that drivers begin with
ZEROS = ("zeros", "zeros_like")
FILLED = {"constant": 0, "fill": 1, "full": 1}  # functions of one value, and its place
TUPLES = ("LSTMStateTuple", "tuple", "list")
MOST_DEEP = 50


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
    def path(self) -> list[str]:
        """The words of what is called."""
        found = self.plain.value(self.node.func, self.names)
        return found.path.split(".") if isinstance(found, Reference) else []

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
        for parameter in BEGINS:
            begin = self.arguments.get(parameter)
            if begin is not None and not self._is_zero(begin, self.names):
                made = self._made(begin) or f"`{_short(ast.unparse(followed(begin, self.names)))}`"
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

    def _is_zero(self, node: ast.expr, names: Names, depth: int = 0) -> bool:
        """Whether a state is what layers begin with anyway: nothing, zeros, or several of these."""
        if depth > MOST_DEEP:
            return False

        def is_zero(each: ast.expr, own: Names = names) -> bool:
            return self._is_zero(each, own, depth + 1)

        match node:
            case ast.Name(id=name):
                entry = names.get(name)
                return is_zero(entry.node, entry.names) if isinstance(entry, Thunk) else self._is_number(node, names)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return all(map(is_zero, elements))
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                return is_zero(element)
            case ast.BinOp(left=ast.List() | ast.Tuple() as several, op=ast.Mult()):
                return is_zero(several)
            case ast.Subscript(value=base, ctx=ast.Store()):  # a name between commas
                return is_zero(base)
            case ast.Call():
                return self._gives_zeros(node, names, is_zero)
            case _:
                return self._is_number(node, names)

    def _gives_zeros(self, node: ast.Call, names: Names, is_zero: Callable[..., bool]) -> bool:
        """Whether a call gives zeros: `cell.zero_state(…)`, `tf.zeros(…)`, a tuple of these."""
        last = ast.unparse(node.func).rpartition(".")[2]
        if (inside := self.plain.inside(node, names)) is not None:
            return is_zero(*inside)
        if is_own(node, names):
            return False
        if isinstance(node.func, ast.Attribute) and last in STATES_OF_CELLS:
            return True
        kind, values = self.plain.called(node, names), [*node.args, *(keyword.value for keyword in node.keywords)]
        if kind in ZEROS:
            return True
        if kind in FILLED and values:
            named = {keyword.arg: keyword.value for keyword in node.keywords}
            place = FILLED[kind]
            value = node.args[place] if len(node.args) > place else named.get("value")
            return value is not None and is_zero(value)
        return last in TUPLES and bool(values) and all(map(is_zero, values))

    def _is_number(self, node: ast.expr, names: Names) -> bool:
        """Whether it is None, or the number 0."""
        found = self.plain.value(node, names)
        return found is None or (isinstance(found, int | float) and found == 0)

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
