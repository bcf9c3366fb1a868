"""What of the lines behind a driver becomes part of the description, and which lines are left out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rnnc.importing.behind.calling import Plain
from rnnc.importing.behind.driver import Driver
from rnnc.importing.behind.dropout import Parameter
from rnnc.importing.behind.products import DENSE
from rnnc.importing.behind.reading import Reading
from rnnc.importing.behind.values import Final, Outputs, Result, Several, also, end_of, is_renamed, key_of
from rnnc.importing.formulas.directions import BACKWARD, FORWARD, Key, Merge
from rnnc.importing.formulas.formulas import Text
from rnnc.importing.pieces.head import Head
from rnnc.importing.python.values import Names
from rnnc.importing.texts.line import Line

ONE_WAY = (FORWARD, BACKWARD)


@dataclass(frozen=True)
class Found:
    """`heads` are values that the description may end with, the one that is wanted most first; `merge` is what becomes
    of both directions, and `merged` the lines that make it; `renamed` are those that compute nothing."""

    heads: tuple[Head, ...] = ()
    merge: Merge | None = None
    merged: frozenset[Key] = frozenset()
    renamed: frozenset[Key] = frozenset()
    parameters: tuple[Parameter, ...] = ()


def find(
    driver: Driver,
    before: Sequence[Line],
    behind: Sequence[Line],
    target: ast.expr | None,
    activations: Mapping[str, str],
) -> Found:
    """Read the lines `behind` a driver, whose results `target` names."""
    plain = driver.plain
    lines = [*before, *behind]
    reading = Reading(driver, plain, activations, _Numbers(lines, plain).of, _fields(lines))
    values: list[tuple[Line, Result]] = []
    for line in behind:
        found = reading.value(line.value, line.names) if line.is_read else None
        values.append((line, also(found, frozenset([key_of(line.value, line.names)]))))
    merge, merged = _merge(values, reading.touched, target, driver.results())  # before `_Readers` touches more
    heads = _heads(_ends(values, driver.scope), _Readers(values, reading))
    if heads and heads[0].merge is not None:
        merge, merged = heads[0].merge, heads[0].reads
    merge = None if merge is None or merge.is_plain else merge
    return Found(tuple(heads), merge, merged, _renamed(values), reading.dropouts.parameters)


def _fields(lines: Sequence[Line]) -> dict[str, Line]:
    """`self.keep_prob = …`: the lines that set fields, each of which is set once."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        for target in line.statement.targets if isinstance(line.statement, ast.Assign) else []:
            if isinstance(target, ast.Attribute):
                found.setdefault(ast.unparse(target), []).append(line)
    return {field: several[0] for field, several in found.items() if len(several) == 1}


def _ends(values: Sequence[tuple[Line, Result]], scope: str) -> list[Head]:
    """What a description may end with: any head, all steps where dropout has changed them, the final state."""
    found: list[Head] = []
    for _, value in values:
        if isinstance(value, Outputs) and value.text != "{}" and (end := end_of(value)) is not None:
            found.append(Head(end, scope, value.reads))
        elif isinstance(value, Head):
            found.append(value)
    line, state = _last_state(values) or (None, None)
    if line is not None and not _takes_apart(line) and state is not None and (end := end_of(state)) is not None:
        found.append(Head(end, scope, state.reads))
    return found


def _renamed(values: Sequence[tuple[Line, Result]]) -> frozenset[Key]:
    """Lines that compute nothing; without those that give the final state, or a part of it: where the description does
    not end with these, they are told."""
    last, _ = _last_state(values) or (None, None)
    found: set[Key] = set()
    for line, value in values:
        is_state = line is last or (isinstance(value, Final) and (value.part != "" or _takes_apart(line)))
        if not is_state and _renames(line, value):
            found.add(key_of(line.value, line.names))
    return frozenset(found)


def _renames(line: Line, found: Result) -> bool:
    """Whether a line computes nothing."""
    return is_renamed(found) or (found is not None and isinstance(line.value, ast.Name))


def _last_state(values: Sequence[tuple[Line, Result]]) -> tuple[Line, Final] | None:
    """The last line, where it gives the final state a name, or a part of it. A module gives the state beside the
    outputs: a line that keeps all of it is none, where another one names these, or where it is a field."""
    read = [(line, found) for line, found in values if found is not None]
    line, found = read[-1] if read else (None, None)
    if line is None or line.is_more or not isinstance(found, Final):
        return None
    targets = line.statement.targets if isinstance(line.statement, ast.Assign) else []
    is_beside = any(isinstance(each, ast.Attribute) for each in targets)
    is_beside = is_beside or any(isinstance(each, Outputs) for _, each in read)
    return None if not found.part and is_beside else (line, found)


def _takes_apart(line: Line) -> bool:
    """`c, h = state`."""
    targets = line.statement.targets if isinstance(line.statement, ast.Assign) else []
    return any(isinstance(each, ast.Tuple | ast.List) for each in targets)


