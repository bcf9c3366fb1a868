"""Variables of scripts, `tf.get_variable('w', [16, 10])`, `tf.Variable(tf.zeros([10]))`, and their shapes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from rnnc.importing.behind.calling import Plain, arguments
from rnnc.importing.behind.values import key_of
from rnnc.importing.formulas.directions import Key
from rnnc.importing.python.values import Names, Thunk

_TELLS_NOTHING = """
    dtype initializer regularizer collections caching_device partitioner validate_shape use_resource
    constraint synchronization aggregation variable_def expected_shape import_scope reuse
"""
GET = "name shape dtype initializer regularizer trainable collections caching_device partitioner validate_shape"
MADE = "initial_value trainable collections validate_shape caching_device name variable_def dtype"
# Functions of initial values, by what tells their shape: the first argument, all of them, or a value.
_OF_SHAPE = "zeros ones random_normal truncated_normal random_uniform normal uniform fill empty full"
OF_SHAPE = frozenset(_OF_SHAPE.split())
OF_SIZES = ("randn", "rand")
_OF_VALUES = "constant convert_to_tensor array cast to_float float32 float64 asarray"
OF_VALUES = frozenset(_OF_VALUES.split())
MOST_DEEP = 20


@dataclass(frozen=True)
class Variable:
    """A variable: which it is, its name in a checkpoint where that is known, and the lines that make it."""

    key: Key
    shape: tuple[int, ...]
    name: str | None
    reads: frozenset[Key]
    is_trained: bool
    may_be_another: bool  # under a name that nobody knows it may be a variable that is already there


class Variables:
    """Finds the variables that expressions are."""

    def __init__(self, plain: Plain) -> None:
        self._plain = plain
        self._inside: dict[Key, tuple[ast.expr, Names, ast.expr, Names]] = {}  # calls of the text's own functions

    def find(self, node: ast.expr, names: Names, depth: int = 0) -> Variable | None:
        """By its name, in a dictionary, or as it stands; None where it is none, or of an unknown shape."""
        if depth > MOST_DEEP:
            return None
        match node:
            case ast.Name(id=name):
                entry = names.get(name)
                found = self.find(entry.node, entry.names, depth + 1) if isinstance(entry, Thunk) else None
                return _also(found, key_of(entry.node, entry.names)) if isinstance(entry, Thunk) else None
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)):
                entry = names.get(name)
                if isinstance(entry, Thunk) and isinstance(entry.node, ast.Name):  # a parameter, or another name
                    inner = ast.copy_location(ast.Subscript(value=entry.node, slice=node.slice, ctx=node.ctx), node)
                    return self.find(inner, entry.names, depth + 1)
                held = entry.node if isinstance(entry, Thunk) else None
                if not isinstance(entry, Thunk) or not isinstance(held, ast.Dict):
                    return None
                pairs = [*zip(held.keys, held.values, strict=True)]
                keys = [each.value if isinstance(each, ast.Constant) else None for each, _ in pairs]
                if None in keys or keys.count(key) != 1:
                    return None
                found = self.find(pairs[keys.index(key)][1], entry.names, depth + 1)
                return _also(found, key_of(held, entry.names))
            case ast.Call():
                return self._made(node, names, depth)
            case _:
                return None

    def _made(self, node: ast.Call, names: Names, depth: int) -> Variable | None:
        kind = self._plain.called(node, names)
        if kind not in ("get_variable", "Variable"):
            key = key_of(node, names)
            if key not in self._inside and (inside := self._plain.inside(node, names)) is not None:
                self._inside[key] = (node, names, *inside)  # kept, so that each call has names of its own
            return self.find(*self._inside[key][2:], depth + 1) if key in self._inside else None
        given = arguments(node, GET if kind == "get_variable" else MADE, f"name trainable {_TELLS_NOTHING}")
        if given is None or not self._plain.is_understood(names):
            return None
        shape = self._plain.wholes(given.get("shape"), names) if "shape" in given else None
        value = given.get("initial_value", given.get("initializer"))
        if shape is None and value is not None and "shape" not in given:
            shape = self._shape(value, names, depth)
        trained = self._plain.flag(given.get("trainable"), names, default=True)
        if shape is None or trained is None:
            return None
        is_got, name = kind == "get_variable", self._name(given.get("name"), names)
        return Variable(key_of(node, names), tuple(shape), name, frozenset(), trained, is_got and name is None)

    def _name(self, node: ast.expr | None, names: Names) -> str | None:
        """What a checkpoint calls it; a name that the library makes up is not known."""
        found, scope = self._plain.word(node, names), self._plain.scope(names)
        return scope + found if found is not None and '"' not in found and scope is not None else None

    def _shape(self, node: ast.expr, names: Names, depth: int) -> list[int] | None:
        """The shape of an initial value."""
        if depth > MOST_DEEP:
            return None
        match node:
            case ast.Name(id=name):
                entry = names.get(name)
                return self._shape(entry.node, entry.names, depth + 1) if isinstance(entry, Thunk) else None
            case ast.List() | ast.Tuple():
                return self._of_list(node, names, depth)
            case ast.Constant(value=int() | float()):
                return []
            case ast.UnaryOp(operand=operand):
                return self._shape(operand, names, depth + 1)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right=right):
                shapes = [self._shape(each, names, depth + 1) for each in (left, right)]
                numbers = [isinstance(self._plain.value(each, names), int | float) for each in (left, right)]
                whole = [shape for shape, number in zip(shapes, numbers, strict=True) if not number]
                return whole[0] if len(whole) == 1 else None
            case ast.Call():
                return self._of_call(node, names, depth)
            case _:
                return None

    def _of_list(self, node: ast.List | ast.Tuple, names: Names, depth: int) -> list[int] | None:
        shapes = [self._shape(each, names, depth + 1) for each in node.elts]
        first = shapes[0] if shapes else None
        return [len(shapes), *first] if first is not None and all(each == first for each in shapes) else None

    def _of_call(self, node: ast.Call, names: Names, depth: int) -> list[int] | None:
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        kind = self._plain.called(node, names)
        if "shape" in named:
            return self._plain.wholes(named["shape"], names)
        if kind in OF_SIZES:
            sizes = [self._plain.whole(each, names) for each in node.args]
            return [size for size in sizes if size is not None] if None not in sizes else None
        if kind in OF_VALUES and node.args:
            return self._shape(node.args[0], names, depth + 1)
        is_initializer = isinstance(node.func, ast.Call) or (kind or "").endswith(("initializer", "init"))
        if (kind in OF_SHAPE or is_initializer) and node.args:
            return self._plain.wholes(node.args[0], names)
        inside = self._plain.inside(node, names)
        return self._shape(*inside, depth + 1) if inside is not None else None


def _also(found: Variable | None, key: Key) -> Variable | None:
    if found is None:
        return None
    return replace(found, reads=found.reads | {key})
