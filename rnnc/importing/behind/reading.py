"""Values of expressions behind a driver. Names are followed to what they stand for where they are read, so one that
holds something else by then is something else; what is not understood has no value, nor has what is made of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace

from rnnc.diagnostics import DiagnosticError
from rnnc.importing.behind.calling import Plain, arguments, followed
from rnnc.importing.behind.driver import BOTH_DIRECTIONS, Driver
from rnnc.importing.behind.dropout import Dropouts, dropped
from rnnc.importing.behind.products import Number, Products
from rnnc.importing.behind.values import (
    Final,
    Outputs,
    Result,
    Several,
    also,
    key_of,
)  # fmt: skip
from rnnc.importing.formulas.directions import Key, Merge, Part, axes, left
from rnnc.importing.formulas.formulas import Formulas, NotRead, Operand, Text
from rnnc.importing.pieces.head import ARRAY, FLAT, LIST, PER_ROW, End, Head
from rnnc.importing.python.values import Names, Thunk
from rnnc.importing.texts.line import Line

OVER_TIME = {"reduce_mean": "mean", "reduce_sum": "sum", "reduce_max": "max"}
_FOLD = "input_tensor axis"
AXES = 3
SAME = ("identity", "convert_to_tensor")
TURN = [1, 0, 2]


class Reading:
    """Reads what a text makes of the results of one driver; `fields` are lines that set fields, by these."""

    def __init__(
        self,
        driver: Driver,
        plain: Plain,
        activations: Mapping[str, str],
        number: Number,
        fields: Mapping[str, Line],
    ) -> None:
        self._driver, self._plain, self._activations = driver, plain, activations
        self._products = Products(plain, self.value, number, activations, driver.scope)
        self.dropouts = Dropouts(plain, fields, is_new="v1" in driver.path)
        self._memo: dict[Key, tuple[ast.expr, Names, Result]] = {}  # with what must live on, for its identity
        self.touched: set[Text] = set()  # directions that expressions read by themselves

    def value(self, node: ast.expr, names: Names) -> Result:
        key = key_of(node, names)
        if key not in self._memo:
            self._memo[key] = node, names, None  # what is made of itself is not read
            try:
                self._memo[key] = node, names, self._value(node, names)
            except RecursionError:
                return None
        return self._memo[key][2]

    def _value(self, node: ast.expr, names: Names) -> Result:
        if node is self._driver.node:
            return self._driver.results()
        found = self._plainly(node, names)
        if isinstance(found, Outputs) and found.merge is not None and found.form == ARRAY:
            self.touched.add(found.merge.formula)
        if found is None:
            found = self._products.read(node, names)
        if found is None and self._driver.name == BOTH_DIRECTIONS:
            found = self._formula(node, names)
        return found

    def _plainly(self, node: ast.expr, names: Names) -> Result:
        match node:
            case ast.Name(id=name):
                entry = names.get(name)
                if not isinstance(entry, Thunk):
                    return None
                return also(self.value(entry.node, entry.names), frozenset([key_of(entry.node, entry.names)]))
            case ast.Attribute(value=base, attr=attribute):
                held = self.value(base, names)
                return replace(held, part=f"{held.part}.{attribute}") if isinstance(held, Final) else None
            case ast.Subscript(value=base, slice=place):
                return self._indexed(self.value(base, names), place, names)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                items = tuple(self.value(each, names) for each in elements)
                reads = frozenset[Key]().union(*(each.reads for each in items if each is not None))
                return Several(reads, items) if any(each is not None for each in items) else None
            case ast.IfExp():
                chosen = self._plain.chosen(node, names)
                return self.value(chosen, names) if chosen is not None else None
            case ast.Call():
                if (inside := self._plain.inside(node, names)) is not None:
                    return self.value(*inside)
                return self._call(node, names)
            case _:
                return None

    # --- parts ---

    def _indexed(self, held: Result, place: ast.expr, names: Names) -> Result:
        whole = self._plain.whole(place, names) if not isinstance(place, ast.Slice | ast.Tuple) else None
        match held:
            case Several(items=items) if whole is not None and -len(items) <= whole < len(items):
                return also(items[whole], held.reads)
            case Final() if whole is not None:
                return replace(held, part=f"{held.part}[{whole}]")
            case Outputs(form=form, steps_first=first) if form in (LIST, ARRAY):
                parts = place.elts if isinstance(place, ast.Tuple) else [place]
                if form == LIST and len(parts) > 1:
                    return None
                at = 0 if first else 1
                step = self._plain.whole(parts[at], names) if first is not None and at < len(parts) <= AXES else None
                rest = [part for k, part in enumerate(parts) if k != at]
                is_last = step == -1 and all(ast.unparse(part) == ":" for part in rest)
                return self._ended(held, "at({}, -1)") if is_last else None
            case _:
                return None

    def _ended(self, held: Outputs, text: str) -> Head:
        return Head(End(text.format(held.text), merge=held.merge), self._driver.scope, held.reads)

    # --- functions of outputs ---

    def _call(self, node: ast.Call, names: Names) -> Result:
        kind = self._plain.called(node, names)
        if kind in SAME and len(node.args) == 1 and not node.keywords:
            return self.value(node.args[0], names)
        if kind == "dropout":
            found = self.dropouts.data(node, names)
            return dropped(self.value(found[0], names), found[1], self._driver.scope) if found is not None else None
        if kind is None or kind not in ("transpose", "stack", "unstack", "gather", "reshape", *OVER_TIME):
            return None
        data = node.args[0] if node.args else node.keywords[0].value if node.keywords else None
        held = self.value(data, names) if data is not None else None
        if isinstance(held, Head) and kind == "reshape":
            return self._apart(held, node, names)
        if not isinstance(held, Outputs) or held.form not in (LIST, ARRAY) or held.steps_first is None:
            return None
        match kind:
            case "transpose":
                given = arguments(node, "a perm") or {}
                turns = self._plain.wholes(given.get("perm"), names) == TURN
                return replace(held, steps_first=not held.steps_first, form=ARRAY) if turns else None
            case "stack" | "unstack":
                return self._stacked(held, node, kind, names)
            case "gather":
                return self._gathered(held, node, names)
            case "reshape":
                return self._flat(held, node, names)
            case _:
                given = arguments(node, _FOLD, "name reduction_indices") or {}
                axis = self._plain.whole(given.get("axis", given.get("reduction_indices")), names)
                wanted = (0, -AXES) if held.steps_first else (1, 1 - AXES)
                folds = "input_tensor" in given and axis in wanted and not self._driver.has_lengths
                return self._ended(held, f"{OVER_TIME[kind]}({{}}, time)") if folds else None

    def _stacked(self, held: Outputs, node: ast.Call, kind: str, names: Names) -> Result:
        """A list of steps as an array, or the other way round."""
        given = arguments(node, "values axis" if kind == "stack" else "value num axis")
        if given is None:
            return None
        axis = self._plain.whole(given["axis"], names) if "axis" in given else 0
        if kind == "stack":
            is_read = held.form == LIST and axis in (0, 1, -AXES, 1 - AXES)
            return replace(held, form=ARRAY, steps_first=axis in (0, -AXES)) if is_read else None
        wanted = (0, -AXES) if held.steps_first else (1, 1 - AXES)
        return replace(held, form=LIST, steps_first=True) if axis in wanted and held.form == ARRAY else None

    def _gathered(self, held: Outputs, node: ast.Call, names: Names) -> Result:
        """`tf.gather(y, int(y.get_shape()[0]) - 1)`: the last step."""
        given = arguments(node, "params indices") or {}
        texts = [ast.unparse(given[name]).replace(" ", "") for name in ("params", "indices") if name in given]
        if len(texts) < 2 or not held.steps_first:
            return None
        y = re.escape(texts[0])
        last = rf"(int\()?({y}\.(get_shape\(\)|shape)|tf\.shape\({y}\))\[0\]\)?-1"
        return self._ended(held, "at({}, -1)") if re.fullmatch(last, texts[1]) else None

    def _flat(self, held: Outputs, node: ast.Call, names: Names) -> Result:
        """`tf.reshape(y, [-1, 5])`, where every step has 5 features: products of all steps at once."""
        given = arguments(node, "tensor shape") or {}
        shape = given.get("shape")
        sizes = shape.elts if isinstance(shape, ast.List | ast.Tuple) else []
        if len(sizes) != 2 or self._plain.whole(sizes[0], names) != -1:
            return None
        width = self._plain.whole(sizes[1], names)
        text, data = ast.unparse(sizes[1]).replace(" ", ""), re.escape(ast.unparse(given["tensor"]))
        cell = self._driver.arguments.get("cell")
        own = rf"(int\()?({data}\.(get_shape\(\)|shape)\[(2|-1)\](\.value)?)\)?"
        is_own = re.fullmatch(own, text) or (cell is not None and text == f"{ast.unparse(cell)}.output_size")
        if width is None and not is_own:
            return None
        return replace(held, form=FLAT, width=width, renamed=False)

    def _apart(self, held: Head, node: ast.Call, names: Names) -> Result:
        """`tf.reshape(logits, [rows, steps, 5])` of products of all steps at once."""
        given = arguments(node, "tensor shape") or {}
        shape = followed(given["shape"], names) if "shape" in given else None
        sizes = shape.elts if isinstance(shape, ast.List | ast.Tuple) else []
        if held.form != FLAT or len(sizes) != AXES or self._plain.whole(sizes[-1], names) != held.classes:
            return None
        shown = " ".join(ast.unparse(node).split())
        what = f"`{shown}` is read as giving rows and steps the axes that they had"
        return replace(held, form=ARRAY, remarks=(*held.remarks, what))

    # --- both directions ---

    def _formula(self, node: ast.expr, names: Names) -> Result:
        """What arithmetic and functions make of both directions."""
        parts: set[Part] = set()
        reads: set[Key] = set()
        orders: set[bool | None] = set()

        def operand(each: ast.expr) -> Operand | None:
            return known(self.value(each, names)) if each is not node else None

        def known(found: Result) -> Operand | None:
            match found:
                case Outputs(form=form, merge=Merge() as merge, steps_first=first) if form in (ARRAY, PER_ROW):
                    reads.update(found.reads)
                    parts.update(merge.parts)
                    orders.update([first] if form == ARRAY else [])
                    return merge.formula
                case Final(direction=int() as direction, part=part):
                    reads.update(found.reads)
                    parts.add((direction, part))
                    return left(direction, part)
                case Several(items=items):
                    operands = [known(item) for item in items]
                    return [each for each in operands if each is not None] if None not in operands else None
                case _:
                    return None

        formulas = Formulas(operand, lambda each: self._plain.evaluator.given(each, names), self._activations, axes)
        try:
            text = formulas.operand(node)
        except (NotRead, DiagnosticError):
            return None
        if not isinstance(text, Text) or "‹" not in text.text or len(orders) > 1:
            return None
        merge = Merge(text, frozenset(parts))
        form = ARRAY if merge.has_steps else PER_ROW
        return Outputs(frozenset(reads), next(iter(orders), None), form, merge, renamed=merge.is_plain)