class _Readers:
    """Who reads products."""

    def __init__(self, values: Sequence[tuple[Line, Result]], reading: Reading) -> None:
        self._values, self._reading = values, reading

    def has_others(self, product: Head, each: Head) -> bool:
        """Whether a line reads a product that is no part of what another one is made of."""
        lines = [line for line, _ in self._values if line.is_read and key_of(line.value, line.names) not in each.reads]
        return any(self._reads(line, product) for line in lines)

    def _reads(self, line: Line, product: Head) -> bool:
        kinds = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
        inner = (node for node in ast.walk(line.value) if isinstance(node, kinds))
        found = (self._reading.value(node, line.names) for node in inner)
        return any(isinstance(one, Head) and one.at == product.at and one.activation == "identity" for one in found)


def _heads(found: Sequence[Head], readers: _Readers) -> list[Head]:
    """The last of the products of each other, beginning with the first one; then ends that nothing is multiplied with,
    the last one first."""
    product: Head | None = None
    for each in found:
        if each.classes is None and each.end.product is None:
            continue
        is_more = product is not None and (product.at in each.chain[1:] or _has_now(product, each, readers))
        if product is None or is_more:
            product = each
    is_end = [each.end.text != "{}" or each.merge is not None or each.end.state is not None for each in found]
    ends = [each for each, is_one in zip(reversed(found), reversed(is_end), strict=True) if is_one and not each.classes]
    return [*([product] if product is not None else []), *ends]


def _has_now(product: Head, each: Head, readers: _Readers) -> bool:
    """Whether one product is another with its bias, with its steps in an axis of their own, or with a function that all
    read who read it."""
    if product.at != each.at or product.activation not in ("identity", each.activation):
        return False
    if each.activation != product.activation:
        return not readers.has_others(product, each)
    return (each.has_bias and not product.has_bias) or each.form != product.form


def _merge(
    values: Sequence[tuple[Line, Result]], touched: set[Text], target: ast.expr | None, results: Result
) -> tuple[Merge | None, frozenset[Key]]:
    """The last formula of both directions; without one the only direction that is read, or has a name."""
    for _, found in reversed(values):
        if isinstance(found, Outputs) and found.merge is not None and found.merge.formula not in ONE_WAY:
            return found.merge, found.reads
    if not isinstance(results, Several) or not isinstance(results.items[0], Several):
        return None, frozenset()
    named = {direction for line, found in values for direction in _picked(line, found)}
    if isinstance(target, ast.Tuple | ast.List) and target.elts:
        named |= set(_named(target.elts[0]))
    read = touched.intersection(ONE_WAY) or named
    return (Merge(next(iter(read))) if len(read) == 1 else None), frozenset()


def _picked(line: Line, found: Result) -> Iterable[Text]:
    """`_, fw = outputs`."""
    if isinstance(found, Several) and isinstance(line.statement, ast.Assign):
        formulas = [each.merge.formula if isinstance(each, Outputs) and each.merge else None for each in found.items]
        if formulas == list(ONE_WAY):
            return _named(line.statement.targets[0])
    return ()


def _named(target: ast.expr) -> list[Text]:
    """`(out_fw, _), states = …`: what is called `_` is not wanted."""
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    pairs = zip(parts, ONE_WAY, strict=True) if len(parts) == len(ONE_WAY) else ()
    return [way for part, way in pairs if isinstance(part, ast.Name) and part.id != "_"]


class _Numbers:
    """What the library calls layers without a name: those of one kind are counted, in the order of their making."""

    def __init__(self, lines: Sequence[Line], plain: Plain) -> None:
        self._plain = plain
        self._made: dict[str, list[Key]] = {}
        self._unknown: set[str] = set()  # kinds of which others may be made that are not counted
        for line in lines:
            self._count(line)

    def _count(self, line: Line) -> None:
        root: ast.AST = line.value if line.is_read else line.statement
        for node in _calls(root):
            kind = self._plain.called(node, line.names) if line.is_read else _last(node)
            if kind == "Dense":  # the class, whose objects are counted with them
                self._unknown.add("dense")
            if kind is None or kind not in DENSE:
                if line.is_read and self._plain.inside(node, line.names) is not None:
                    self._unknown.update(DENSE.values())
                continue
            named = [keyword.value for keyword in node.keywords if keyword.arg in ("name", "scope")]
            if any(not isinstance(name, ast.Constant) or name.value is not None for name in named):
                continue
            if not line.is_read:
                self._unknown.add(DENSE[kind])
            self._made.setdefault(DENSE[kind], []).append(key_of(node, line.names))

    def of(self, kind: str, node: ast.Call, names: Names) -> str | None:
        several, key = self._made.get(kind, []), key_of(node, names)
        if self._plain.scope(names) != "" or kind in self._unknown or key not in several:
            return None
        place = several.index(key)
        return f"{kind}_{place}" if place else kind


def _calls(root: ast.AST) -> Iterable[ast.Call]:
    """Calls, those inside of others first."""
    for child in ast.iter_child_nodes(root):
        yield from _calls(child)
    if isinstance(root, ast.Call):
        yield root


def _last(node: ast.Call) -> str | None:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
